#include <gtest/gtest.h>

#include <cmath>

#include "lathe/report/closing_table.h"
#include "lathe/report/front_plot.h"
#include "lathe/report/mase_files.h"
#include "lathe/report/trials_csv.h"
#include "report/sample_study.h"

// What reports say of a study whose candidates raced: means, errors, probabilities.
namespace lathe::report {
namespace {

StudyRecord raced_study() {
  StudyRecord study = sample_study();
  study.trials[1].standing = StandingRecord{.membership = "on the front",
                                            .seeds = 3,
                                            .means = {0.65, 8},
                                            .standard_errors = {0.003, 0},
                                            .sampling_errors = {0.004, 0},
                                            .total_errors = {0.005, 0},
                                            .front_probability = 0.975,
                                            .at_least = 0.9};
  return study;
}

TEST(RacedStudy, ShowsMeansErrorsAndProbabilities) {
  const std::string table = best_table(raced_study(), {});
  EXPECT_NE(table.find("mean (std. error)"), std::string::npos) << table;
  EXPECT_NE(table.find("0.65 (0.005)"), std::string::npos) << table;
  EXPECT_NE(table.find(" 0.97 | "), std::string::npos) << table;
}

TEST(RacedStudy, HasColumnsInTheTableOfTrials) {
  const std::string text = trials_csv(raced_study());
  EXPECT_NE(text.find(",seeds,front,front_probability,mean_0,standard_error_0,sampling_error_0,total_error_0,mean_1,"
                      "standard_error_1,sampling_error_1,total_error_1,widths,"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(",3,on the front,0.975,0.65,0.003,0.004,0.005,8,0,0,0,"), std::string::npos) << text;
  EXPECT_NE(text.find(",,,,,,,,,,,,"), std::string::npos) << text;  // trials that did not race
  EXPECT_EQ(trials_csv(sample_study()).find("front_probability"), std::string::npos);
}

TEST(RacedStudy, IsDrawnWithErrorBarsAroundTheMeans) {
  const auto plot = front_plot(raced_study());
  ASSERT_TRUE(plot);
  EXPECT_EQ(plot->points[1].y, 0.65);
  EXPECT_EQ(plot->points[1].y_error, 0.005);
  EXPECT_EQ(plot->points[2].y_error, 0);
  EXPECT_EQ(plot->points[2].y, 0.6);
}

TEST(RacedStudy, ScalesErrorBarsBackToTheMetric) {
  StudyRecord study = raced_study();
  study.trials[1].values[0] *= 100;  // the objective is the accuracy in percent
  study.trials[1].standing->means[0] = 65;
  study.trials[1].standing->total_errors[0] = 0.5;
  const auto plot = front_plot(study);
  EXPECT_NEAR(plot->points[1].y, 0.65, 1e-12);
  EXPECT_NEAR(plot->points[1].y_error, 0.005, 1e-12);
}

TEST(RacedStudy, KeepsUnknownErrorsEmpty) {
  StudyRecord study = raced_study();
  study.trials[1].standing->sampling_errors[0] = std::nan("");
  EXPECT_NE(trials_csv(study).find(",0.65,0.003,,0.005,"), std::string::npos);
  EXPECT_NE(best_json(study).find("\"front_probability\": 0.975"), std::string::npos);
}

}  // namespace
}  // namespace lathe::report
