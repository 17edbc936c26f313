#include "lathe/data/prepare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "lathe/base/error.h"
#include "lathe/base/hash.h"
#include "lathe/base/log.h"
#include "lathe/data/limits.h"
#include "lathe/data/match_trained.h"
#include "lathe/data/scaling.h"
#include "lathe/data/split.h"
#include "lathe/data/target_columns.h"

namespace lathe::data {
namespace {

void add_part(Hasher& hasher, std::string_view name, const Samples& samples) {
  hasher.add_text(name);
  const std::int64_t sizes[] = {samples.rows(), samples.width};
  hasher.add(std::as_bytes(std::span(sizes)));
  hasher.add(std::as_bytes(std::span(samples.features)));
  hasher.add(std::as_bytes(std::span(samples.labels)));
  if (!samples.shape.empty()) hasher.add(std::as_bytes(std::span(samples.shape)));
  if (samples.outputs == 0) return;
  hasher.add(std::as_bytes(std::span(&samples.outputs, 1)));
  hasher.add(std::as_bytes(std::span(samples.targets)));
}

// Returns the smallest label in [0, classes) that no row has, `classes` where there is none. Looks at no more labels
// than rows could have, whatever number a stray label makes of the classes.
std::int64_t first_absent(const std::vector<std::int32_t>& labels, std::int64_t classes) {
  const std::size_t looked_at = std::min(static_cast<std::size_t>(classes), labels.size() + 1);
  std::vector<bool> seen(looked_at, false);
  for (const std::int32_t label : labels)
    if (static_cast<std::size_t>(label) < looked_at) seen[static_cast<std::size_t>(label)] = true;
  const auto absent = std::find(seen.begin(), seen.end(), false) - seen.begin();
  return absent == static_cast<std::ptrdiff_t>(looked_at) ? classes : absent;
}

// Returns the path of the first part that has the label; of the training rows where none has (a one-hot column).
const std::string& path_with(const RawDataset& raw, std::int64_t label) {
  if (raw.labels_path.empty()) return raw.path;
  const auto has = [&](const Samples& part) {
    return std::find(part.labels.begin(), part.labels.end(), label) != part.labels.end();
  };
  if (has(raw.train)) return raw.labels_path;
  if (has(raw.validation)) return raw.validation_labels_path;
  return has(raw.test) ? raw.test_labels_path : raw.labels_path;
}

// Where nothing names the classes, they are counted by the labels: one stray label would make many empty classes.
void check_every_class(const RawDataset& raw, std::int64_t classes) {
  const std::vector<std::int32_t>& labels = raw.train.labels;
  const std::int64_t absent = first_absent(labels, classes);
  if (absent == classes) return;
  const std::int32_t least = *std::min_element(labels.begin(), labels.end());
  throw DataError(
      path_with(raw, classes - 1),
      fmt::format("label {} is out of range: no training row has label {}; labels count from 0 without "
                  "gaps{}{}; numbers to predict need task = \"regression\"",
                  classes - 1, absent, least > 0 ? fmt::format(" (subtract {} from each)", least) : "",
                  raw.reads_class_names ? "; class_names.txt in their folder may name classes without rows" : ""));
}

// Says which classes only occur where nothing is learned from them, and where there is nothing to tell apart.
void warn_of_unlearned(const RawDataset& raw) {
  if (raw.class_names.size() == 1)
    log::warning("all rows are of one class, {}: every network is right about them",
                 shortened(raw.class_names.front()));
  std::vector<bool> learned(raw.class_names.size(), false), scored = learned;
  for (const std::int32_t label : raw.train.labels) learned[static_cast<std::size_t>(label)] = true;
  for (const Samples* part : {&raw.validation, &raw.test})
    for (const std::int32_t label : part->labels) scored[static_cast<std::size_t>(label)] = true;
  for (std::size_t i = 0; i < learned.size(); ++i) {
    if (scored[i] && !learned[i])
      log::warning("class {} has rows to validate or test with, but none to train with", shortened(raw.class_names[i]));
  }
}

// Names go into JSON, which holds UTF-8 alone.
void make_names_utf8(RawDataset& raw) {
  for (std::vector<std::string>* names : {&raw.feature_names, &raw.target_names, &raw.class_names}) {
    for (std::string& name : *names) name = as_utf8(name);
  }
}

// Gives plain features names; those of pixels would say nothing.
void name_features(RawDataset& raw) {
  if (!raw.train.shape.empty()) return;
  if (raw.feature_names.empty()) raw.made_up_names = true;
  for (std::int64_t i = static_cast<std::int64_t>(raw.feature_names.size()); i < raw.train.width; ++i) {
    raw.feature_names.push_back(fmt::format("f{}", i));
  }
}

// Cuts an own validation part to the number of rows that was asked for, and mixes its rows: files may be sorted by
// class, and training on the part shuffles blocks of neighbours.
void use_own_validation(Samples& validation, const DatasetRequest& request) {
  const std::int64_t wanted = request.validation_rows.value_or(validation.rows());
  if (wanted < 1 || wanted > validation.rows()) {
    throw UserError("validation_rows",
                    fmt::format("must be between 1 and {} (the data set's own validation part); got {}",
                                validation.rows(), wanted));
  }
  Rows rows = random_rows(validation.rows(), request.seed, "validation_order");
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](std::uint32_t row) { return row >= wanted; }), rows.end());
  validation = take_rows(validation, rows);
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
    use_own_validation(raw.validation, request);
  else
    raw.validation = take_rows(raw.train, rows.validation);
  raw.train = take_rows(raw.train, rows.train);
}

