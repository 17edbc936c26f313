#include <gtest/gtest.h>

#include <functional>

#include "lathe/base/error.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/closing.h"
#include "lathe/study/exhaustive/race_loop.h"
#include "program.h"
#include "study/fixture.h"
#include "study/run_sql.h"

// Rows of a study's database that a disk or a person has damaged.
namespace lathe::study {
namespace {

const char* const kRacing = "[search.strategy.racing]\nmax_repeats = 3\nconfidence = 0.99\n";
const char* const kSetup = "n_trials = 3\nn_jobs = 1\nlag = 3\nsampler = \"random\"\n";

class DamagedTrials : public ::testing::Test {
 protected:
  std::unique_ptr<storage::Storage> open() const { return storage::open_sqlite(folder_.path() / "study.db"); }

  void run_sql(const std::string& sql) const { study::run_sql(folder_.path() / "study.db", sql); }

  static std::string message_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  }

  // Returns what the study says when it is to go on.
  std::string error_when_resumed() const {
    Fixture fixture(trained_search(kSetup));
    fixture.settings.n_trials = 5;
    return message_of([&] {
      const StudyResult result = fixture.run_in(*open());
      if (result.failure) std::rethrow_exception(result.failure);
    });
  }

  // Returns what `lathe study restore` says of its trials.
  std::string error_when_restored() const {
    Fixture fixture(trained_search(kSetup));
    const auto storage = open();
    const OpenedStudy study = fixture.open(*storage);
    return message_of([&] { stored_result(*storage, study.id, fixture.settings, fixture.space); });
  }

  // Runs the study to its end and races its trials.
  StudyResult race() const {
    Fixture fixture(trained_search(std::string(kSetup) + kRacing));
    const auto storage = open();
    StudyResult result = fixture.run_in(*storage);
    if (result.failure) std::rethrow_exception(result.failure);
    run_race(fixture.settings, fixture.evaluator, *storage, fixture.open(*storage).id, result, fixture.stop,
             [](std::int64_t, std::int64_t) {});
    return result;
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(DamagedTrials, AreRefusedWithStudyAndTrial) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const char* key : {"software_metrics", "hardware_metrics", "scaled_metrics", "lathe:key", "lathe:network",
                          "lathe:ran_on", "lathe:worker"}) {
    for (const std::string& text : {std::string("{\"accuracy\": 0."), std::string("1e400"), deep, std::string()}) {
      { Fixture(trained_search(kSetup)).run_in(*open()); }
      run_sql("UPDATE trial_user_attributes SET value_json = '" + text + "' WHERE key = '" + key +
              "' AND trial_id = 2");
      EXPECT_EQ(error_when_resumed(), std::string("study \"small\", trial 1: its attribute ") + key + " is no JSON");
      open()->delete_study(open()->find_study("small")->study_id);
    }
  }
}

TEST_F(DamagedTrials, WithMetricsOfAnotherKindAreRead) {
  { Fixture(trained_search(kSetup)).run_in(*open()); }
  run_sql(
      "UPDATE trial_user_attributes SET value_json = '{\"accuracy\": NaN, \"loss\": Infinity}' "
      "WHERE key = 'software_metrics' AND trial_id = 1");  // as Python prints them
  run_sql(
      "UPDATE trial_user_attributes SET value_json = '[1, \"two\", null]' WHERE trial_id = 2 "
      "AND key IN ('software_metrics', 'hardware_metrics', 'scaled_metrics', 'lathe:network', 'lathe:ran_on')");
  EXPECT_EQ(error_when_resumed(), "no error");
}

TEST_F(DamagedTrials, ThatAreMissingAreNamed) {
  { Fixture(trained_search(kSetup)).run_in(*open()); }
  run_sql("UPDATE trials SET number = 99999999999 WHERE trial_id = 2");
  const std::string error = "study \"small\": trial 1 is missing, and trial 2 is there: the database is damaged";
  EXPECT_EQ(error_when_resumed(), error);
  EXPECT_EQ(error_when_restored(), error);
  run_sql("DELETE FROM trials WHERE trial_id = 2");
  EXPECT_EQ(error_when_resumed(), error);
}

TEST_F(DamagedTrials, WithoutTheirValuesAreRefused) {
  { Fixture(trained_search(kSetup)).run_in(*open()); }
  run_sql("DELETE FROM trial_values WHERE trial_id = 2");
  EXPECT_EQ(error_when_resumed().find("study \"small\", trial 1: it is complete with 0 values"), 0u);
}

TEST_F(DamagedTrials, WithOtherValuesThanTheirMetricsMakeAreNotRestored) {
  { Fixture(trained_search(kSetup)).run_in(*open()); }
  EXPECT_EQ(error_when_restored(), "no error");
  run_sql("UPDATE trial_values SET value = 123.5 WHERE trial_id = 2 AND objective = 0");
  EXPECT_EQ(error_when_restored().find("study \"small\", trial 1: its value of objective 0 is 123.5, and its metrics"),
            0u)
      << error_when_restored();
}

TEST_F(DamagedTrials, OfInfiniteValueAreLeftOutOfTheRace) {
  ASSERT_TRUE(race().trials.at(1).standing);
  for (const char* value : {"value = 9e999", "value = -9e999", "value = NULL, value_type = 'INF_POS'",
                            "value = NULL, value_type = 'INF_NEG'"}) {
    run_sql(std::string("UPDATE trial_values SET ") + value + " WHERE trial_id = 2 AND objective = 0");
    const StudyResult result = race();
    EXPECT_FALSE(result.trials.at(1).standing) << value;
    EXPECT_TRUE(result.trials.at(2).standing) << value;
  }
}

TEST_F(DamagedTrials, FurtherSeedsThatAreDamagedAreRefused) {
  ASSERT_TRUE(race().trials.at(1).standing);
  run_sql("UPDATE lathe_repeats SET json = '{\"reason\": \"diverged\"}'");
  EXPECT_EQ(message_of([&] { race(); }), "no error");
  for (const char* json : {"{", "1e999", "{}", "[]", "", "{\"metrics\": {}}", "{\"metrics\": 3}"}) {
    run_sql(std::string("UPDATE lathe_repeats SET json = '") + json + "'");
    const std::string error = message_of([&] { race(); });
    EXPECT_EQ(error.find("study \"small\", trial "), 0u) << error;
    EXPECT_NE(error.find(": what is stored of its seed 1 has no metrics: the database is damaged"), std::string::npos)
        << error;
  }
}

}  // namespace
}  // namespace lathe::study
