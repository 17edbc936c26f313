#include "lathe/storage/sqlite/sqlite_storage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <thread>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/storage/relational/schema.h"
#include "lathe/storage/text.h"
#include "storage/sample.h"
#include "storage/temporary_folder.h"

namespace lathe::storage {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Runs SQL outside of lathe, as another program would.
void run_sql(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* reason = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &reason), SQLITE_OK) << (reason ? reason : "");
  sqlite3_close(database);
}

std::string query_text(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  std::string text;
  const auto add_row = [](void* target, int count, char** values, char**) {
    auto& out = *static_cast<std::string*>(target);
    for (int i = 0; i < count; ++i) {
      if (i > 0) out += '|';
      out += values[i] == nullptr ? "NULL" : values[i];
    }
    out += "\n";
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), add_row, &text, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
  return text;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string open_message(const std::filesystem::path& path, double timeout = 0.05) {
  return message_of([&] { open_sqlite(path, {.optuna_compat = "", .busy_timeout_seconds = timeout}); });
}

TEST(SqliteStorage, RowsAreThoseThatOptunaWrites) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto storage = open_sqlite(path);
  const auto study = storage->create_study("s", {Direction::kMinimize}, {}, {});
  Trial trial = start(*storage, study);
  trial.intermediate_values = {{1, std::nan("")}};
  complete(*storage, trial, {-kInfinity});
  storage->finish_trial(ended(start(*storage, study, {}), TrialState::kFail));
  EXPECT_EQ(query_text(path, "SELECT * FROM trials"),
            "1|0|1|COMPLETE|2026-11-21 02:09:41.941163|2026-11-21 02:09:42.941163\n"
            "2|1|1|FAIL|2026-11-21 02:09:41.941163|2026-11-21 02:09:42.941163\n");
  EXPECT_EQ(query_text(path, "SELECT *, typeof(param_value) FROM trial_params WHERE param_id = 2"),
            "2|1|seq_blocks_2/config/data_in_frac_width|1.0|{\"name\": \"CategoricalDistribution\", \"attributes\": "
            "{\"choices\": [null, 0.5, \"\\u00e9\", true]}}|real\n");
  EXPECT_EQ(query_text(path, "SELECT * FROM trial_values"), "1|1|0|NULL|INF_NEG\n");
  EXPECT_EQ(query_text(path, "SELECT * FROM trial_intermediate_values"), "1|1|1|NULL|NAN\n");
  EXPECT_EQ(query_text(path, "SELECT count(*) FROM trial_heartbeats"), "0\n") << "only running trials have one";
  EXPECT_EQ(query_text(path, "SELECT * FROM study_directions"), "1|MINIMIZE|1|0\n");
  EXPECT_EQ(query_text(path, "SELECT * FROM alembic_version"), "v3.2.0.a\n");
  EXPECT_EQ(query_text(path, "SELECT schema_version, library_version LIKE 'lathe _%' FROM version_info"), "12|1\n");
  EXPECT_EQ(query_text(path, "PRAGMA journal_mode"), "wal\n");
}

/// Optuna's own files, as shared/peers dumps them.
std::string dump_of(const std::string& name) {
  const char* data = std::getenv("LATHE_TEST_DATA");
  const std::filesystem::path shared = data ? std::filesystem::path(data).parent_path() : LATHE_SOURCE_DIR "/../shared";
  const auto path = shared / "peers" / name;
  return std::filesystem::exists(path) ? read_text_file(path) : std::string();
}

TEST(SqliteStorage, TheSchemaIsOptunas) {
  const std::string dump = dump_of("sample_dump_newest.sql");
  if (dump.empty()) GTEST_SKIP() << "shared/peers/sample_dump_newest.sql is not here";
  const TemporaryFolder folder;
  run_sql(folder.file("optuna.db"), dump);
  open_sqlite(folder.file("ours.db"));
  const char* schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name";
  EXPECT_EQ(query_text(folder.file("ours.db"), schema), query_text(folder.file("optuna.db"), schema));
}