// Measures how the features, and the targets where wanted, are scaled by the training rows.
void measure_own_scaling(const RawDataset& raw, const DatasetRequest& request, Preprocessing& own) {
  if (!raw.physical || !request.standardise) return;
  own.scaling = measure_scaling(raw.train.features, raw.train.width, raw.pooled);
  if (!request.standardise_targets || own.targets.empty()) return;
  const Scaling targets = measure_scaling(raw.train.targets, raw.train.outputs);
  for (std::size_t i = 0; i < own.targets.size(); ++i) {
    own.targets[i].mean = targets.mean[i];
    own.targets[i].deviation = targets.deviation[i];
  }
}

// Takes the scaling of trained weights instead of the own one. What does not fit (a network that will be refused)
// stays.
void take_trained_scaling(const RawDataset& raw, const Preprocessing& trained, Preprocessing& done) {
  const Preprocessing own = done;
  const bool fits = trained.scaling.empty() || trained.scaling.width() == static_cast<std::size_t>(raw.train.width);
  if (fits && raw.vocabulary == 0) done.scaling = trained.scaling;
  if (!fits) {
    log::warning("the weights' stored scaling is of {} values and rows have {}: rows are scaled by their own",
                 trained.scaling.width(), raw.train.width);
  }
  for (std::size_t i = 0; i < done.targets.size() && done.targets.size() == trained.targets.size(); ++i) {
    done.targets[i].mean = trained.targets[i].mean;
    done.targets[i].deviation = trained.targets[i].deviation;
  }
  if (done != own)
    log::info("rows are scaled as in training, by the means and deviations stored with the weights, not by their own");
}

// Scales features and targets; `done` is told how.
void scale(RawDataset& raw, const DatasetRequest& request, Preprocessing& done) {
  measure_own_scaling(raw, request, done);
  if (request.trained) take_trained_scaling(raw, *request.trained, done);
  for (Samples* part : {&raw.train, &raw.validation, &raw.test}) {
    apply_scaling(done.scaling, part->features);
    if (done.changes_targets()) apply_scaling(scaling_of(done.targets), part->targets);
  }
}

