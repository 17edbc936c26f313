#include <gtest/gtest.h>
#include <sqlite3.h>

#include "lathe/base/error.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "program.h"
#include "study/fixture.h"

// Rows of a study's database that a disk or a person has damaged.
namespace lathe::study {
namespace {

const char* const kSetup = "n_trials = 3\nn_jobs = 1\nlag = 3\nsampler = \"random\"\n";

class DamagedTrials : public ::testing::Test {
 protected:
  std::unique_ptr<storage::Storage> open() const { return storage::open_sqlite(folder_.path() / "study.db"); }

  void run_sql(const std::string& sql) const {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open((folder_.path() / "study.db").c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  // Returns what the study says when it is to go on.
  std::string error_when_resumed() const {
    Fixture fixture(trained_search(kSetup));
    fixture.settings.n_trials = 5;
    try {
      const StudyResult result = fixture.run_in(*open());
      if (result.failure) std::rethrow_exception(result.failure);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
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

}  // namespace
}  // namespace lathe::study
