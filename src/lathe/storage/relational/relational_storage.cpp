#include "lathe/storage/relational/relational_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/storage/check.h"
#include "lathe/storage/relational/schema.h"
#include "lathe/storage/text.h"

namespace lathe::storage::relational {
namespace {

constexpr auto kRead = Database::Access::kRead;
constexpr auto kWrite = Database::Access::kWrite;

/// The tables whose rows belong to a trial.
constexpr std::array kTrialTables{"trial_params",          "trial_values",
                                  "trial_heartbeats",      "trial_intermediate_values",
                                  "trial_user_attributes", "trial_system_attributes"};
/// The tables whose rows belong to a study, the study itself last.
constexpr std::array kStudyTables{"trials", "study_directions", "study_user_attributes", "study_system_attributes",
                                  "studies"};

constexpr const char* kInsertParameters =
    "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)";
constexpr const char* kReplaceParameters =
    " ON CONFLICT (trial_id, param_name) DO UPDATE SET param_value = excluded.param_value, "
    "distribution_json = excluded.distribution_json";
constexpr const char* kInsertValues = "INSERT INTO trial_values (trial_id, objective, value, value_type)";
constexpr const char* kInsertIntermediateValues =
    "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)";
constexpr const char* kReplaceIntermediateValues =
    " ON CONFLICT (trial_id, step) DO UPDATE SET intermediate_value = excluded.intermediate_value, "
    "intermediate_value_type = excluded.intermediate_value_type";

/// Collects the rows of what trials ended with.
struct EndRows {
  RowInsert values{kInsertValues, 4};
  RowInsert intermediate_values{kInsertIntermediateValues, 4, kReplaceIntermediateValues};