// Counts the classes and names those that have no name.
void prepare_classes(RawDataset& raw, const DatasetRequest& request) {
  std::int64_t classes = std::max(raw.classes, static_cast<std::int64_t>(raw.class_names.size()));
  for (const Samples* part : {&raw.train, &raw.validation, &raw.test}) {
    for (const std::int32_t label : part->labels) classes = std::max<std::int64_t>(classes, label + std::int64_t{1});
  }
  const bool trained = request.trained && static_cast<std::size_t>(classes) <= request.trained->class_names.size();
  if (raw.class_names.empty() && !trained) check_every_class(raw, classes);
  for (std::int64_t i = static_cast<std::int64_t>(raw.class_names.size()); i < classes; ++i) {
    raw.class_names.push_back(fmt::to_string(i));
  }
}

void prepare_targets(RawDataset& raw, const DatasetRequest& request) {
  if (raw.train.outputs == 0) make_columns_targets(raw, request.targets);
  raw.class_names.clear();
}

std::vector<Target> named_targets(const RawDataset& raw) {
  std::vector<Target> targets;
  for (const std::string& name : raw.target_names) targets.push_back({.name = name});
  return targets;
}

void check_finite(const std::vector<float>& values, std::int64_t columns, const std::vector<std::string>& names,
                  const std::string& path) {
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const std::size_t column = i % width;
    const std::string name = column < names.size() ? fmt::format(" ({})", names[column]) : "";
    throw DataError(path,
                    fmt::format("row {}, column {}{}: expected a finite number; got {} (rows and columns count from 0)",
                                i / width, column, name, values[i]));
  }
}

// Columns of an image or a text are no quantities that could be predicted, and only a text file has next tokens.
void refuse_shapes(const RawDataset& raw, const DatasetRequest& request) {
  const bool shaped = !raw.train.shape.empty();
  if (request.task == Task::kRegression && shaped && raw.train.outputs == 0) {
    throw UserError("task", fmt::format("data set {} has images or texts with classes; regression needs columns of "
                                        "numbers, or arrays with targets",
                                        raw.name));
  }
  if (request.language_modeling && raw.vocabulary == 0) {
    throw UserError("task",
                    fmt::format("language modelling learns from a text file (.txt); data set {} is none", raw.name));
  }
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
  const bool regression = request.task == Task::kRegression;
  refuse_shapes(raw, request);
  make_names_utf8(raw);
  name_features(raw);
  auto dataset = std::make_shared<Dataset>();
  dataset->task = request.task;
  Preprocessing& done = dataset->preprocessing;
  if (regression)
    prepare_targets(raw, request);
  else
    prepare_classes(raw, request);
  if (request.trained) match_trained(raw, *request.trained, request.keep_classes);
  done.targets = named_targets(raw);
  dataset->classes = static_cast<std::int64_t>(raw.class_names.size());
  dataset->own_validation = raw.validation.rows() > 0;
  split_parts(raw, request);
  if (!regression && !request.trained && raw.train.positions == 1) warn_of_unlearned(raw);
  scale(raw, request, done);
  if (regression) raw.source += fmt::format(", regression of {}", fmt::join(raw.target_names, ", "));

  dataset->name = raw.name;
  dataset->vocabulary = raw.vocabulary;
  done.class_names = std::move(raw.class_names);
  done.label = as_utf8(raw.label);
  done.feature_names = std::move(raw.feature_names);
  done.divisor = raw.divisor;
  done.channels_last = raw.channels_last;
  dataset->train = std::move(raw.train);
  dataset->validation = std::move(raw.validation);
  dataset->test = std::move(raw.test);
  for (Samples* part : {&dataset->train, &dataset->validation, &dataset->test}) arrange_blocks(*part);
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
  check_finite(samples.features, samples.width, feature_names, path);
}

void check_targets(const Samples& samples, const std::vector<std::string>& target_names, const std::string& path) {
  check_finite(samples.targets, samples.outputs, target_names, path);
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
