#include "lathe/storage/relational/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "lathe/base/error.h"
#include "lathe/storage/text.h"

namespace lathe::storage::relational {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// A program that makes a new distribution for every trial must not fill the memory.
constexpr std::size_t kMostPrinted = 4096;

double value_from_columns(const Rows& rows, int value_column, int kind_column) {
  const std::string_view kind = rows.text(kind_column);
  if (kind == "FINITE" && rows.is_null(value_column)) throw DataError("a value is missing that is said to be finite");
  if (kind == "FINITE") return rows.real(value_column);
  if (kind == "INF_POS") return kInfinity;
  if (kind == "INF_NEG") return -kInfinity;
  if (!rows.is_null(kind_column) && kind != "NAN") {
    throw DataError(fmt::format("a value is said to be \"{}\"; FINITE, INF_POS, INF_NEG and NAN are known", kind));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// A choice is stored as its place in the list of choices.
void check_parameter(const Parameter& parameter, bool absent) {
  if (absent) throw DataError(fmt::format("the parameter {} has no value", parameter.name));
  const bool categorical = std::holds_alternative<parameter::Categorical>(*parameter.distribution);
  if (categorical && !parameter::code_of_internal(*parameter.distribution, parameter.value)) {
    throw DataError(fmt::format("the parameter {} has choice {:g}, of {} choices", parameter.name, parameter.value,
                                parameter::size(*parameter.distribution).value_or(0)));
  }
}

/// Finds trials by their id while rows of the side tables are handed out.
class TrialIndex {
 public:
  explicit TrialIndex(std::vector<Trial>& trials) {
    by_id_.reserve(trials.size());
    for (Trial& trial : trials) by_id_.emplace(trial.trial_id, &trial);
  }
  Trial* find(std::int64_t trial_id) {
    if (last_ == nullptr || last_->trial_id != trial_id) {
      const auto found = by_id_.find(trial_id);
      last_ = found == by_id_.end() ? nullptr : found->second;
    }
    return last_;
  }

 private:
  std::unordered_map<std::int64_t, Trial*> by_id_;
  Trial* last_ = nullptr;
};

/// Says where the rows of the wanted trials come from: those of the table of trials, called `t`, and those of a side
/// table, called `s`.
struct Selection {
  std::string of_trials;      ///< what follows the columns
  std::string before, after;  ///< what stands around the name of a side table
  std::string trial_id;       ///< the column that orders the rows of a side table
  Bound parameter;
};

/// Selects the trials of a study that meet a condition.
Selection study_selection(std::int64_t study_id, const std::string& condition = {}) {
  const std::string where = " WHERE t.study_id = $1" + condition;
  return {.of_trials = " FROM trials t" + where,
          .before = " FROM trials t JOIN ",
          .after = " s ON s.trial_id = t.trial_id" + where,
          .trial_id = "t.trial_id",
          .parameter = study_id};
}

/// No join: a server without statistics about the tables would read all of both.
Selection list_selection(const Dialect& dialect, const std::vector<std::int64_t>& trial_ids) {
  return {.of_trials = " FROM trials t WHERE t.trial_id" + dialect.in_list,
          .before = " FROM ",
          .after = " s WHERE s.trial_id" + dialect.in_list,
          .trial_id = "s.trial_id",
          .parameter = list_text(dialect, trial_ids)};
}

class TrialLoader {
 public:
  TrialLoader(Database& database, DistributionTexts& distributions, Selection selection)
      : database_(database), distributions_(distributions), selection_(std::move(selection)) {}

  std::vector<Trial> load() {
    std::vector<Trial> trials = rows_of_trials();
    if (trials.empty()) return trials;
    TrialIndex index(trials);
    parameters(index);
    values(index);
    intermediate_values(index);
    attributes("trial_user_attributes", index, &Trial::user_attributes);
    attributes("trial_system_attributes", index, &Trial::system_attributes);
    return trials;
  }

 private:
  std::vector<Trial> rows_of_trials() {
    std::vector<Trial> trials;
    const auto rows = database_.select(
        "SELECT t.trial_id, t.number, t.state, t.datetime_start, t.datetime_complete" + selection_.of_trials,
        {selection_.parameter});
    while (rows->next()) {
      Trial& trial = trials.emplace_back();
      trial.trial_id = rows->integer(0);
      naming(trial, [&] {
        trial.number = rows->integer(1);
        if (rows->is_null(1) || trial.number < 0) throw DataError("it has no number");
        trial.state = state_from_name(rows->text(2));
        if (!rows->is_null(3)) trial.started = time_from_text(rows->text(3));
        if (!rows->is_null(4)) trial.completed = time_from_text(rows->text(4));
      });
    }
    std::sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) { return a.number < b.number; });
    for (std::size_t i = 1; i < trials.size(); ++i) {
      naming(trials[i], [&] {
        if (trials[i].number == trials[i - 1].number) throw DataError("its number is there twice");
      });
    }
    return trials;
  }

  /// Runs `read` and says of which trial and study the damage is that it finds.
  template <typename Read>
  void naming(const Trial& trial, const Read& read) {
    try {
      read();
    } catch (const DataError& error) {
      const auto rows = database_.select(
          "SELECT s.study_name FROM studies s JOIN trials t ON t.study_id = s.study_id WHERE t.trial_id = $1",
          {trial.trial_id});
      const std::string study = rows->next() ? std::string(rows->text(0)) : std::string("?");
      throw DataError(fmt::format("study \"{}\", trial {}: {}", study, trial.number, error.what()));
    }
  }

  /// Hands the rows of a side table to `use`, with the trial that each belongs to. The first column is trial_id;
  /// `order` is the column that orders the rows of a trial, if any.
  template <typename Use>
  void each_row(const std::string& columns, const std::string& table, const std::string& order, TrialIndex& index,
                const Use& use) {
    const std::string ordered = order.empty() ? "" : " ORDER BY " + selection_.trial_id + ", " + order;
    const auto rows =
        database_.select("SELECT s.trial_id, " + columns + selection_.before + table + selection_.after + ordered,
                         {selection_.parameter});
    while (rows->next()) {
      if (Trial* trial = index.find(rows->integer(0))) naming(*trial, [&] { use(*trial, *rows); });
    }
  }

  void parameters(TrialIndex& index) {
    // The order of param_id is the order in which parameters were chosen.
    each_row("s.param_name, s.param_value, s.distribution_json", "trial_params", "s.param_id", index,
             [&](Trial& trial, const Rows& row) {
               trial.parameters.push_back({std::string(row.text(1)), distributions_.read(row.text(3)), row.real(2)});
               check_parameter(trial.parameters.back(), row.is_null(2));
             });
  }

  void values(TrialIndex& index) {
    each_row("s.objective, s.value, s.value_type", "trial_values", "s.objective", index,
             [](Trial& trial, const Rows& row) {
               if (row.integer(1) != static_cast<std::int64_t>(trial.values.size())) {
                 throw DataError(fmt::format("its value of objective {} is there, and that of objective {} is not",
                                             row.integer(1), trial.values.size()));
               }
               trial.values.push_back(value_from_columns(row, 2, 3));
             });
  }

  void intermediate_values(TrialIndex& index) {
    each_row("s.step, s.intermediate_value, s.intermediate_value_type", "trial_intermediate_values", "", index,
             [](Trial& trial, const Rows& row) {
               trial.intermediate_values[row.integer(1)] = value_from_columns(row, 2, 3);
             });
  }

  void attributes(const std::string& table, TrialIndex& index, Attributes Trial::*target) {
    each_row("s.\"key\", s.value_json", table, "", index,
             [&](Trial& trial, const Rows& row) { (trial.*target)[std::string(row.text(1))] = row.text(2); });
  }

  Database& database_;
  DistributionTexts& distributions_;
  Selection selection_;
};

/// Selects rows of a table of facts about studies.
std::unique_ptr<Rows> study_rows(Database& database, const std::string& columns, const std::string& table,
                                 const std::optional<std::string>& name, const std::string& order = {}) {
  const std::string all = "SELECT s.study_id, " + columns + " FROM " + table + " s";
  if (!name) return database.select(all + order);
  return database.select(all + " WHERE s.study_id = (SELECT study_id FROM studies WHERE study_name = $1)" + order,
                         {*name});
}

}  // namespace