  void add(std::int64_t trial_id, const Trial& trial) {
    for (std::size_t i = 0; i < trial.values.size(); ++i) {
      const auto [value, kind] = value_columns(trial.values[i]);
      values.add({trial_id, static_cast<std::int64_t>(i), value, kind});
    }
    for (const auto& [step, number] : trial.intermediate_values) {
      const auto [value, kind] = value_columns(number);
      intermediate_values.add({trial_id, step, value, kind});
    }
  }
  void run(Database& database) {
    values.run(database);
    intermediate_values.run(database);
  }
};

RowInsert attribute_insert(const std::string& table, const std::string& owner) {
  return {fmt::format("INSERT INTO {} ({}, \"key\", value_json)", table, owner), 3,
          fmt::format(" ON CONFLICT ({}, \"key\") DO UPDATE SET value_json = excluded.value_json", owner)};
}

void add_rows(RowInsert& insert, std::int64_t owner, const Attributes& attributes) {
  for (const auto& [key, value] : attributes) insert.add({owner, key, value});
}

Bound time_bound(const std::optional<Time>& time) { return time ? Bound(time_text(*time)) : Bound(nullptr); }

}  // namespace

RelationalStorage::RelationalStorage(std::unique_ptr<Database> database, const std::string& optuna_compat, bool create)
    : database_(std::move(database)) {
  prepare_schema(*database_, revision_for(optuna_compat), create);
}

/// Runs a function in a transaction under the lock; a text in the tables that makes no sense is reported with the
/// place.
template <typename Function>
auto RelationalStorage::transact(Database::Access access, Function function) {
  const std::lock_guard lock(mutex_);
  try {
    if constexpr (std::is_void_v<decltype(function())>) {
      database_->transact(access, function);
    } else {
      std::optional<decltype(function())> result;
      database_->transact(access, [&] { result.emplace(function()); });
      return std::move(*result);
    }
  } catch (const DataError& failure) {
    throw DataError(database_->place(), failure.what());
  }
}

void RelationalStorage::write_attributes(const std::string& table, const std::string& owner, std::int64_t owner_id,
                                         const Attributes& attributes) {
  if (attributes.empty()) return;
  RowInsert insert = attribute_insert(table, owner);
  add_rows(insert, owner_id, attributes);
  insert.run(*database_);
}

void RelationalStorage::write_trial_attributes(std::int64_t trial_id, const Attributes& user_attributes,
                                               const Attributes& system_attributes) {
  write_attributes("trial_user_attributes", "trial_id", trial_id, user_attributes);
  write_attributes("trial_system_attributes", "trial_id", trial_id, system_attributes);
}

std::int64_t RelationalStorage::insert_study(const std::string& name, const std::vector<Direction>& directions,
                                             const Attributes& user_attributes, const Attributes& system_attributes) {
  std::optional<std::int64_t> study_id;
  {
    const auto rows = database_->select(
        "INSERT INTO studies (study_name) VALUES ($1) ON CONFLICT (study_name) DO NOTHING RETURNING study_id", {name});
    while (rows->next()) study_id = rows->integer(0);
  }
  if (!study_id) throw_taken_name(database_->place(), name);
  RowInsert insert("INSERT INTO study_directions (direction, study_id, objective)", 3);
  for (std::size_t i = 0; i < directions.size(); ++i) {
    insert.add({to_string(directions[i]), *study_id, static_cast<std::int64_t>(i)});
  }
  insert.run(*database_);
  write_attributes("study_user_attributes", "study_id", *study_id, user_attributes);
  write_attributes("study_system_attributes", "study_id", *study_id, system_attributes);
  return *study_id;
}

std::int64_t RelationalStorage::create_study(const std::string& name, const std::vector<Direction>& directions,
                                             const Attributes& user_attributes, const Attributes& system_attributes) {
  LATHE_CHECK(!directions.empty(), "study \"{}\" without a direction", name);
  return transact(kWrite, [&] { return insert_study(name, directions, user_attributes, system_attributes); });
}

std::int64_t RelationalStorage::import_study(const StudyInfo& study, const std::vector<Trial>& trials) {
  for (const Trial& trial : trials) check_values(trial, study.directions.size());
  return transact(kWrite, [&] {
    const std::int64_t study_id =
        insert_study(study.name, study.directions, study.user_attributes, study.system_attributes);
    insert_finished(study_id, trials);
    return study_id;
  });
}

void RelationalStorage::insert_finished(std::int64_t study_id, std::vector<Trial> trials) {
  RowInsert rows("INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete)", 5,
                 " RETURNING trial_id, number");
  std::int64_t number = 0;
  for (const Trial& trial : trials) {
    rows.add({number++, study_id, to_string(trial.state), time_bound(trial.started), time_bound(trial.completed)});
  }
  rows.run(*database_,
           [&](const Rows& row) { trials[static_cast<std::size_t>(row.integer(1))].trial_id = row.integer(0); });
  RowInsert parameters(kInsertParameters, 4);
  RowInsert user_attributes = attribute_insert("trial_user_attributes", "trial_id");
  RowInsert system_attributes = attribute_insert("trial_system_attributes", "trial_id");
  EndRows ends;
  for (const Trial& trial : trials) {
    for (const Parameter& parameter : trial.parameters) {
      parameters.add({trial.trial_id, parameter.name, parameter.value, distributions_.print(parameter.distribution)});
    }
    ends.add(trial.trial_id, trial);
    add_rows(user_attributes, trial.trial_id, trial.user_attributes);
    add_rows(system_attributes, trial.trial_id, trial.system_attributes);
  }
  parameters.run(*database_);
  ends.run(*database_);
  user_attributes.run(*database_);
  system_attributes.run(*database_);
}

std::vector<StudyInfo> RelationalStorage::studies() {
  return transact(kRead, [&] { return load_studies(*database_, std::nullopt); });
}

std::optional<StudyInfo> RelationalStorage::find_study(const std::string& name) {
  std::vector<StudyInfo> found = transact(kRead, [&] { return load_studies(*database_, name); });
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

void RelationalStorage::set_study_attributes(std::int64_t study_id, const Attributes& user_attributes,
                                             const Attributes& system_attributes) {
  transact(kWrite, [&] {
    if (!lock_study(study_id)) throw_absent_study(database_->kind(), database_->place());
    write_attributes("study_user_attributes", "study_id", study_id, user_attributes);
    write_attributes("study_system_attributes", "study_id", study_id, system_attributes);
  });
}

void RelationalStorage::delete_study(std::int64_t study_id) {
  transact(kWrite, [&] {
    if (!lock_study(study_id)) return;
    const std::string of_study = " WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = $1)";
    for (const std::string_view table : {kRepeatsTable, kOutcomesTable}) {
      if (has_own_table(table)) database_->run(fmt::format("DELETE FROM {}{}", table, of_study), {study_id});
    }
    for (const char* table : kTrialTables) {
      database_->run(std::string("DELETE FROM ") + table + of_study, {study_id});
    }
    for (const char* table : kStudyTables) {
      database_->run(std::string("DELETE FROM ") + table + " WHERE study_id = $1", {study_id});
    }
  });
}

bool RelationalStorage::lock_study(std::int64_t study_id) {
  return database_->select("SELECT 1 FROM studies WHERE study_id = $1" + database_->dialect().row_lock, {study_id})
      ->next();
}

std::int64_t RelationalStorage::lock_and_next_number(std::int64_t study_id) {
  if (!lock_study(study_id)) throw_absent_study(database_->kind(), database_->place());
  // Numbers follow the ids within a study, so that the newest trial has the last number.
  const auto rows =
      database_->select("SELECT number FROM trials WHERE study_id = $1 ORDER BY trial_id DESC LIMIT 1", {study_id});
  return rows->next() ? rows->integer(0) + 1 : 0;
}

std::int64_t RelationalStorage::insert_trial(std::int64_t study_id, std::int64_t number, TrialState state,
                                             std::optional<Time> started) {
  const auto rows = database_->select(
      "INSERT INTO trials (number, study_id, state, datetime_start) VALUES ($1, $2, $3, $4) RETURNING trial_id",
      {number, study_id, to_string(state), time_bound(started)});
  std::int64_t trial_id = 0;
  while (rows->next()) trial_id = rows->integer(0);
  return trial_id;
}

void RelationalStorage::write_beginning(std::int64_t trial_id, const NewTrial& trial) {
  RowInsert insert(kInsertParameters, 4, kReplaceParameters);
  for (const Parameter& parameter : trial.parameters) {
    insert.add({trial_id, parameter.name, parameter.value, distributions_.print(parameter.distribution)});
  }
  insert.run(*database_);
  write_trial_attributes(trial_id, trial.user_attributes, trial.system_attributes);
  write_heartbeats({trial_id});
}

std::optional<Trial> RelationalStorage::start_trial(std::int64_t study_id, const NewTrial& trial) {
  return transact(kWrite, [&]() -> std::optional<Trial> {
    const std::int64_t number = lock_and_next_number(study_id);
    if (trial.number && *trial.number != number) return std::nullopt;
    Trial started{.trial_id = insert_trial(study_id, number, TrialState::kRunning, trial.started),
                  .number = number,
                  .parameters = trial.parameters,
                  .user_attributes = trial.user_attributes,
                  .system_attributes = trial.system_attributes,
                  .started = trial.started};
    write_beginning(started.trial_id, trial);
    return started;
  });
}

Trial RelationalStorage::enqueue_trial(std::int64_t study_id, const std::vector<Parameter>& fixed,
                                       const Attributes& user_attributes) {
  Trial trial{.state = TrialState::kWaiting,
              .user_attributes = user_attributes,
              .system_attributes = {{"fixed_params", fixed_parameters_json(fixed)}}};
  transact(kWrite, [&] {
    trial.number = lock_and_next_number(study_id);
    trial.trial_id = insert_trial(study_id, trial.number, TrialState::kWaiting, std::nullopt);
    write_trial_attributes(trial.trial_id, trial.user_attributes, trial.system_attributes);
  });
  return trial;
}

bool RelationalStorage::claim_waiting_trial(std::int64_t trial_id, const NewTrial& trial) {
  return transact(kWrite, [&] {
    const bool claimed = database_->run(
                             "UPDATE trials SET state = 'RUNNING', datetime_start = $1 "
                             "WHERE trial_id = $2 AND state = 'WAITING'",
                             {time_text(trial.started), trial_id}) == 1;
    if (claimed) write_beginning(trial_id, trial);
    return claimed;
  });
}

std::vector<std::int64_t> RelationalStorage::stale_trials(std::int64_t study_id, std::chrono::duration<double> grace) {
  return transact(kRead, [&] {
    std::vector<std::int64_t> stale;
    const auto rows = database_->select(
        // The heartbeats, of which only running trials have one, lead: CROSS JOIN keeps SQLite to that order.
        fmt::format("SELECT t.trial_id FROM trial_heartbeats h CROSS JOIN trials t WHERE t.trial_id = h.trial_id "
                    "AND t.study_id = $1 AND t.state = 'RUNNING' AND {} > $2 ORDER BY t.trial_id",
                    database_->dialect().heartbeat_age),
        {study_id, grace.count()});
    while (rows->next()) stale.push_back(rows->integer(0));
    return stale;
  });
}

std::map<std::int64_t, std::string> RelationalStorage::heartbeats(std::int64_t study_id) {
  return transact(kRead, [&] {
    std::map<std::int64_t, std::string> beats;
    const auto rows = database_->select(
        "SELECT t.trial_id, CAST(h.heartbeat AS TEXT) FROM trial_heartbeats h CROSS JOIN trials t "
        "WHERE t.trial_id = h.trial_id AND t.study_id = $1 AND t.state = 'RUNNING'",
        {study_id});
    while (rows->next()) beats[rows->integer(0)] = rows->text(1);
    return beats;
  });
}

bool RelationalStorage::take_over_trial(std::int64_t trial_id, std::chrono::duration<double> grace,
                                        const Attributes& user_attributes) {
  return transact(kWrite, [&] {
    {
      const auto rows =
          database_->select("SELECT state FROM trials WHERE trial_id = $1" + database_->dialect().row_lock, {trial_id});
      if (!rows->next() || rows->text(0) != "RUNNING") return false;
    }
    const Dialect& dialect = database_->dialect();
    const bool taken = database_->run(fmt::format("UPDATE trial_heartbeats SET heartbeat = {} "
                                                  "WHERE trial_id = $1 AND {} > $2",
                                                  dialect.now, dialect.heartbeat_age),
                                      {trial_id, grace.count()}) == 1;
    if (taken) write_trial_attributes(trial_id, user_attributes, {});
    return taken;
  });
}

void RelationalStorage::write_heartbeats(const std::vector<std::int64_t>& trial_ids) {
  const Dialect& dialect = database_->dialect();
  database_->run(fmt::format("INSERT INTO trial_heartbeats (trial_id, heartbeat) SELECT trial_id, {} FROM trials "
                             "WHERE trial_id{} AND state = 'RUNNING' "
                             "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat",
                             dialect.now, dialect.in_list),
                 {list_text(dialect, trial_ids)});
}

void RelationalStorage::heartbeat(const std::vector<std::int64_t>& trial_ids) {
  if (trial_ids.empty()) return;
  transact(kWrite, [&] { write_heartbeats(trial_ids); });
}

bool RelationalStorage::finish_trial(const Trial& trial) {
  check_end(trial);
  return transact(kWrite, [&] {
    std::optional<std::int64_t> objectives;
    {
      const Time completed = trial.completed.value_or(std::chrono::system_clock::now());
      const auto rows = database_->select(
          "UPDATE trials SET state = $1, datetime_complete = $2 WHERE trial_id = $3 AND state = 'RUNNING' RETURNING "
          "(SELECT count(*) FROM study_directions d WHERE d.study_id = trials.study_id)",
          {to_string(trial.state), time_text(completed), trial.trial_id});
      while (rows->next()) objectives = rows->integer(0);
    }
    if (!objectives) return false;
    check_values(trial, static_cast<std::size_t>(*objectives));
    database_->run("DELETE FROM trial_heartbeats WHERE trial_id = $1", {trial.trial_id});
    EndRows ends;
    ends.add(trial.trial_id, trial);
    ends.run(*database_);
    for (std::size_t seed = 0; seed < trial.outcomes.size(); ++seed) {
      write_outcomes(trial.trial_id, static_cast<std::int64_t>(seed), trial.outcomes[seed]);
    }
    write_trial_attributes(trial.trial_id, trial.user_attributes, trial.system_attributes);
    return true;
  });
}

std::vector<Trial> RelationalStorage::trials(std::int64_t study_id) {
  return transact(kRead, [&] { return load_trials(*database_, distributions_, study_id); });
}

std::vector<Trial> RelationalStorage::changed_trials(std::int64_t study_id, std::int64_t last_trial_id,
                                                     const std::vector<std::int64_t>& unfinished) {
  return transact(kRead, [&] {
    std::vector<std::int64_t> ids = unfinished;
    {
      // The plus keeps the index on study_id out: the range of ids is short, the study long.
      const auto rows = database_->select("SELECT trial_id FROM trials WHERE trial_id > $1 AND +study_id = $2",
                                          {last_trial_id, study_id});
      while (rows->next()) ids.push_back(rows->integer(0));
    }
    return load_listed_trials(*database_, distributions_, ids);
  });
}

std::vector<Trial> RelationalStorage::selected_trials(std::int64_t study_id, const TrialSelection& selection) {
  return transact(kRead, [&] { return load_selected_trials(*database_, distributions_, study_id, selection); });
}

std::map<std::int64_t, TrialCounts> RelationalStorage::trial_counts() {
  return transact(kRead, [&] { return load_trial_counts(*database_); });
}

std::vector<NamedDistribution> RelationalStorage::distributions(std::int64_t study_id) {
  return transact(kRead, [&] { return load_distributions(*database_, distributions_, study_id); });
}

bool RelationalStorage::changed_by_others() {
  const std::lock_guard lock(mutex_);
  return database_->changed_by_others();
}

bool RelationalStorage::has_own_table(std::string_view name) {
  if (own_tables_.contains(name)) return true;
  if (!existing_tables(*database_).contains(name)) return false;
  own_tables_.emplace(name);
  return true;
}

void RelationalStorage::write_outcomes(std::int64_t trial_id, std::int64_t repeat, const std::string& outcomes) {
  if (outcomes.empty()) return;
  if (!has_own_table(kOutcomesTable)) make_outcomes_table(*database_);
  database_->run(
      "INSERT INTO lathe_outcomes (trial_id, seed, outcomes) VALUES ($1, $2, $3) "
      "ON CONFLICT (trial_id, seed) DO NOTHING",
      {trial_id, repeat, outcomes});
}

void RelationalStorage::add_repeat(std::int64_t trial_id, std::int64_t repeat, const std::string& json,
                                   const std::string& outcomes) {
  transact(kWrite, [&] {
    write_outcomes(trial_id, repeat, outcomes);
    if (!has_own_table(kRepeatsTable)) make_repeats_table(*database_);
    database_->run(
        "INSERT INTO lathe_repeats (trial_id, repeat, json) VALUES ($1, $2, $3) "
        "ON CONFLICT (trial_id, repeat) DO NOTHING",
        {trial_id, repeat, json});
  });
}

std::map<std::int64_t, std::map<std::int64_t, std::string>> RelationalStorage::repeats(std::int64_t study_id) {
  return transact(kRead, [&] {
    std::map<std::int64_t, std::map<std::int64_t, std::string>> found;
    if (!has_own_table(kRepeatsTable)) return found;
    const auto rows = database_->select(
        "SELECT r.trial_id, r.repeat, r.json FROM trials t JOIN lathe_repeats r ON r.trial_id = t.trial_id "
        "WHERE t.study_id = $1",
        {study_id});
    while (rows->next()) found[rows->integer(0)][rows->integer(1)] = rows->text(2);
    return found;
  });
}

std::map<std::int64_t, std::map<std::int64_t, std::string>> RelationalStorage::outcomes(
    const std::vector<std::int64_t>& trial_ids) {
  return transact(kRead, [&] {
    std::map<std::int64_t, std::map<std::int64_t, std::string>> found;
    if (trial_ids.empty() || !has_own_table(kOutcomesTable)) return found;
    const Dialect& dialect = database_->dialect();
    const auto rows = database_->select(
        fmt::format("SELECT trial_id, seed, outcomes FROM lathe_outcomes WHERE trial_id{}", dialect.in_list),
        {list_text(dialect, trial_ids)});
    while (rows->next()) found[rows->integer(0)][rows->integer(1)] = rows->text(2);
    return found;
  });
}

}  // namespace lathe::storage::relational
