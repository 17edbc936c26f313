#include "lathe/data/match_trained.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

using Names = std::vector<std::string>;
using Columns = std::vector<std::size_t>;
using Places = std::unordered_map<std::string_view, std::size_t>;

// Tells whether names of classes are `0`, `1`, ..., as those are that nobody named.
bool are_numbered(const Names& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] != fmt::to_string(i)) return false;
  return true;
}

// Returns where each name is; fewer than names where one stands twice.
Places places_of(const Names& names) {
  Places places;
  for (std::size_t i = 0; i < names.size(); ++i) places.emplace(names[i], i);
  return places;
}

// Lists those of the names that are none of the known ones.
Names unknown_names(const Names& names, const Names& known) {
  const Places places = places_of(known);
  Names unknown;
  for (const std::string& name : names)
    if (!places.contains(name)) unknown.push_back(name);
  return unknown;
}

// Returns where the wanted names are among others; nullopt where one is absent, or names do not tell columns apart.
std::optional<Columns> columns_by_name(const Names& wanted, const Names& names) {
  const Places places = places_of(names);
  if (places.size() != names.size() || places_of(wanted).size() != wanted.size()) return std::nullopt;
  Columns columns;
  for (const std::string& name : wanted) {
    const auto found = places.find(name);
    if (found == places.end()) return std::nullopt;
    columns.push_back(found->second);
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

// Tells by which columns to replace `names`: nullopt where they stay. Says what happens. Names that the file does not
// have say nothing, however they are spelt.
std::optional<Columns> choose_columns(const char* what, const Names& trained, const Names& names, bool made_up) {
  if (trained.empty() || trained == names) return std::nullopt;
  const std::optional<Columns> columns = made_up ? std::nullopt : columns_by_name(trained, names);
  if (!columns) {
    if (trained.size() == names.size()) warn_of_other_names(what, trained, names);
    return std::nullopt;
  }
  const Names ignored = unknown_names(names, trained);
  log::info("{} are taken by name, in the order of training{}", what,
            ignored.empty() ? "" : fmt::format("; not used: {}", few_of(ignored)));
  return columns;
}

void match_features(RawDataset& raw, const Names& trained) {
  if (!raw.train.shape.empty()) return;
  const std::optional<Columns> columns = choose_columns("features", trained, raw.feature_names, raw.made_up_names);
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
  const std::optional<Columns> columns = choose_columns("targets", names, raw.target_names, false);
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
  if (!are_numbered(raw.class_names) || raw.class_names.size() > trained.size()) return false;
  if (!are_numbered(trained)) log::info("labels are numbers: they count the classes of training ({})", few_of(trained));
  raw.class_names = trained;
  return true;
}

void match_classes(RawDataset& raw, const Names& trained, bool keep_classes) {
  if (trained.empty() || trained == raw.class_names || match_numbered_labels(raw, trained)) return;
  if (const std::optional<Columns> places = columns_by_name(raw.class_names, trained)) {
    replace_labels(raw, *places);
    raw.class_names = trained;
    log::info("classes are taken by name, in the order of training: {}", few_of(trained));
    return;
  }
  const Names unknown = unknown_names(raw.class_names, trained);
  const std::string& shown = unknown.empty() ? raw.class_names.front() : unknown.front();
  const std::string text = fmt::format(
      "the class \"{}\" of these rows is none of those that the weights were trained "
      "on: {}",
      shown, few_of(trained));
  if (keep_classes) throw UserError("dataset", text);
  log::warning("{}", text);
}

// Says where one of both was bytes, 0 to 255, and the other was not, as far as the weights tell: rows that were
// divided by 255 were bytes, rows of images that nothing was done to were none.
void warn_of_other_numbers(const RawDataset& raw, const Preprocessing& trained) {
  const bool unchanged = trained.divisor == 1 && trained.scaling.empty();
  if (trained.divisor != 1 && raw.divisor == 1) {
    log::warning(
        "the weights were trained on bytes divided by {}; these rows are no bytes and are taken as they are, which is "
        "right only where they are in [0, 1]",
        trained.divisor);
  } else if (raw.divisor != 1 && trained.divisor == 1) {
    log::warning(
        "these rows are bytes divided by {}; the weights were trained on numbers that were not divided, which is right "
        "only where those were in [0, 1]",
        raw.divisor);
  } else if (raw.bytes && raw.divisor == 1 && unchanged) {
    log::warning(
        "these rows are bytes, 0 to 255, and are taken as they are; the weights were trained on other numbers, which "
        "is right only where those were as large");
  }
}

}  // namespace

void match_trained(RawDataset& raw, const Preprocessing& trained, bool keep_classes) {
  warn_of_other_numbers(raw, trained);
  match_features(raw, trained.feature_names);
  if (raw.train.outputs > 0) return match_targets(raw, trained.targets);
  if (raw.train.positions == 1) match_classes(raw, trained.class_names, keep_classes);
}

}  // namespace lathe::data