std::shared_ptr<const parameter::Distribution> DistributionTexts::read(std::string_view text) {
  const auto found = read_.find(text);
  if (found != read_.end()) return found->second;
  if (read_.size() >= kMostPrinted) read_.clear();
  auto distribution = std::make_shared<const parameter::Distribution>(distribution_from_json(text));
  return read_.emplace(text, std::move(distribution)).first->second;
}

const std::string& DistributionTexts::print(const std::shared_ptr<const parameter::Distribution>& distribution) {
  const auto found = printed_.find(distribution.get());
  if (found != printed_.end()) return found->second.text;
  if (printed_.size() >= kMostPrinted) printed_.clear();
  return printed_.emplace(distribution.get(), Printed{distribution, distribution_json(*distribution)})
      .first->second.text;
}

std::pair<Bound, std::string> value_columns(double value) {
  if (std::isnan(value)) return {nullptr, "NAN"};
  if (std::isinf(value)) return {nullptr, value > 0 ? "INF_POS" : "INF_NEG"};
  return {value, "FINITE"};
}

std::vector<StudyInfo> load_studies(Database& database, const std::optional<std::string>& name) {
  std::map<std::int64_t, StudyInfo> found;
  {
    const auto rows = study_rows(database, "s.study_name", "studies", name);
    while (rows->next()) {
      found.emplace(rows->integer(0), StudyInfo{rows->integer(0), std::string(rows->text(1)), {}, {}, {}});
    }
  }
  if (found.empty()) return {};
  {
    const auto rows =
        study_rows(database, "s.direction", "study_directions", name, " ORDER BY s.study_id, s.objective");
    while (rows->next()) {
      const auto direction = direction_from_name(rows->text(1));
      if (direction) found[rows->integer(0)].directions.push_back(*direction);
    }
  }
  const auto attributes = [&](const std::string& table, Attributes StudyInfo::*target) {
    const auto rows = study_rows(database, "s.\"key\", s.value_json", table, name);
    while (rows->next()) (found[rows->integer(0)].*target)[std::string(rows->text(1))] = rows->text(2);
  };
  attributes("study_user_attributes", &StudyInfo::user_attributes);
  attributes("study_system_attributes", &StudyInfo::system_attributes);
  std::vector<StudyInfo> studies;
  for (auto& [id, study] : found) studies.push_back(std::move(study));
  return studies;
}

