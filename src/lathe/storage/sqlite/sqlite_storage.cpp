#include "lathe/storage/sqlite/sqlite_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <set>
#include <unordered_map>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/storage/sqlite/connection.h"
#include "lathe/storage/sqlite/schema.h"
#include "lathe/storage/text.h"

namespace lathe::storage {
namespace {

using sqlite::Bound;
using sqlite::Connection;
using sqlite::Rows;
using sqlite::Transaction;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Splits a number into the two columns that hold it: the value, NULL unless finite, and its kind.
std::pair<Bound, std::string_view> value_columns(double value) {
  if (std::isnan(value)) return {nullptr, "NAN"};
  if (std::isinf(value)) return {nullptr, value > 0 ? "INF_POS" : "INF_NEG"};
  return {value, "FINITE"};
}

double value_from_columns(const Rows& rows, int value_column, int kind_column) {
  const std::string_view kind = rows.text(kind_column);
  if (kind == "FINITE") return rows.real(value_column);
  if (kind == "INF_POS") return kInfinity;
  if (kind == "INF_NEG") return -kInfinity;
  return std::numeric_limits<double>::quiet_NaN();
}

void check_values(const Trial& trial, std::size_t objectives) {
  const bool none = trial.values.empty();
  const bool all = trial.values.size() == objectives;
  const bool allowed = trial.state == TrialState::kComplete ? all
                       : trial.state == TrialState::kPruned ? none || all
                                                            : none;
  LATHE_CHECK(allowed, "trial {} ends as {} with {} values of {} objectives", trial.number, to_string(trial.state),
              trial.values.size(), objectives);
  const bool has_nan = std::any_of(trial.values.begin(), trial.values.end(), [](double v) { return std::isnan(v); });
  LATHE_CHECK(!has_nan, "trial {} ends as {} with a NaN", trial.number, to_string(trial.state));
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

/// Reads each distinct distribution once: a study holds few, and every trial repeats them.
class DistributionCache {
 public:
  std::shared_ptr<const parameter::Distribution> get(std::string_view distribution) {
    const auto found = known_.find(distribution);
    if (found != known_.end()) return found->second;
    auto read = std::make_shared<const parameter::Distribution>(distribution_from_json(distribution));
    return known_.emplace(distribution, std::move(read)).first->second;
  }

 private:
  std::map<std::string, std::shared_ptr<const parameter::Distribution>, std::less<>> known_;
};

class SqliteStorage final : public Storage {
 public:
  SqliteStorage(const std::filesystem::path& path, const SqliteOptions& options)
      : connection_(path, std::chrono::milliseconds(static_cast<std::int64_t>(options.busy_timeout_seconds * 1000))) {
    prepare_schema(sqlite::revision_for(options.optuna_compat));
  }

  std::int64_t create_study(const std::string& name, const std::vector<Direction>& directions,
                            const Attributes& user_attributes, const Attributes& system_attributes) override;
  std::vector<StudyInfo> studies() override;
  void set_study_attributes(std::int64_t study_id, const Attributes& user_attributes) override;
  Trial start_trial(std::int64_t study_id, const std::vector<Parameter>& parameters, Time started) override;
  void finish_trial(const Trial& trial) override;
  std::vector<Trial> trials(std::int64_t study_id) override;

 private:
  void prepare_schema(std::string_view revision);
  std::set<std::string, std::less<>> existing_tables();
  void check_schema(const std::set<std::string, std::less<>>& tables);
  void create_tables();
  void stamp(std::string_view revision);
  [[noreturn]] void refuse(const std::string& reason) const;

  void write_attributes(std::string_view upsert, std::int64_t owner, const Attributes& attributes);
  void check_running(const Trial& trial);
  std::int64_t next_number(std::int64_t study_id);
  std::size_t objective_count(std::int64_t trial_id);
  std::vector<Trial> load_trials(std::int64_t study_id);
  void load_parameters(std::int64_t study_id, TrialIndex& index);
  void load_numbers(std::int64_t study_id, TrialIndex& index);
  void load_attributes(std::string_view query, std::int64_t study_id, TrialIndex& index, Attributes Trial::*target);

  /// Runs a function under the lock; a text in the tables that makes no sense is reported with the file's path.
  template <typename Function>
  auto guarded(Function function) {
    const std::lock_guard lock(mutex_);
    try {
      return function();
    } catch (const DataError& failure) {
      throw SystemError("read the study file", connection_.path().string(), failure.what());
    }
  }

  std::mutex mutex_;
  Connection connection_;
};

constexpr std::string_view kUpsertStudyUserAttribute =
    "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json";
constexpr std::string_view kUpsertStudySystemAttribute =
    "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json";
constexpr std::string_view kUpsertTrialUserAttribute =
    "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json";
constexpr std::string_view kUpsertTrialSystemAttribute =
    "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json";

void SqliteStorage::refuse(const std::string& reason) const {
  throw SystemError("open the study file", connection_.path().string(), reason);
}

std::set<std::string, std::less<>> SqliteStorage::existing_tables() {
  std::set<std::string, std::less<>> names;
  Rows rows = connection_.select("SELECT name FROM sqlite_master WHERE type = 'table'");
  while (rows.next()) names.emplace(rows.text(0));
  return names;
}

void SqliteStorage::prepare_schema(std::string_view revision) {
  auto present = existing_tables();
  const auto complete = [&] {
    return std::all_of(sqlite::tables().begin(), sqlite::tables().end(),
                       [&](const sqlite::TableDefinition& table) { return present.contains(table.name); });
  };
  if (!complete()) {
    Transaction transaction(connection_, Transaction::Kind::kWrite);
    present = existing_tables();  // another process may have made them meanwhile
    const bool fresh = present.empty();
    if (!fresh) check_schema(present);
    create_tables();
    if (fresh) stamp(revision);
    transaction.commit();
  } else {
    check_schema(present);
  }
}

void SqliteStorage::check_schema(const std::set<std::string, std::less<>>& present) {
  if (!present.contains("studies") || !present.contains("trials")) {
    refuse("it is a database of another program (it has no tables studies and trials)");
  }
  std::string revision;
  if (present.contains("alembic_version")) {
    Rows rows = connection_.select("SELECT version_num FROM alembic_version");
    if (rows.next()) revision = rows.text(0);
  }
  const auto kind = revision.empty() ? sqlite::RevisionKind::kKnown : sqlite::revision_kind(revision);
  if (kind == sqlite::RevisionKind::kOlder) {
    refuse(
        fmt::format("its schema {0} is older than {1}; bring it up to date with "
                    "`optuna storage upgrade --storage sqlite:///{2}`",
                    revision, sqlite::kRevision31, connection_.path().string()));
  }
  if (kind == sqlite::RevisionKind::kNewer) {
    refuse(fmt::format("its schema {} is not known to this lathe, which knows {} and {}; a newer lathe may read it",
                       revision, sqlite::kRevision31, sqlite::kNewestRevision));
  }
  if (!present.contains("version_info")) return;
  Rows rows = connection_.select("SELECT schema_version, library_version FROM version_info");
  if (rows.next() && rows.integer(0) != sqlite::kSchemaVersion) {
    refuse(fmt::format("its schema version is {}, written by {}; this lathe knows {}", rows.integer(0), rows.text(1),
                       sqlite::kSchemaVersion));
  }
}

void SqliteStorage::create_tables() {
  for (const sqlite::TableDefinition& table : sqlite::tables()) connection_.run(table.sql);
  connection_.run(sqlite::kStudyNameIndex);
}

void SqliteStorage::stamp(std::string_view revision) {
  if (revision == sqlite::kNewestRevision) connection_.run(sqlite::kTrialStudyIndex);
  connection_.run("INSERT INTO alembic_version (version_num) VALUES (?1)", {revision});
  connection_.run("INSERT INTO version_info (version_info_id, schema_version, library_version) VALUES (1, ?1, ?2)",
                  {std::int64_t{sqlite::kSchemaVersion}, std::string_view("lathe " LATHE_VERSION)});
}

void SqliteStorage::write_attributes(std::string_view upsert, std::int64_t owner, const Attributes& attributes) {
  for (const auto& [key, value] : attributes) connection_.run(upsert, {owner, key, value});
}

std::int64_t SqliteStorage::create_study(const std::string& name, const std::vector<Direction>& directions,
                                         const Attributes& user_attributes, const Attributes& system_attributes) {
  LATHE_CHECK(!directions.empty(), "study \"{}\" without a direction", name);
  return guarded([&] {
    Transaction transaction(connection_, Transaction::Kind::kWrite);
    if (connection_.select("SELECT 1 FROM studies WHERE study_name = ?1", {name}).next()) {
      throw UserError(fmt::format("{} already holds a study named \"{}\"; choose another name or file",
                                  connection_.path().string(), name));
    }
    connection_.run("INSERT INTO studies (study_name) VALUES (?1)", {name});
    const std::int64_t study_id = connection_.last_row_id();
    for (std::size_t i = 0; i < directions.size(); ++i) {
      connection_.run("INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)",
                      {to_string(directions[i]), study_id, static_cast<std::int64_t>(i)});
    }
    write_attributes(kUpsertStudyUserAttribute, study_id, user_attributes);
    write_attributes(kUpsertStudySystemAttribute, study_id, system_attributes);
    transaction.commit();
    return study_id;
  });
}

void SqliteStorage::set_study_attributes(std::int64_t study_id, const Attributes& user_attributes) {
  guarded([&] {
    Transaction transaction(connection_, Transaction::Kind::kWrite);
    write_attributes(kUpsertStudyUserAttribute, study_id, user_attributes);
    transaction.commit();
  });
}

std::vector<StudyInfo> SqliteStorage::studies() {
  return guarded([&] {
    Transaction transaction(connection_, Transaction::Kind::kRead);
    std::map<std::int64_t, StudyInfo> found;
    {
      Rows rows = connection_.select("SELECT study_id, study_name FROM studies");
      while (rows.next())
        found.emplace(rows.integer(0), StudyInfo{rows.integer(0), std::string(rows.text(1)), {}, {}, {}});
    }
    {
      Rows rows = connection_.select("SELECT study_id, direction FROM study_directions ORDER BY study_id, objective");
      while (rows.next()) {
        if (const auto direction = direction_from_name(rows.text(1)))
          found[rows.integer(0)].directions.push_back(*direction);
      }
    }
    const auto load = [&](std::string_view query, Attributes StudyInfo::*target) {
      Rows rows = connection_.select(query);
      while (rows.next()) (found[rows.integer(0)].*target)[std::string(rows.text(1))] = rows.text(2);
    };
    load("SELECT study_id, \"key\", value_json FROM study_user_attributes", &StudyInfo::user_attributes);
    load("SELECT study_id, \"key\", value_json FROM study_system_attributes", &StudyInfo::system_attributes);
    transaction.commit();
    std::vector<StudyInfo> studies;
    for (auto& [id, study] : found) studies.push_back(std::move(study));
    return studies;
  });
}

std::int64_t SqliteStorage::next_number(std::int64_t study_id) {
  // Numbers follow the ids within a study, so that the newest trial has the last number.
  Rows rows =
      connection_.select("SELECT number FROM trials WHERE study_id = ?1 ORDER BY trial_id DESC LIMIT 1", {study_id});
  return rows.next() ? rows.integer(0) + 1 : 0;
}

Trial SqliteStorage::start_trial(std::int64_t study_id, const std::vector<Parameter>& parameters, Time started) {
  return guarded([&] {
    Trial trial;
    trial.parameters = parameters;
    trial.started = started;
    Transaction transaction(connection_, Transaction::Kind::kWrite);
    trial.number = next_number(study_id);
    connection_.run("INSERT INTO trials (number, study_id, state, datetime_start) VALUES (?1, ?2, 'RUNNING', ?3)",
                    {trial.number, study_id, time_text(started)});
    trial.trial_id = connection_.last_row_id();
    for (const Parameter& parameter : parameters) {
      connection_.run(
          "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4)",
          {trial.trial_id, parameter.name, parameter.value, distribution_json(*parameter.distribution)});
    }
    transaction.commit();
    return trial;
  });
}

std::size_t SqliteStorage::objective_count(std::int64_t trial_id) {
  Rows rows = connection_.select(
      "SELECT count(*) FROM study_directions WHERE study_id = (SELECT study_id FROM trials WHERE trial_id = ?1)",
      {trial_id});
  rows.next();
  return static_cast<std::size_t>(rows.integer(0));
}

void SqliteStorage::check_running(const Trial& trial) {
  Rows rows = connection_.select("SELECT state FROM trials WHERE trial_id = ?1", {trial.trial_id});
  const std::string state = rows.next() ? std::string(rows.text(0)) : "gone";
  if (state == "RUNNING") return;
  throw SystemError(fmt::format("end trial {} in", trial.number), connection_.path().string(),
                    fmt::format("it is {} there; another program has changed it", state));
}

void SqliteStorage::finish_trial(const Trial& trial) {
  LATHE_CHECK(trial.state != TrialState::kRunning && trial.state != TrialState::kWaiting, "trial {} ends as {}",
              trial.number, to_string(trial.state));
  guarded([&] {
    Transaction transaction(connection_, Transaction::Kind::kWrite);
    check_running(trial);
    check_values(trial, objective_count(trial.trial_id));
    for (std::size_t i = 0; i < trial.values.size(); ++i) {
      const auto [value, kind] = value_columns(trial.values[i]);
      connection_.run("INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1, ?2, ?3, ?4)",
                      {trial.trial_id, static_cast<std::int64_t>(i), value, kind});
    }
    for (const auto& [step, number] : trial.intermediate_values) {
      const auto [value, kind] = value_columns(number);
      connection_.run(
          "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
          "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (trial_id, step) DO UPDATE SET "
          "intermediate_value = excluded.intermediate_value, intermediate_value_type = "
          "excluded.intermediate_value_type",
          {trial.trial_id, step, value, kind});
    }
    write_attributes(kUpsertTrialUserAttribute, trial.trial_id, trial.user_attributes);
    write_attributes(kUpsertTrialSystemAttribute, trial.trial_id, trial.system_attributes);
    const Time completed = trial.completed.value_or(std::chrono::system_clock::now());
    connection_.run("UPDATE trials SET state = ?1, datetime_complete = ?2 WHERE trial_id = ?3",
                    {to_string(trial.state), time_text(completed), trial.trial_id});
    transaction.commit();
  });
}

std::vector<Trial> SqliteStorage::load_trials(std::int64_t study_id) {
  std::vector<Trial> trials;
  Rows rows = connection_.select(
      "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ?1", {study_id});
  while (rows.next()) {
    Trial& trial = trials.emplace_back();
    trial.trial_id = rows.integer(0);
    trial.number = rows.integer(1);
    trial.state = state_from_name(rows.text(2));
    if (!rows.is_null(3)) trial.started = time_from_text(rows.text(3));
    if (!rows.is_null(4)) trial.completed = time_from_text(rows.text(4));
  }
  std::sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) { return a.number < b.number; });
  return trials;
}

void SqliteStorage::load_parameters(std::int64_t study_id, TrialIndex& index) {
  DistributionCache distributions;
  // The order of param_id is the order in which parameters were chosen.
  Rows rows = connection_.select(
      "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trials t "
      "JOIN trial_params p ON p.trial_id = t.trial_id WHERE t.study_id = ?1 ORDER BY p.param_id",
      {study_id});
  while (rows.next()) {
    Trial* trial = index.find(rows.integer(0));
    if (trial == nullptr) continue;
    trial->parameters.push_back({std::string(rows.text(1)), distributions.get(rows.text(3)), rows.real(2)});
  }
}

void SqliteStorage::load_numbers(std::int64_t study_id, TrialIndex& index) {
  {
    Rows rows = connection_.select(
        "SELECT v.trial_id, v.value, v.value_type FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id "
        "WHERE t.study_id = ?1 ORDER BY v.trial_id, v.objective",
        {study_id});
    while (rows.next()) {
      if (Trial* trial = index.find(rows.integer(0))) trial->values.push_back(value_from_columns(rows, 1, 2));
    }
  }
  Rows rows = connection_.select(
      "SELECT v.trial_id, v.step, v.intermediate_value, v.intermediate_value_type FROM trials t "
      "JOIN trial_intermediate_values v ON v.trial_id = t.trial_id WHERE t.study_id = ?1",
      {study_id});
  while (rows.next()) {
    Trial* trial = index.find(rows.integer(0));
    if (trial != nullptr) trial->intermediate_values[rows.integer(1)] = value_from_columns(rows, 2, 3);
  }
}

void SqliteStorage::load_attributes(std::string_view query, std::int64_t study_id, TrialIndex& index,
                                    Attributes Trial::*target) {
  Rows rows = connection_.select(query, {study_id});
  while (rows.next()) {
    Trial* trial = index.find(rows.integer(0));
    if (trial != nullptr) (trial->*target)[std::string(rows.text(1))] = rows.text(2);
  }
}

std::vector<Trial> SqliteStorage::trials(std::int64_t study_id) {
  return guarded([&] {
    Transaction transaction(connection_, Transaction::Kind::kRead);
    std::vector<Trial> trials = load_trials(study_id);
    TrialIndex index(trials);
    load_parameters(study_id, index);
    load_numbers(study_id, index);
    load_attributes(
        "SELECT a.trial_id, a.\"key\", a.value_json FROM trials t "
        "JOIN trial_user_attributes a ON a.trial_id = t.trial_id WHERE t.study_id = ?1",
        study_id, index, &Trial::user_attributes);
    load_attributes(
        "SELECT a.trial_id, a.\"key\", a.value_json FROM trials t "
        "JOIN trial_system_attributes a ON a.trial_id = t.trial_id WHERE t.study_id = ?1",
        study_id, index, &Trial::system_attributes);
    transaction.commit();
    return trials;
  });
}

}  // namespace

std::unique_ptr<Storage> open_sqlite(const std::filesystem::path& path, const SqliteOptions& options) {
  return std::make_unique<SqliteStorage>(path, options);
}

}  // namespace lathe::storage