TEST(SqliteStorage, ReadsAStudyThatOptunaWrote) {
  const std::string dump = dump_of("sample_dump.sql");
  if (dump.empty()) GTEST_SKIP() << "shared/peers/sample_dump.sql is not here";
  const TemporaryFolder folder;
  run_sql(folder.file("optuna.db"), dump);
  const auto storage = open_sqlite(folder.file("optuna.db"));
  const auto studies = storage->studies();
  ASSERT_EQ(studies.size(), 7U);
  EXPECT_EQ(studies[0].name, "single");
  EXPECT_EQ(studies[1].directions, (std::vector{Direction::kMinimize, Direction::kMaximize}));
  const auto trials = storage->trials(1);
  ASSERT_EQ(trials.size(), 8U);
  EXPECT_EQ(trials[1].values, std::vector{kInfinity});
  EXPECT_EQ(trials[7].state, TrialState::kWaiting);
  EXPECT_FALSE(trials[7].started.has_value());
  ASSERT_EQ(trials[0].parameters.size(), 11U);
  EXPECT_EQ(trials[0].parameters[0].name, "lr");
  EXPECT_EQ(trials[0].parameters[3].value, 40);
  const auto& seventh = std::get<parameter::Categorical>(*trials[0].parameters[7].distribution);
  EXPECT_EQ(seventh.choices[static_cast<std::size_t>(trials[0].parameters[7].value)],
            parameter::Choice(std::int64_t{4}));
  const Trial next = start(*storage, 1, {});
  EXPECT_EQ(next.number, 8);
}

TEST(SqliteStorage, StampsTheRevisionThatIsAskedFor) {
  const TemporaryFolder folder;
  open_sqlite(folder.file("a.db"), {.optuna_compat = "3.1"});
  EXPECT_EQ(query_text(folder.file("a.db"), "SELECT * FROM alembic_version"), "v3.0.0.d\n");
  EXPECT_EQ(query_text(folder.file("a.db"), "SELECT count(*) FROM sqlite_master WHERE name = 'ix_trials_study_id'"),
            "0\n");
  open_sqlite(folder.file("b.db"), {.optuna_compat = "4.9"});
  EXPECT_EQ(query_text(folder.file("b.db"), "SELECT * FROM alembic_version"), "v3.2.0.a\n");
  EXPECT_EQ(message_of([] { relational::revision_for("two"); }),
            "optuna_compat: must be a version of Optuna from \"3.0\" on; got \"two\"");
}

TEST(SqliteStorage, ATakenNameIsRefused) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto storage = open_sqlite(path);
  storage->create_study("jets", {Direction::kMaximize}, {}, {});
  EXPECT_EQ(message_of([&] { storage->create_study("jets", {Direction::kMaximize}, {}, {}); }),
            path.string() + " already holds a study named \"jets\"; choose another name or file");
  EXPECT_EQ(storage->studies().size(), 1U);
}

TEST(SqliteStorage, ManyMayMakeANewFileAtOnce) {
  const TemporaryFolder folder;
  for (int file = 0; file < 20; ++file) {
    const auto path = folder.path() / (std::to_string(file) + ".db");
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        try {
          open_sqlite(path)->studies();
        } catch (const Error&) {
          ++failures;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0) << file;
  }
}

TEST(SqliteStorageErrors, AbsentFolder) {
  const TemporaryFolder folder;
  const auto path = folder.file("absent/study.db");
  EXPECT_EQ(open_message(path),
            "cannot create the study file " + path.string() + ": there is no folder " + folder.file("absent").string());
  EXPECT_EQ(open_message(folder.path()), "cannot open the study file " + folder.path().string() + ": it is a folder");
}

TEST(SqliteStorageErrors, NoDatabase) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  write_text_file_atomically(path, std::string(4096, 'x'));
  EXPECT_EQ(open_message(path), "cannot read the study file " + path.string() + ": it is no SQLite database");
}

TEST(SqliteStorageErrors, DatabaseOfAnotherProgram) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  run_sql(path, "CREATE TABLE songs (title TEXT)");
  EXPECT_EQ(open_message(path), "cannot open the study file " + path.string() +
                                    ": it is a database of another program (it has no tables studies and trials)");
  EXPECT_EQ(query_text(path, "SELECT count(*) FROM sqlite_master"), "1\n");
}

