#include "lathe/data/match_trained.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "lathe/base/error.h"
#include "lathe/base/log.h"

namespace lathe::data {
namespace {

using Names = std::vector<std::string>;
using Columns = std::vector<std::size_t>;

// Tells whether names are those that lathe makes up: `f0`, `f1`, ... or `0`, `1`, ...
bool are_numbered(const Names& names, std::string_view prefix) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] != fmt::format("{}{}", prefix, i)) return false;
  return true;
}

std::optional<std::size_t> place_of(const std::string& name, const Names& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

bool has_duplicates(const Names& names) { return std::set(names.begin(), names.end()).size() != names.size(); }

// Returns where the wanted names are among others; nullopt where one is absent, or names do not tell columns apart.
std::optional<Columns> columns_by_name(const Names& wanted, const Names& names) {
  if (has_duplicates(wanted) || has_duplicates(names)) return std::nullopt;
  Columns columns;
  for (const std::string& name : wanted) {
    const std::optional<std::size_t> place = place_of(name, names);
    if (!place) return std::nullopt;
    columns.push_back(*place);
  }
  return columns;
}

// Takes columns of [rows, width] values.
std::vector<float> take_columns(const std::vector<float>& values, std::size_t width, const Columns& columns) {
  std::vector<float> taken;
  taken.reserve(values.size() / width * columns.size());
  for (std::size_t row = 0; row + width <= values.size(); row += width)
    for (const std::size_t column : columns) taken.push_back(values[row + column]);
  return taken;
}

void warn_of_other_names(const char* what, const Names& trained, const Names& names) {
  const auto [before, now] = std::mismatch(trained.begin(), trained.end(), names.begin());
  log::warning("{} are called otherwise than in training (\"{}\" was \"{}\"): they are taken by their place", what,
               *now, *before);
}

// Tells by which columns to replace `names`: nullopt where they stay. Says what happens.
std::optional<Columns> choose_columns(const char* what, const Names& trained, const Names& names) {
  if (trained.empty() || trained == names || are_numbered(trained, "f") || are_numbered(names, "f"))
    return std::nullopt;
  const std::optional<Columns> columns = columns_by_name(trained, names);
  if (!columns) {
    if (trained.size() == names.size()) warn_of_other_names(what, trained, names);
    return std::nullopt;
  }
  Names ignored;
  for (const std::string& name : names)
    if (!place_of(name, trained)) ignored.push_back(name);
  log::info("{} are taken by name, in the order of training{}", what,
            ignored.empty() ? "" : fmt::format("; not used: {}", fmt::join(ignored, ", ")));
  return columns;
}

void match_features(RawDataset& raw, const Names& trained) {
  if (!raw.train.shape.empty()) return;
  const std::optional<Columns> columns = choose_columns("features", trained, raw.feature_names);
  if (!columns) return;
  for (Samples* part : {&raw.train, &raw.validation, &raw.test}) {
    if (part->rows() == 0) continue;
    part->features = take_columns(part->features, static_cast<std::size_t>(part->width), *columns);
    part->width = static_cast<std::int64_t>(columns->size());
  }
  raw.feature_names = trained;
}

void match_targets(RawDataset& raw, const std::vector<Target>& trained) {
  Names names;
  for (const Target& target : trained) names.push_back(target.name);
  if (names.size() != raw.target_names.size()) return;  // a network that does not fit is refused later
  const std::optional<Columns> columns = choose_columns("targets", names, raw.target_names);
  if (!columns) return;
  for (Samples* part : {&raw.train, &raw.validation, &raw.test})
    part->targets = take_columns(part->targets, columns->size(), *columns);
  raw.target_names = names;
}

void replace_labels(RawDataset& raw, const Columns& places) {
  for (Samples* part : {&raw.train, &raw.validation, &raw.test})
    for (std::int32_t& label : part->labels) label = static_cast<std::int32_t>(places[static_cast<std::size_t>(label)]);
}

// Numbers that count classes say nothing of names: they are places.
bool match_numbered_labels(RawDataset& raw, const Names& trained) {
  if (!are_numbered(raw.class_names, "") || raw.class_names.size() > trained.size()) return false;
  if (!are_numbered(trained, ""))
    log::info("labels are numbers: they count the classes of training ({})", fmt::join(trained, ", "));
  raw.class_names = trained;
  return true;
}

void match_classes(RawDataset& raw, const Names& trained, bool keep_classes) {
  if (trained.empty() || trained == raw.class_names || match_numbered_labels(raw, trained)) return;
  if (const std::optional<Columns> places = columns_by_name(raw.class_names, trained)) {
    replace_labels(raw, *places);
    raw.class_names = trained;
    log::info("classes are taken by name, in the order of training: {}", fmt::join(trained, ", "));
    return;
  }
  const auto unknown = std::find_if(raw.class_names.begin(), raw.class_names.end(),
                                    [&](const std::string& name) { return !place_of(name, trained); });
  const std::string& shown = unknown == raw.class_names.end() ? raw.class_names.front() : *unknown;
  const std::string text = fmt::format(
      "the class \"{}\" of these rows is none of those that the weights were trained "
      "on: {}",
      shown, fmt::join(trained, ", "));
  if (keep_classes) throw UserError("dataset", text);
  log::warning("{}", text);
}

}  // namespace

void match_trained(RawDataset& raw, const Preprocessing& trained, bool keep_classes) {
  match_features(raw, trained.feature_names);
  if (raw.train.outputs > 0) return match_targets(raw, trained.targets);
  if (raw.train.positions == 1) match_classes(raw, trained.class_names, keep_classes);
}

}  // namespace lathe::data
