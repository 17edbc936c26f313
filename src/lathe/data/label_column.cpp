#include "lathe/data/label_column.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/data/limits.h"
#include "lathe/data/preprocessing.h"
#include "lathe/data/target_columns.h"

namespace lathe::data {
namespace {

using Names = std::vector<std::string>;

// Says how the column is named in a study file.
std::string cure(Task task, const std::string& column) {
  return task == Task::kRegression ? fmt::format("targets = [\"{}\"]", column) : fmt::format("label = \"{}\"", column);
}

void refuse_mistaken_target(const DatasetRequest& request, const Names& columns) {
  if (request.target_key.empty()) return;
  const std::vector<std::size_t> named = columns_called(Names{request.target_key}, columns);
  if (named.empty()) return;
  throw UserError("target", fmt::format("is MASE's key for an FPGA part and chooses no column; say {}",
                                        cure(request.task, columns[named.front()])));
}

// Returns the column that the request names for the class, with the key that does so; an empty name where none does.
std::pair<std::string, std::string> named_label(const DatasetRequest& request) {
  if (request.targets.size() > 1) {
    throw UserError("targets", fmt::format("names {} columns, and a class is in one; several are predicted with task = "
                                           "\"regression\"",
                                           request.targets.size()));
  }
  if (request.targets.empty()) return {"label", request.label};
  if (!request.label.empty() && request.label != request.targets.front()) {
    throw UserError("label", fmt::format("says \"{}\" and targets \"{}\"; say one of them", request.label,
                                         request.targets.front()));
  }
  return {"targets", request.targets.front()};
}

// Finds the one column that trained weights know by this name.
std::optional<std::size_t> known_column(const std::string& name, const Names& columns) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (as_utf8(columns[i]) != name) continue;
    if (found) return std::nullopt;  // which of them it was, the name does not say
    found = i;
  }
  return found;
}

// Returns the column of the classes as trained weights know it, where it is there.
std::optional<std::size_t> trained_label(const DatasetRequest& request, const Names& columns) {
  if (!request.trained || request.trained->label.empty()) return std::nullopt;
  return known_column(request.trained->label, columns);
}

// Returns the columns of the targets as trained weights know them; none where one is not there.
std::vector<std::size_t> trained_targets(const DatasetRequest& request, const Names& columns) {
  std::vector<std::size_t> found;
  if (!request.trained) return found;
  for (const Target& target : request.trained->targets) {
    const std::optional<std::size_t> column = known_column(target.name, columns);
    if (!column) return {};
    found.push_back(*column);
  }
  return found.size() < columns.size() ? found : std::vector<std::size_t>{};
}

// Chooses the column to learn where none is named.
std::size_t usual_column(Task task, const Names& columns, bool& guessed) {
  const std::vector<std::size_t> called = columns_called(Names{"label", "class", "target"}, columns);
  if (called.size() > 1) {
    const bool same_name = std::count(columns.begin(), columns.end(), columns[called.back()]) > 1;
    const std::string one = same_name ? std::to_string(called.back()) : columns[called.back()];
    throw UserError(task == Task::kRegression ? "targets" : "label",
                    fmt::format("the columns \"{}\" and \"{}\" could both be meant; say which, for example {}",
                                columns[called[0]], columns[called[1]], cure(task, one)));
  }
  guessed = called.empty();
  return guessed ? columns.size() - 1 : called.front();
}

std::size_t label_column(const DatasetRequest& request, const Names& columns, bool& guessed) {
  const auto [key, name] = named_label(request);
  if (name.empty()) {
    const std::optional<std::size_t> known = trained_label(request, columns);
    return known ? *known : usual_column(request.task, columns, guessed);
  }
  const std::optional<std::size_t> found = column_named(name, columns);
  if (!found) throw UserError(key, fmt::format("there is no column \"{}\"{}", name, suggestion(name, columns)));
  return *found;
}

std::vector<std::size_t> target_columns(const DatasetRequest& request, const Names& columns, bool& guessed) {
  if (!request.label.empty()) {
    throw UserError("label",
                    fmt::format("names the column of classes; regression predicts targets = [\"{}\"]", request.label));
  }
  if (!request.targets.empty()) return find_target_columns(request.targets, columns);
  if (std::vector<std::size_t> known = trained_targets(request, columns); !known.empty()) return known;
  return {usual_column(request.task, columns, guessed)};
}

void say_what_is_learned(Task task, const std::string& name, bool guessed) {
  const std::string column = shortened(name);
  const char* what = task == Task::kRegression ? "target" : "class";
  if (!guessed) return log::info("the {} is column \"{}\"", what, column);
  log::warning("no column is called label, class or target: the last one, \"{}\", is taken as the {}; {} says so",
               column, what, cure(task, column));
}

}  // namespace

TableColumns choose_columns(const DatasetRequest& request, const Names& columns) {
  refuse_mistaken_target(request, columns);
  TableColumns chosen;
  if (request.task == Task::kRegression) {
    chosen.targets = target_columns(request, columns, chosen.label_is_guessed);
    if (request.targets.empty()) {
      for (const std::size_t target : chosen.targets)
        say_what_is_learned(request.task, columns[target], chosen.label_is_guessed);
    }
  } else {
    chosen.label = label_column(request, columns, chosen.label_is_guessed);
    say_what_is_learned(request.task, columns[chosen.label], chosen.label_is_guessed);
  }
  const std::vector<std::size_t> learned =
      chosen.targets.empty() ? std::vector<std::size_t>{chosen.label} : chosen.targets;
  std::vector<bool> is_learned(columns.size(), false);
  for (const std::size_t column : learned) is_learned[column] = true;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!is_learned[i]) chosen.features.push_back(i);
  return chosen;
}

}  // namespace lathe::data