std::vector<Trial> load_trials(Database& database, DistributionTexts& distributions, std::int64_t study_id) {
  return TrialLoader(database, distributions, study_selection(study_id)).load();
}

std::vector<Trial> load_selected_trials(Database& database, DistributionTexts& distributions, std::int64_t study_id,
                                        const TrialSelection& selection) {
  std::string condition;
  if (!selection.states.empty()) {
    std::string names;
    for (const TrialState state : selection.states) names += (names.empty() ? "'" : ", '") + to_string(state) + "'";
    condition += " AND t.state IN (" + names + ")";
  }
  if (selection.newest > 0) {
    // Where there are fewer, there is no such row and no number excludes any.
    const auto rows = database.select("SELECT t.number" + study_selection(study_id, condition).of_trials +
                                          " ORDER BY t.number DESC LIMIT 1 OFFSET $2",
                                      {study_id, selection.newest - 1});
    if (rows->next()) condition += " AND t.number >= " + std::to_string(rows->integer(0));
  }
  return TrialLoader(database, distributions, study_selection(study_id, condition)).load();
}

std::map<std::int64_t, TrialCounts> load_trial_counts(Database& database) {
  std::map<std::int64_t, TrialCounts> all;
  const auto rows = database.select(
      "SELECT study_id, state, count(*), min(datetime_start), max(datetime_complete) FROM trials "
      "GROUP BY study_id, state");
  while (rows->next()) {
    TrialCounts& counts = all[rows->integer(0)];
    counts.by_state[state_from_name(rows->text(1))] = rows->integer(2);
    if (!rows->is_null(3)) {
      const Time started = time_from_text(rows->text(3));
      counts.first_started = std::min(counts.first_started.value_or(started), started);
    }
    if (!rows->is_null(4)) {
      counts.last_completed = std::max(counts.last_completed, std::optional(time_from_text(rows->text(4))));
    }
  }
  return all;
}

std::vector<NamedDistribution> load_distributions(Database& database, DistributionTexts& distributions,
                                                  std::int64_t study_id) {
  std::vector<NamedDistribution> found;
  const auto rows = database.select(
      "SELECT s.param_name, s.distribution_json FROM trials t JOIN trial_params s ON s.trial_id = t.trial_id "
      "WHERE t.study_id = $1 GROUP BY s.param_name, s.distribution_json ORDER BY min(s.param_id)",
      {study_id});
  while (rows->next()) found.push_back({std::string(rows->text(0)), distributions.read(rows->text(1))});
  return found;
}

std::vector<Trial> load_listed_trials(Database& database, DistributionTexts& distributions,
                                      const std::vector<std::int64_t>& trial_ids) {
  if (trial_ids.empty()) return {};
  return TrialLoader(database, distributions, list_selection(database.dialect(), trial_ids)).load();
}

}  // namespace lathe::storage::relational
