#include "lathe/data/target_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

bool equal_without_case(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char left, unsigned char right) { return std::tolower(left) == std::tolower(right); });
}

std::optional<std::size_t> find_index(const std::string& text, std::size_t columns) {
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const auto count = static_cast<std::int64_t>(columns);
  if (index < -count || index >= count) return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + count : index);
}

// Marks the chosen of `count` columns.
std::vector<bool> marks(const std::vector<std::size_t>& columns, std::size_t count) {
  std::vector<bool> marked(count, false);
  for (const std::size_t column : columns) marked[column] = true;
  return marked;
}

void move_columns(Samples& samples, const std::vector<std::size_t>& columns) {
  const auto rows = static_cast<std::size_t>(samples.rows()), width = static_cast<std::size_t>(samples.width);
  const std::vector<bool> moved = marks(columns, width);
  std::vector<float> features, targets;
  features.reserve(rows * (width - columns.size()));
  targets.reserve(rows * columns.size());
  for (std::size_t row = 0; row < rows; ++row) {
    const float* values = samples.features.data() + row * width;
    for (const std::size_t column : columns) targets.push_back(values[column]);
    for (std::size_t column = 0; column < width; ++column)
      if (!moved[column]) features.push_back(values[column]);
  }
  samples = {.width = static_cast<std::int64_t>(width - columns.size()),
             .features = std::move(features),
             .labels = {},
             .outputs = static_cast<std::int64_t>(columns.size()),
             .targets = std::move(targets)};
}

}  // namespace

std::vector<std::size_t> columns_called(const std::vector<std::string>& names,
                                        const std::vector<std::string>& columns) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto same = [&](const std::string& name) { return equal_without_case(name, columns[i]); };
    if (std::any_of(names.begin(), names.end(), same)) found.push_back(i);
  }
  return found;
}

std::optional<std::size_t> column_named(const std::string& name, const std::vector<std::string>& columns) {
  const auto exact = std::find(columns.begin(), columns.end(), name);
  if (exact != columns.end()) return static_cast<std::size_t>(exact - columns.begin());
  const std::vector<std::size_t> alike = columns_called({name}, columns);
  if (alike.size() == 1) return alike.front();
  return find_index(name, columns.size());
}

std::vector<std::size_t> find_target_columns(const std::vector<std::string>& names,
                                             const std::vector<std::string>& columns) {
  std::vector<std::size_t> found;
  std::vector<bool> taken(columns.size(), false);
  for (const std::string& name : names) {
    const std::optional<std::size_t> column = column_named(name, columns);
    if (!column)
      throw UserError("targets", fmt::format("there is no column \"{}\"{}", name, suggestion(name, columns)));
    if (taken[*column]) throw UserError("targets", fmt::format("the column \"{}\" is named twice", name));
    taken[*column] = true;
    found.push_back(*column);
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
  const std::vector<bool> moved = marks(columns, raw.feature_names.size());
  std::vector<std::string> features;
  for (const std::size_t column : columns) raw.target_names.push_back(raw.feature_names[column]);
  for (std::size_t i = 0; i < raw.feature_names.size(); ++i)
    if (!moved[i]) features.push_back(raw.feature_names[i]);
  raw.feature_names = std::move(features);
}

}  // namespace lathe::data