TEST(SqliteStorageErrors, OlderAndNewerSchema) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  open_sqlite(path);
  run_sql(path, "UPDATE alembic_version SET version_num = 'v2.6.0.a'");
  EXPECT_EQ(open_message(path), "cannot open the study file " + path.string() +
                                    ": its schema v2.6.0.a is older than v3.0.0.d; bring it up to date with `optuna "
                                    "storage upgrade --storage sqlite:///" +
                                    path.string() + "`");
  run_sql(path, "UPDATE alembic_version SET version_num = 'v9.0.0.a'");
  EXPECT_EQ(open_message(path), "cannot open the study file " + path.string() +
                                    ": its schema v9.0.0.a is not known to this lathe, which knows v3.0.0.d and "
                                    "v3.2.0.a; a newer lathe may read it");
  run_sql(path, "DELETE FROM alembic_version; UPDATE version_info SET schema_version = 13, library_version = '9.0'");
  EXPECT_EQ(open_message(path), "cannot open the study file " + path.string() +
                                    ": its schema version is 13, written by 9.0; this lathe knows 12");
  run_sql(path, "UPDATE version_info SET schema_version = 12");
  EXPECT_EQ(open_message(path), "no error");
}

TEST(SqliteStorageErrors, LowerCaseStateIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto storage = open_sqlite(path);
  const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
  start(*storage, study, {});
  run_sql(path, "UPDATE trials SET state = 'running'");
  EXPECT_EQ(message_of([&] { storage->trials(study); }),
            path.string() + ": study \"jets\", trial 0: \"running\" is no state of a trial");
}

TEST(SqliteStorageErrors, DamagedRowsNameStudyAndTrial) {
  const std::vector<std::pair<const char*, const char*>> damages{
      {"UPDATE trials SET number = NULL WHERE trial_id = 2", "trial 0: it has no number"},
      {"UPDATE trials SET number = -5 WHERE trial_id = 2", "trial -5: it has no number"},
      {"UPDATE trials SET number = 0", "trial 0: its number is there twice"},
      {"UPDATE trials SET datetime_start = 'noon' WHERE trial_id = 2", "trial 1: \"noon\" is no date and time"},
      {"UPDATE trial_params SET param_value = NULL WHERE trial_id = 2", "trial 1: the parameter width has no value"},
      {"UPDATE trial_params SET param_value = 7 WHERE trial_id = 2",
       "trial 1: the parameter width has choice 7, of 2 choices"},
      {"UPDATE trial_params SET param_value = 0.5 WHERE trial_id = 2",
       "trial 1: the parameter width has choice 0.5, of 2 choices"},
      {"UPDATE trial_params SET distribution_json = '{\"name\": 3}' WHERE trial_id = 2",
       "trial 1: \"{\"name\": 3}\" is no distribution"},
      {"UPDATE trial_values SET value = NULL WHERE trial_id = 2",
       "trial 1: a value is missing that is said to be finite"},
      {"UPDATE trials SET number = 'abc' WHERE trial_id = 2",
       "trial 0: number holds \"abc\" where a whole number is expected: the database is damaged"},
      {"UPDATE trial_params SET param_value = 'abc' WHERE trial_id = 2",
       "trial 1: param_value holds \"abc\" where a number is expected: the database is damaged"},
      {"UPDATE trial_values SET value = 'abc' WHERE trial_id = 2",
       "trial 1: value holds \"abc\" where a number is expected: the database is damaged"},
      {"UPDATE trial_values SET value = x'31' WHERE trial_id = 2",
       "trial 1: value holds \"1\" where a number is expected: the database is damaged"},
      {"UPDATE trial_values SET objective = 0.5 WHERE trial_id = 2",
       "trial 1: objective holds \"0.5\" where a whole number is expected: the database is damaged"},
      {"UPDATE trial_values SET objective = 3 WHERE trial_id = 2",
       "trial 1: its value of objective 3 is there, and that of objective 0 is not"},
      {"UPDATE trial_values SET value_type = 'finite' WHERE trial_id = 2",
       "trial 1: a value is said to be \"finite\"; FINITE, INF_POS, INF_NEG and NAN are known"}};
  for (const auto& [sql, reason] : damages) {
    const TemporaryFolder folder;
    const auto path = folder.file("study.db");
    const auto storage = open_sqlite(path);
    const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
    for (int i = 0; i < 2; ++i) {
      complete(*storage, start(*storage, study, {categorical("width", {std::int64_t{8}, std::int64_t{16}}, 1)}), {0.5});
    }
    run_sql(path, sql);
    EXPECT_EQ(message_of([&] { storage->trials(study); }), path.string() + ": study \"jets\", " + reason) << sql;
  }
}

