#include "lathe/report/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/base/error.h"
#include "lathe/report/closing_table.h"
#include "lathe/report/mase_files.h"
#include "report/sample_study.h"

namespace lathe::report {
namespace {

Table small_table() {
  Table table({{"trial", Alignment::kRight, 0}, {"choices", Alignment::kLeft, 8}, {"bits", Alignment::kRight, 0}});
  table.add_row({"3", "seq_blocks_2=2 seq_blocks_4=3", "8"});
  table.add_row({"12", "é"});
  return table;
}

TEST(Table, AlignsColumns) {
  EXPECT_EQ(small_table().to_string(),
            "trial | choices                       | bits\n"
            "------+-------------------------------+-----\n"
            "    3 | seq_blocks_2=2 seq_blocks_4=3 |    8\n"
            "   12 | é                             |\n");
}

TEST(Table, CutsTheWidestColumn) {
  EXPECT_EQ(small_table().to_string({.width = 30, .unicode = true}),
            "trial │ choices         │ bits\n"
            "──────┼─────────────────┼─────\n"
            "    3 │ seq_blocks_2=2… │    8\n"
            "   12 │ é               │\n");
  EXPECT_EQ(small_table().to_string({.width = 5, .unicode = false}),
            "trial | choices  | bits\n"
            "------+----------+-----\n"
            "    3 | seq_blo~ |    8\n"
            "   12 | é        |\n");
}

TEST(Table, DrawsRulesBetweenGroups) {
  Table table({{"a", Alignment::kLeft, 0}});
  table.add_rule();
  table.add_row({"1"});
  table.add_rule();
  table.add_row({"2"});
  EXPECT_EQ(table.to_string(), "a\n-\n1\n-\n2\n");
  EXPECT_THROW(table.add_row({"1", "2"}), InternalError);
}

TEST(Table, CutsWholeCodePoints) {
  EXPECT_EQ(cut_to_width("éèàü", 3), "éè…");
  EXPECT_EQ(cut_to_width("éèàü", 4), "éèàü");
  EXPECT_EQ(cut_to_width("éèàü", 1), "…");
  EXPECT_EQ(cut_to_width("éèàü", 0), "");
  EXPECT_EQ(cut_to_width("abc", 2, false), "a~");
}

TEST(Table, PrintsNumbersForPeople) {
  EXPECT_EQ(number_text(1320), "1320");
  EXPECT_EQ(number_text(-0.0), "0");
  EXPECT_EQ(number_text(0.652812), "0.6528");
  EXPECT_EQ(number_text(1.25e-7), "1.25e-07");
  EXPECT_EQ(number_text(std::nan("")), "nan");
  EXPECT_EQ(number_text(-INFINITY), "-inf");
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(-123456), "-123,456");
  EXPECT_EQ(count_text(1234567), "1,234,567");
}

TEST(ClosingTable, BestTrialsComeBestFirst) {
  EXPECT_EQ(best_table(sample_study(), {}),
            "trial |     accuracy | average_bitwidth | choices        | widths  | bits\n"
            "------+--------------+------------------+----------------+---------+--------\n"
            "    1 |       0.6528 |           8.0000 | seq_blocks_2=2 | 16-32-5 | 8/4 4/2\n"
            "    2 | 0.6000 +-14% |           4.5000 | seq_blocks_2=3 | 16-48-5 | 8/4 4/2\n");
}

TEST(ClosingTable, SaysWhoseWeightsOfEqualsAreKept) {
  StudyRecord study = sample_study();
  study.best = {1, 2, 4};
  EXPECT_NE(
      best_table(study, {}).find("\n1 of them equals an earlier one in every objective: of equals the first keeps "
                                 "its weights.\n"),
      std::string::npos);
  EXPECT_EQ(best_with_equals(study), (std::map<std::size_t, std::int64_t>{{4, 1}}));
  EXPECT_NE(best_json(study).find("\"same_values_as\": 1"), std::string::npos);
}

TEST(ClosingTable, AllTrialsCarryStateAndReason) {
  EXPECT_EQ(
      all_trials_table(sample_study(), {.width = 110, .unicode = true}),
      "trial │ state    │    accuracy │ average_bitwidth │ choices        │ widths  │ bits    │ reason\n"
      "──────┼──────────┼─────────────┼──────────────────┼────────────────┼─────────┼─────────┼──────────────────────\n"
      "    0 │ COMPLETE │      0.5000 │           8.0000 │ seq_blocks_2=1 │ 16-16-5 │ 8/4 4/2 │\n"
      "   *1 │ COMPLETE │      0.6528 │           8.0000 │ seq_blocks_2=2 │ 16-32-5 │ 8/4 4/2 │\n"
      "   *2 │ COMPLETE │ 0.6000 ±14% │           4.5000 │ seq_blocks_2=3 │ 16-48-5 │ 8/4 4/2 │\n"
      "    3 │ FAIL     │           - │                - │ seq_blocks_2=4 │ 16-64-5 │ 8/4 4/2 │ diverged: loss is no…\n"
      "    4 │ COMPLETE │      0.6528 │           8.0000 │ seq_blocks_2=2 │ 16-32-5 │ 8/4 4/2 │ same as trial 1\n");
}

TEST(ClosingTable, OneObjectiveListsTheBestCandidatesAndTheSum) {
  StudyRecord study = sample_study();
  study.directions = {Direction::kMaximize};
  for (TrialRecord& trial : study.trials) {
    if (!trial.values.empty()) trial.values = {trial.values[0] - 0.5};
  }
  study.best = {1};
  EXPECT_EQ(best_table(study, {}, 2),
            "trial |     accuracy | average_bitwidth |  value | choices        | widths  | bits\n"
            "------+--------------+------------------+--------+----------------+---------+--------\n"
            "    1 |       0.6528 |           8.0000 | 0.1528 | seq_blocks_2=2 | 16-32-5 | 8/4 4/2\n"
            "    2 | 0.6000 +-14% |           4.5000 | 0.1000 | seq_blocks_2=3 | 16-48-5 | 8/4 4/2\n");
}

TEST(ClosingTable, SummaryCountsStatesAndReasons) {
  EXPECT_EQ(trial_summary(sample_study()),
            "5 trials in 12.2 s: 4 complete (1 of them repeated a candidate), 1 failed\n"
            "  1 x diverged: loss is not finite at step 12\n");
  EXPECT_EQ(trial_summary({}), "0 trials in 0.0 s: 0 complete\n");
}

TEST(ClosingTable, ChoicesNameTheKeyWhereItDiffers) {
  EXPECT_EQ(choices_text({{"a/config/width", "8"}, {"b/config/width", "4"}}), "a=8 b=4");
  EXPECT_EQ(choices_text({{"a/config/width", "8"}, {"a/config/name", "both"}, {"depth", "2"}}),
            "a.width=8 a.name=both depth=2");
  EXPECT_EQ(choices_text({}), "");
}

TEST(ClosingTable, FinalScoresShowTheirStandardError) {
  StudyRecord study = sample_study();
  study.finals = {{1, {0.65, 0.66}, {1.0, 0.9}, 0.655, 0.005, 0.95, false, ""},
                  {2, {}, {}, 0, 0, 0, false, "diverged"}};
  EXPECT_EQ(final_table(study, {}),
            "trial | test accuracy | std. error | test loss | seeds | widths  | bits    |\n"
            "------+---------------+------------+-----------+-------+---------+---------+---------\n"
            "    1 |        0.6550 |     0.0050 |    0.9500 |     2 | 16-32-5 | 8/4 4/2 |\n"
            "    2 |             - |          - |         - |     0 | 16-48-5 | 8/4 4/2 | diverged\n");
}

}  // namespace
}  // namespace lathe::report
