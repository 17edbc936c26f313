#include "lathe/data/target_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

bool contains(const std::vector<std::size_t>& columns, std::size_t column) {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

void move_columns(Samples& samples, const std::vector<std::size_t>& columns) {
  const auto rows = static_cast<std::size_t>(samples.rows()), width = static_cast<std::size_t>(samples.width);
  std::vector<float> features, targets;
  features.reserve(rows * (width - columns.size()));
  targets.reserve(rows * columns.size());
  for (std::size_t row = 0; row < rows; ++row) {
    const float* values = samples.features.data() + row * width;
    for (const std::size_t column : columns) targets.push_back(values[column]);
    for (std::size_t column = 0; column < width; ++column)
      if (!contains(columns, column)) features.push_back(values[column]);
  }
  samples = {.width = static_cast<std::int64_t>(width - columns.size()),
             .features = std::move(features),
             .labels = {},
             .outputs = static_cast<std::int64_t>(columns.size()),
             .targets = std::move(targets)};
}

}  // namespace

std::vector<std::size_t> find_target_columns(const std::vector<std::string>& names,
                                             const std::vector<std::string>& columns) {
  std::vector<std::size_t> found;
  for (const std::string& name : names) {
    const auto place = std::find(columns.begin(), columns.end(), name);
    if (place == columns.end())
      throw UserError("targets", fmt::format("there is no column \"{}\"{}", name, suggestion(name, columns)));
    const auto column = static_cast<std::size_t>(place - columns.begin());
    if (contains(found, column)) throw UserError("targets", fmt::format("the column \"{}\" is named twice", name));
    found.push_back(column);
  }
  if (found.size() == columns.size())
    throw UserError("targets", "all columns are targets; at least one must be left as a feature");
  return found;
}

void make_columns_targets(RawDataset& raw, const std::vector<std::string>& names) {
  if (names.empty())
    throw UserError("targets", fmt::format("data set {} has classes and no targets: name the columns to predict, for "
                                           "example targets = [\"{}\"]; its columns are {}",
                                           raw.name, raw.feature_names.front(), fmt::join(raw.feature_names, ", ")));
  const std::vector<std::size_t> columns = find_target_columns(names, raw.feature_names);
  for (Samples* part : {&raw.train, &raw.validation, &raw.test})
    if (part->rows() > 0) move_columns(*part, columns);
  std::vector<std::string> features;
  for (std::size_t i = 0; i < raw.feature_names.size(); ++i)
    if (!contains(columns, i)) features.push_back(raw.feature_names[i]);
  raw.feature_names = std::move(features);
  raw.target_names = names;
}

}  // namespace lathe::data
