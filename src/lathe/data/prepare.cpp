#include "lathe/data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "lathe/base/error.h"
#include "lathe/base/hash.h"
#include "lathe/data/split.h"

namespace lathe::data {
namespace {

void add_part(Hasher& hasher, std::string_view name, const Samples& samples) {
  hasher.add_text(name);
  const std::int64_t sizes[] = {samples.rows(), samples.width};
  hasher.add(std::as_bytes(std::span(sizes)));
  hasher.add(std::as_bytes(std::span(samples.features)));
  hasher.add(std::as_bytes(std::span(samples.labels)));
}

// Where nothing names the classes, they are counted by the labels: one stray label would make many empty classes.
void check_every_class(const RawDataset& raw, std::int64_t classes) {
  std::vector<bool> seen(static_cast<std::size_t>(classes), false);
  for (const std::int32_t label : raw.train.labels) seen[static_cast<std::size_t>(label)] = true;
  const auto absent = std::find(seen.begin(), seen.end(), false);
  if (absent == seen.end()) return;
  throw DataError(raw.path, fmt::format("label {} is out of range: no training row has label {}; labels count from 0 "
                                        "without gaps (class_names.txt may name classes without rows)",
                                        classes - 1, absent - seen.begin()));
}

void name_the_nameless(RawDataset& raw, std::int64_t classes) {
  for (std::int64_t i = static_cast<std::int64_t>(raw.feature_names.size()); i < raw.train.width; ++i) {
    raw.feature_names.push_back(fmt::format("f{}", i));
  }
  for (std::int64_t i = static_cast<std::int64_t>(raw.class_names.size()); i < classes; ++i) {
    raw.class_names.push_back(fmt::to_string(i));
  }
}

/// Cuts an own validation part to the number of rows that was asked for.
void cut_validation(Samples& validation, const DatasetRequest& request) {
  if (!request.validation_rows) return;
  const std::int64_t wanted = *request.validation_rows;
  if (wanted < 1 || wanted > validation.rows()) {
    throw UserError("validation_rows",
                    fmt::format("must be between 1 and {} (the data set's own validation part); got {}",
                                validation.rows(), wanted));
  }
  validation.labels.resize(static_cast<std::size_t>(wanted));
  validation.features.resize(static_cast<std::size_t>(wanted * validation.width));
}

void split_parts(RawDataset& raw, const DatasetRequest& request) {
  if (raw.test.rows() == 0) {
    const auto [train, test] = split_test_rows(raw.train.rows());
    raw.test = take_rows(raw.train, test);
    raw.train = take_rows(raw.train, train);
  }
  const bool own_validation = raw.validation.rows() > 0;
  const TrainValidationRows rows = split_training_rows(raw.train.rows(), request, own_validation);
  if (own_validation)
    cut_validation(raw.validation, request);
  else
    raw.validation = take_rows(raw.train, rows.validation);
  raw.train = take_rows(raw.train, rows.train);
}

void standardise(RawDataset& raw) {
  const Scaling scaling = measure_scaling(raw.train);
  for (Samples* part : {&raw.train, &raw.validation, &raw.test}) apply_scaling(scaling, *part);
}

}  // namespace

std::string hash_parts(const Dataset& dataset) {
  Hasher hasher;
  add_part(hasher, "train", dataset.train);
  add_part(hasher, "validation", dataset.validation);
  add_part(hasher, "test", dataset.test);
  return hasher.finish().to_hex();
}

std::shared_ptr<const Dataset> prepare(RawDataset raw, const DatasetRequest& request) {
  constexpr std::int64_t kFewestRows = 5;  // one for each part, after 20 % went to the test part
  if (raw.train.rows() < kFewestRows) {
    throw DataError(raw.path,
                    fmt::format("has {} training rows; at least {} are needed", raw.train.rows(), kFewestRows));
  }
  std::int64_t classes = static_cast<std::int64_t>(raw.class_names.size());
  for (const Samples* part : {&raw.train, &raw.validation, &raw.test}) {
    for (const std::int32_t label : part->labels) classes = std::max<std::int64_t>(classes, label + std::int64_t{1});
  }
  if (raw.class_names.empty()) check_every_class(raw, classes);
  name_the_nameless(raw, classes);
  split_parts(raw, request);
  if (raw.physical && request.standardise) standardise(raw);

  auto dataset = std::make_shared<Dataset>();
  dataset->name = raw.name;
  dataset->classes = classes;
  dataset->class_names = std::move(raw.class_names);
  dataset->feature_names = std::move(raw.feature_names);
  dataset->train = std::move(raw.train);
  dataset->validation = std::move(raw.validation);
  dataset->test = std::move(raw.test);
  dataset->fingerprint = {.dataset = request.name,
                          .source = raw.source,
                          .path = raw.path,
                          .train_rows = dataset->train.rows(),
                          .validation_rows = dataset->validation.rows(),
                          .test_rows = dataset->test.rows(),
                          .split_seed = request.seed,
                          .hash = hash_parts(*dataset),
                          .notice = raw.notice};
  return dataset;
}

void check_features(const Samples& samples, const std::vector<std::string>& feature_names, const std::string& path) {
  const auto width = static_cast<std::size_t>(samples.width);
  for (std::size_t i = 0; i < samples.features.size(); ++i) {
    if (std::isfinite(samples.features[i])) continue;
    const std::size_t column = i % width;
    const std::string name = column < feature_names.size() ? fmt::format(" ({})", feature_names[column]) : "";
    throw DataError(path,
                    fmt::format("row {}, column {}{}: expected a finite number; got {} (rows and columns count from 0)",
                                i / width, column, name, samples.features[i]));
  }
}

void check_labels(const Samples& samples, std::int64_t classes, const std::string& path) {
  for (std::size_t row = 0; row < samples.labels.size(); ++row) {
    const std::int32_t label = samples.labels[row];
    if (label >= 0 && label < classes) continue;
    throw DataError(
        path, fmt::format("row {}: label {} is out of range; there are {} classes, 0 to {} (rows count from 0)", row,
                          label, classes, classes - 1));
  }
}

}  // namespace lathe::data
