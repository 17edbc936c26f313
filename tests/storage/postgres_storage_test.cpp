#include "lathe/storage/postgres/postgres_storage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "lathe/base/error.h"
#include "lathe/storage/postgres/address.h"
#include "peers.h"
#include "storage/sample.h"
#include "storage/storage_suite.h"

namespace lathe::storage {

INSTANTIATE_TEST_SUITE_P(Postgres, StorageSuite, testing::Values("postgresql"),
                         [](const auto& kind) { return kind.param; });

namespace {

class PostgresStorage : public testing::Test {
 protected:
  void SetUp() override {
    place_ = make_place("postgresql");
    if (!place_) LATHE_PEER_IS_ABSENT("no PostgreSQL server is installed");
  }
  /// Ends all other connections to the database, as a restart of the server does.
  void cut_connections() {
    place_->sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        "pg_backend_pid()");
  }
  std::unique_ptr<Place> place_;
};

TEST(PostgresAddress, ThePasswordIsNotShown) {
  const auto address = postgres::read_address("postgresql+psycopg2://me:p%40ss@host:5433/db?sslmode=require");
  EXPECT_EQ(address.shown, "postgresql://me@host:5433/db?sslmode=require");
  EXPECT_EQ(address.connection,
            "postgresql://me:p%40ss@host:5433/db?sslmode=require&connect_timeout=10&tcp_user_timeout=20000&"
            "application_name=lathe");
  EXPECT_EQ(address.without_password("no p%40ss and no p@ss"), "no *** and no ***");
  const auto option = postgres::read_address("postgres:///db?host=/run&password=secret&connect_timeout=3");
  EXPECT_EQ(option.shown, "postgresql:///db?host=/run&connect_timeout=3");
  EXPECT_EQ(
      option.connection,
      "postgresql:///db?host=/run&password=secret&connect_timeout=3&tcp_user_timeout=20000&application_name=lathe");
  EXPECT_EQ(postgres::read_address("postgresql://me@host/db").shown, "postgresql://me@host/db");
  EXPECT_THROW(postgres::read_address("mysql://host/db"), UserError);
}

TEST(PostgresErrors, NoServer) {
  const std::string message =
      message_of([] { open_postgres("postgresql://me:secret@/db?host=/nowhere", {.retry_seconds = 0}); });
  EXPECT_TRUE(message.starts_with("cannot open the database postgresql://me@/db?host=/nowhere: ")) << message;
  EXPECT_NE(message.find("No such file or directory"), std::string::npos) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

TEST_F(PostgresStorage, TheTablesAreOptunas) {
  const std::string dump = peer_file("sample_dump_pg_newest.sql");
  if (dump.empty()) GTEST_SKIP() << "shared/peers/sample_dump_pg_newest.sql is not here";
  const auto optuna = make_place("postgresql");
  optuna->sql(dump);
  place_->open();
  const char* columns =
      "SELECT table_name, column_name, data_type, udt_name, character_maximum_length, is_nullable, column_default "
      "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
  EXPECT_EQ(place_->sql(columns), optuna->sql(columns));
  const char* constraints =
      "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = "
      "'public'::regnamespace ORDER BY conname";
  EXPECT_EQ(place_->sql(constraints), optuna->sql(constraints));
  const char* indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname";
  EXPECT_EQ(place_->sql(indexes), optuna->sql(indexes));
  const char* labels =
      "SELECT enumtypid::regtype, enumlabel FROM pg_enum ORDER BY enumtypid::regtype::text, enumsortorder";
  EXPECT_EQ(place_->sql(labels), optuna->sql(labels));
  EXPECT_EQ(place_->sql("SELECT * FROM alembic_version"), "v3.2.0.a\n");
}

TEST_F(PostgresStorage, ReadsAndContinuesAStudyThatOptunaWrote) {
  const std::string dump = peer_file("sample_dump_pg310.sql");
  if (dump.empty()) GTEST_SKIP() << "shared/peers/sample_dump_pg310.sql is not here";
  place_->sql(dump);
  const auto storage = place_->open();
  EXPECT_EQ(storage->studies().size(), 7U);
  const auto single = storage->find_study("single");
  const auto trials = storage->trials(single->study_id);
  ASSERT_EQ(trials.size(), 8U);
  EXPECT_EQ(trials[0].parameters.size(), 11U);
  EXPECT_EQ(trials[0].parameters[0].name, "lr");
  EXPECT_EQ(trials[7].state, TrialState::kWaiting);
  EXPECT_EQ(start(*storage, single->study_id).number, 8);
}

TEST_F(PostgresStorage, StampsTheRevisionThatIsAskedFor) {
  place_->open("3.1");
  EXPECT_EQ(place_->sql("SELECT * FROM alembic_version"), "v3.0.0.d\n");
  EXPECT_EQ(place_->sql("SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_trials_study_id'"), "0\n");
}

TEST_F(PostgresStorage, RefusesOtherSchemas) {
  const auto message = [&] { return message_of([&] { place_->open(); }); };
  place_->sql("CREATE TABLE trials (a integer)");
  EXPECT_NE(message().find("it is a database of another program"), std::string::npos) << message();
  place_->sql("DROP TABLE trials; CREATE TABLE songs (a integer)");
  EXPECT_EQ(message(), "no error") << "other tables may stand beside ours";
  place_->sql("UPDATE alembic_version SET version_num = 'v9.0.0.a'");
  EXPECT_NE(message().find("its schema v9.0.0.a is not known to this lathe"), std::string::npos) << message();
}

TEST_F(PostgresStorage, ManyMakeTheTablesAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = "study " + std::to_string(t);
      EXPECT_EQ(message_of([&] { place_->open()->create_study(name, {Direction::kMaximize}, {}, {}); }), "no error");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(place_->open()->studies().size(), 12U);
}

TEST_F(PostgresStorage, ACutConnectionComesBack) {
  const auto storage = place_->open();
  const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
  const Trial trial = start(*storage, study);
  cut_connections();
  EXPECT_TRUE(complete(*storage, trial, {1.0}));
  cut_connections();
  EXPECT_EQ(storage->trials(study).size(), 1U);
  EXPECT_EQ(storage->start_trial(study, {.number = 1, .started = kStart})->number, 1);
}

/// Whatever moment the connection is cut at: each number is started once, by one worker, and each end is written once.
TEST_F(PostgresStorage, EveryTransactionIsDoneOnceWhileConnectionsAreCut) {
  const auto study = place_->open()->create_study("jets", {Direction::kMaximize}, {}, {});
  std::atomic<bool> stop = false;
  std::atomic<int> started = 0, finished = 0;
  std::vector<std::thread> workers;
  for (int w = 0; w < 3; ++w) {
    workers.emplace_back([&] {
      const auto storage = place_->open();
      while (!stop) {
        const Trial trial = start(*storage, study);
        ++started;
        if (complete(*storage, trial, {1.0})) ++finished;
      }
    });
  }
  for (int i = 0; i < 15; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * i));
    cut_connections();
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  const auto trials = place_->open()->trials(study);
  EXPECT_EQ(static_cast<int>(trials.size()), started) << "a start was lost or doubled";
  EXPECT_EQ(started, finished) << "an end was lost or its answer was";
  for (std::size_t i = 0; i < trials.size(); ++i) {
    ASSERT_EQ(trials[i].number, static_cast<std::int64_t>(i));
    ASSERT_EQ(trials[i].state, TrialState::kComplete);
  }
}

/// A trigger holds the COMMIT up until the connection is cut: the server has taken the transaction back.
TEST_F(PostgresStorage, ACommitThatWasNotDoneIsDoneAgain) {
  const auto storage = place_->open();
  const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
  const Trial trial = start(*storage, study);
  place_->sql(
      "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_sleep(1.5); RETURN "
      "NULL; END $f$; CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON trials DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
      "EXECUTE FUNCTION wait_at_commit()");
  std::thread cut([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    cut_connections();
  });
  EXPECT_TRUE(complete(*storage, trial, {1.0}));
  cut.join();
  EXPECT_EQ(storage->trials(study).at(0).values, std::vector{1.0});
}

/// The COMMIT waits for a standby that does not exist when the connection is cut: the server has done it, and its
/// answer was lost.
TEST(PostgresServerTest, ACommitWhoseAnswerWasLostIsNotDoneAgain) {
  PostgresServer server;
  if (!server.is_running()) LATHE_PEER_IS_ABSENT("no PostgreSQL server is installed");
  const auto place = server.make_database();
  const auto storage = place->open();
  const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
  const Trial first = start(*storage, study);
  const auto hold_commits = [&](bool hold) {
    place->sql(hold ? "ALTER SYSTEM SET synchronous_standby_names = 'nobody'; SELECT pg_reload_conf()"
                    : "ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()");
  };
  const auto with_lost_answer = [&](const auto& action) {
    hold_commits(true);
    std::thread cut([&] {
      while (place->sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") ==
             "0\n") {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      hold_commits(false);
    });
    action();
    cut.join();
  };
  with_lost_answer([&] { EXPECT_TRUE(complete(*storage, first, {1.0})); });
  std::optional<Trial> second;
  with_lost_answer([&] { second = storage->start_trial(study, {.number = 1, .started = kStart}); });
  ASSERT_TRUE(second.has_value());
  const auto trials = storage->trials(study);
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials[0].state, TrialState::kComplete);
  EXPECT_EQ(trials[1].trial_id, second->trial_id);
}

TEST(PostgresServerTest, TheServerMayComeBack) {
  PostgresServer server;
  if (!server.is_running()) LATHE_PEER_IS_ABSENT("no PostgreSQL server is installed");
  {
    const auto place = server.make_database();
    const auto storage = place->open();
    const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
    const Trial trial = start(*storage, study);
    server.crash();
    std::thread later([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      server.restart();
    });
    EXPECT_TRUE(complete(*storage, trial, {1.0}));
    later.join();
    EXPECT_EQ(storage->trials(study).at(0).state, TrialState::kComplete);
    const auto impatient = open_postgres(place->url(), {.retry_seconds = 0.1});
    server.crash();
    const std::string message = message_of([&] { impatient->trials(study); });
    EXPECT_TRUE(message.starts_with("cannot reach the database postgresql://postgres@/lathe_")) << message;
    EXPECT_NE(message.find("(tried for 0.1 s)"), std::string::npos) << message;
    server.restart();
    EXPECT_EQ(impatient->trials(study).size(), 1U);
  }
}

}  // namespace
}  // namespace lathe::storage
