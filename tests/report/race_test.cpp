#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

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
  study.trials[1].standing = Standing{.membership = storage::Membership::kOn,
                                      .at_least = 0.9,
                                      .seeds = 3,
                                      .means = {0.65, 8},
                                      .standard_errors = {0.003, 0},
                                      .sampling_errors = {0.004, 0},
                                      .total_errors = {0.005, 0},
                                      .front_probability = 0.975};
  return study;
}

TEST(RacedStudy, ShowsMeansErrorsAndProbabilities) {
  const std::string table = best_table(raced_study(), {});
  EXPECT_NE(table.find("mean (std. error)"), std::string::npos) << table;
  EXPECT_NE(table.find("0.65 (0.005)"), std::string::npos) << table;
  EXPECT_NE(table.find("P(on the front)"), std::string::npos) << table;
  EXPECT_NE(table.find(" 0.97 | "), std::string::npos) << table;
  EXPECT_EQ(table.find("would decide"), std::string::npos) << table;
}

TEST(RacedStudy, SaysWhatEachProbabilityIsOf) {
  StudyRecord study = raced_study();
  study.directions = {Direction::kMaximize};
  for (TrialRecord& trial : study.trials)
    if (!trial.values.empty()) trial.values.resize(1);
  const std::string table = best_table(study, {});
  EXPECT_NE(table.find("P(best)"), std::string::npos) << table;
  EXPECT_EQ(table.find("P(on the front)"), std::string::npos) << table;
}

TEST(RacedStudy, SaysWhatWouldDecideATie) {
  StudyRecord study = raced_study();
  Standing& standing = *study.trials[1].standing;
  standing.membership = storage::Membership::kTied;
  standing.decider = Decider{.rival = 2, .seeds = 4, .rows = 12345};
  EXPECT_NE(best_table(study, {}).find("against 2: 4 more seeds or 12,345 more rows"), std::string::npos)
      << best_table(study, {});
  EXPECT_NE(study_json(study).find("\"further_rows\": 12345"), std::string::npos) << study_json(study);
  EXPECT_NE(study_json(study).find("\"probability_on_the_front\": 0.975"), std::string::npos) << study_json(study);
  EXPECT_NE(best_json(study).find("\"further_seeds\": 4"), std::string::npos) << best_json(study);
  standing.decider = Decider{.rival = 2};
  EXPECT_NE(best_table(study, {}).find("against 2: more seeds and rows"), std::string::npos);
  standing.decider = Decider{.rival = 2, .equal = true};
  EXPECT_NE(best_table(study, {}).find("against 2: nothing, they are equal"), std::string::npos);
}

TEST(RacedStudy, OfOneObjectiveBeginsWithTheMostProbable) {
  StudyRecord study = raced_study();
  study.directions = {Direction::kMaximize};
  for (TrialRecord& trial : study.trials)
    if (!trial.values.empty()) trial.values.resize(1);
  study.trials[0].standing = study.trials[2].standing = study.trials[1].standing;
  const auto give = [&](std::size_t trial, double probability, double mean) {
    study.trials[trial].standing->front_probability = probability;
    study.trials[trial].standing->means = {mean};
  };
  give(1, 0.2, 0.64);
  give(2, 0.7, 0.66);
  give(0, 0.2, 0.65);  // the first seed is the worst of all
  study.best = {2};
  const auto best = nlohmann::json::parse(best_json(study));
  EXPECT_EQ(best["0"]["number"], 2);
  const auto race = nlohmann::json::parse(study_json(study))["race"];
  EXPECT_EQ(race[0]["number"], 2);
  const std::string table = best_table(study, {});
  EXPECT_LT(table.find("0.66 ("), table.find("0.65 (")) << table;
  EXPECT_LT(table.find("0.65 ("), table.find("0.64 (")) << table;
  EXPECT_EQ(best_table(study, {}, 2).find("0.64 ("), std::string::npos);
  study.best = {2, 1};
  EXPECT_EQ(nlohmann::json::parse(best_json(study))["0"]["number"], 2);
}

TEST(RacedStudy, SaysBelowANarrowTableWhatWouldDecide) {
  StudyRecord study = raced_study();
  study.best.clear();
  for (std::int64_t i = 0; i < 7; ++i) {
    TrialRecord trial = study.trials[1];
    trial.number = 10 + i;
    trial.standing->decider = Decider{.rival = 1, .seeds = 1};
    study.best.push_back(study.trials.size());
    study.trials.push_back(trial);
  }
  const std::string table = best_table(study, {.width = 80});
  EXPECT_NE(table.find("  14 against 1: 1 more seed\n  and 2 more: study.json\n"), std::string::npos) << table;
}

TEST(RacedStudy, MarksWhatIsAtChance) {
  StudyRecord study = sample_study();
  EXPECT_EQ(best_table(study, {}).find("(chance)"), std::string::npos);
  for (TrialRecord& trial : study.trials) trial.at_chance = true;
  EXPECT_NE(best_table(study, {}).find(" (chance)"), std::string::npos) << best_table(study, {});
  EXPECT_NE(best_json(study).find("\"at_chance\": true"), std::string::npos);
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