TEST(SqliteStorageErrors, Locked) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto storage = open_sqlite(path, {.optuna_compat = "", .busy_timeout_seconds = 0.05});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(message_of([&] { storage->create_study("jets", {Direction::kMaximize}, {}, {}); }),
            "cannot write the study file " + path.string() +
                ": another program has kept it locked for 0.05 s; close what uses it and try again");
  EXPECT_TRUE(storage->studies().empty()) << "readers are not held up";
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_EQ(storage->create_study("jets", {Direction::kMaximize}, {}, {}), 1);
}

TEST(SqliteStorageErrors, LockedWhileOpening) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  run_sql(path, "PRAGMA journal_mode = DELETE; CREATE TABLE t (a)");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(open_message(path),
            "cannot read the study file " + path.string() +
                ": another program has kept it locked for 0.05 s; close what uses it and try again");
  sqlite3_close(other);
}

TEST(SqliteStorageErrors, DamagedFile) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  {
    const auto storage = open_sqlite(path);
    const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
    for (int i = 0; i < 200; ++i) complete(*storage, start(*storage, study), {1.0});
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
    file.seekp(8192);
    const std::string noise(static_cast<std::size_t>(size - 8192), '\x5a');
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  const std::string message = message_of([&] { open_sqlite(path)->trials(1); });
  EXPECT_EQ(message, "cannot read the study file " + path.string() +
                         ": the file is damaged; `sqlite3 FILE .recover` may save its trials into a new one");
}

/// Runs an action as the user nobody in a child process, which prints the error that it gets to standard error.
[[noreturn]] void as_nobody(const std::function<void()>& action) {
  if (::geteuid() == 0 && (::setegid(65534) != 0 || ::seteuid(65534) != 0)) std::exit(2);
  std::fputs(message_of(action).c_str(), stderr);
  std::_Exit(0);
}

TEST(SqliteStorageErrors, ReadOnlyFileAndFolder) {
  testing::FLAGS_gtest_death_test_style = "fast";
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  open_sqlite(path);
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_read | perms::group_read | perms::others_read);
  EXPECT_EXIT(as_nobody([&] { open_sqlite(path); }), testing::ExitedWithCode(0),
              "^cannot (open|read) the study file .*/study.db: the file or its folder is read-only for this user$");
  std::filesystem::permissions(folder.path(), perms::owner_all | perms::others_read | perms::others_exec);
  EXPECT_EXIT(as_nobody([&] { open_sqlite(folder.file("new.db")); }), testing::ExitedWithCode(0),
              "^cannot create the study file .*/new.db: the file or its folder is read-only for this user$");
  EXPECT_FALSE(std::filesystem::exists(folder.file("new.db")));
}

[[noreturn]] void fill_until_it_fails(const std::filesystem::path& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1'000'000, 1'000'000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto storage = open_sqlite(path);
  std::fputs(message_of([&] {
               while (true) complete(*storage, start(*storage, 1), {1.0});
             }).c_str(),
             stderr);
  std::_Exit(0);
}

TEST(SqliteStorageErrors, AFullDiskLosesNothingThatWasStored) {
  testing::FLAGS_gtest_death_test_style = "fast";
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  open_sqlite(path)->create_study("jets", {Direction::kMaximize}, {}, {});
  EXPECT_EXIT(fill_until_it_fails(path), testing::ExitedWithCode(0),
              "^cannot write the study file .*/study.db: the disk does not take it .error, quota or size limit.; what "
              "was stored before is safe$");
  const auto trials = open_sqlite(path)->trials(1);
  EXPECT_GT(trials.size(), 10U);
  for (std::size_t i = 0; i + 1 < trials.size(); ++i) {
    EXPECT_EQ(trials[i].number, static_cast<std::int64_t>(i));
    EXPECT_EQ(trials[i].state, TrialState::kComplete);
  }
}

}  // namespace
}  // namespace lathe::storage
