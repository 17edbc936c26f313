#include <gtest/gtest.h>

#include <cmath>

#include "lathe/report/compare_files.h"
#include "lathe/report/compare_plot.h"
#include "lathe/report/compare_table.h"

namespace lathe::report {
namespace {

CompareRecord small_record() {
  CompareRecord record{.name = "jets & more",
                       .objectives = {{"accuracy", Direction::kMaximize}},
                       .directions = {Direction::kMaximize},
                       .value_name = "accuracy",
                       .n_trials = 2,
                       .lag = 4,
                       .seeds = 1,
                       .planned_seeds = 1,
                       .candidates = 3,
                       .incomparable_candidates = 1,
                       .whole_space = true,
                       .evaluation_seconds = 1.5,
                       .start = 0.5,
                       .best = 0.7,
                       .target = 0.698};
  record.samplers = {
      {.name = "tpe",
       .runs = {{.seed = 0,
                 .trials = {{.state = TrialState::kFail, .curve = std::nan("")},
                            {.state = TrialState::kComplete, .values = {0.7}, .curve = 0.7, .duplicate = "candidate"}},
                 .trials_to_target = 2,
                 .repeated_candidates = 1,
                 .sampler_seconds = 0.25,
                 .evaluation_seconds = 1.5}},
       .mean = {std::nan(""), 0.7},
       .standard_error = {std::nan(""), 0.012},
       .low = {std::nan(""), 0.69},
       .high = {std::nan(""), 0.71},
       .best = 0.7,
       .median_to_target = 2,
       .reached = 1,
       .repeated_candidates = {1, 0},
       .sampler_seconds = {0.25, 0},
       .evaluation_seconds = {1.5, 0},
       .sampler_seconds_per_trial = 0.125},
      {.name = "random",
       .runs = {{.seed = 0}},
       .mean = {std::nan(""), std::nan("")},
       .standard_error = {std::nan(""), std::nan("")},
       .low = {std::nan(""), std::nan("")},
       .high = {std::nan(""), std::nan("")},
       .best = std::nan("")}};
  return record;
}

TEST(CompareReport, SaysWhatWasCompared) {
  EXPECT_EQ(compare_summary(small_record()),
            "Best accuracy so far (maximized); 2 samplers x 1 seed x 2 trials, lag 4\n"
            "3 candidates evaluated once each in 1.5 s (1 failed or broke a constraint); best known 0.7, that of the "
            "whole space\n"
            "Target 0.698: 99 % of the way there from 0.5, the mean first value\n");
}

TEST(CompareReport, PrintsARowPerSampler) {
  EXPECT_EQ(compare_table(small_record(), {}),
            "sampler |     final mean | best | trials to 99 % | runs there | points again | networks again | sampler "
            "ms/trial | wall s\n"
            "--------+----------------+------+----------------+------------+--------------+----------------+---------"
            "---------+-------\n"
            "tpe     | 0.700 +- 0.012 |  0.7 |              2 |        1/1 |            0 |              1 |         "
            "     125 |   1.75\n"
            "random  |              - |    - |            > 2 |        0/1 |            0 |              0 |         "
            "       0 |   0.00\n");
}

TEST(CompareReport, WritesOneLinePerTrial) {
  EXPECT_EQ(compare_csv(small_record()),
            "sampler,seed,trial,value,best_so_far,duplicate,state\n"
            "tpe,0,0,,,no,FAIL\n"
            "tpe,0,1,0.7,0.7,candidate,COMPLETE\n");
}

TEST(CompareReport, WritesNumbersThatDoNotExistAsNull) {
  const std::string json = compare_json(small_record());
  EXPECT_NE(json.find("\"trials_to_target\": 2"), std::string::npos);
  EXPECT_NE(json.find("\"final_mean\": null"), std::string::npos);
  EXPECT_EQ(json.find("nan"), std::string::npos);
}

TEST(CompareReport, DrawsCurvesOfSamplersThatHaveValues) {
  const std::string svg = compare_svg(small_record());
  EXPECT_NE(svg.find("jets &amp; more"), std::string::npos);
  EXPECT_NE(svg.find("<title>tpe</title>"), std::string::npos);
  EXPECT_EQ(svg.find("<title>random</title>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg, compare_svg(small_record()));
}

}  // namespace
}  // namespace lathe::report
