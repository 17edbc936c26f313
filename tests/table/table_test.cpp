#include "lathe/table/table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/table/files.h"
#include "peers.h"
#include "program.h"

namespace lathe::table {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Three widths x two bits, where the bits exist only with the first two widths; width 1 with both bits is one network,
// width 2 is impossible.
Contents small_contents() {
  Contents contents;
  contents.facts = {.model = "small", .network = "x", .runner = "adam", .dataset = "jets", .source = "simulated jets"};
  contents.facts.notice = "These are simulated jets, not JSC.";
  contents.facts.backend = "dense";
  contents.facts.target = "AVX2";
  contents.space = parameter::Space(
      {{"width", parameter::Categorical{{std::int64_t{8}, std::int64_t{16}, std::int64_t{32}}}, {}},
       {"bits", parameter::Integer{.low = 4, .high = 6, .step = 2}, parameter::Condition{0, {true, true, false}}}});
  contents.objectives = {{"accuracy", Direction::kMaximize}, {"bitops", Direction::kMinimize}};
  contents.layers = {"seq_blocks_2"};
  contents.seeds = 2;
  contents.epochs = 2;
  contents.assignments = {{0, 0}, {0, 1}, {1, 0}};
  contents.candidate_of = {0, 1, 2, 2, -1};
  contents.widths = {8, 8, 16};
  contents.weight_bits = {4, 6, 4};
  contents.data_bits = {32, 32, 32};
  contents.costs = {{"bitops", {10, 20, 30}}};
  contents.metrics = {{"accuracy", {0.5, 0.7, 0.6, kNan, 0.4, 0.4}}};
  contents.values = {0.5, 10, 0.7, 10, 0.6, 20, kNan, kNan, 0.4, 30, 0.4, 30};
  contents.curves = {{kTrainLoss, std::vector<float>(12, 0.25F)}, {kValidationLoss, std::vector<float>(12, 0.5F)}};
  contents.curves[kTrainLoss][5] = 3.0F;
  return contents;
}

TEST(Table, AnswersWithoutTraining) {
  const Table table(small_contents());
  EXPECT_EQ(table.candidates(), 3u);
  EXPECT_EQ(table.find({0, 1}), 1u);
  EXPECT_EQ(table.find({1, 0}), 2u);
  EXPECT_EQ(table.find({1, 1}), 2u);
  EXPECT_EQ(table.find({2, parameter::kInactive}), std::nullopt);
  EXPECT_EQ(table.cost(1, "bitops"), 20);
  EXPECT_EQ(table.metric(0, 1, "accuracy"), 0.7);
  EXPECT_DOUBLE_EQ(table.metric(0, "accuracy").mean, 0.6);
  EXPECT_DOUBLE_EQ(table.metric(0, "accuracy").standard_error, 0.1);
  EXPECT_EQ(table.curve(1, 0, 1, kTrainLoss), 3);
  EXPECT_EQ(table.values(0, 1), (std::vector<double>{0.7, 10}));
}

TEST(Table, ACandidateThatDivergedWithAnySeedHasNoMean) {
  const Table table(small_contents());
  EXPECT_TRUE(table.values(1, 1).empty());
  EXPECT_FALSE(table.values(1, 0).empty());
  EXPECT_TRUE(std::isnan(table.values(1)[0].mean));
  EXPECT_TRUE(std::isnan(table.metric(1, "accuracy").mean));
}

TEST(Table, FindsTheFrontAndCandidatesByValues) {
  const Table table(small_contents());
  EXPECT_EQ(table.front(), (std::vector<std::size_t>{0}));
  EXPECT_EQ(table.matching({{0, 0}}), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(table.matching({{1, 1}}), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(table.matching({{0, 2}}), (std::vector<std::size_t>{}));
  EXPECT_EQ(table.matching({}).size(), 3u);
}

TEST(Table, NamesThatItLacksAreErrors) {
  const Table table(small_contents());
  try {
    table.cost(0, "flops");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "flops: is not in this table; it has bitops");
  }
}

TEST(TableFiles, AreReadBackExactlyAndAreAFunctionOfTheContents) {
  const testing::TemporaryFolder folder;
  write_table(small_contents(), folder.path() / "small");
  for (const char* name : {"small", "small.npz", "small.json"}) {
    const Contents read = read_table(folder.path() / name);
    const Encoded again = encode(read), first = encode(small_contents());
    EXPECT_EQ(again.arrays, first.arrays);
    EXPECT_EQ(again.document, first.document);
    EXPECT_EQ(read.facts, small_contents().facts);
    EXPECT_EQ(read.space, small_contents().space);
  }
  EXPECT_EQ(Table::load(folder.path() / "small").find({0, 1}), 1u);
}

TEST(TableFiles, NumpyReadsTheArrays) {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0)
    LATHE_PEER_IS_ABSENT("python3-numpy is absent");
  const testing::TemporaryFolder folder;
  write_table(small_contents(), folder.path() / "small");
  const auto result = testing::run_program("cd " + folder.path().string() +
                                               " && /usr/bin/python3 -c \"\n"
                                               "import json, numpy\n"
                                               "arrays = numpy.load('small.npz')\n"
                                               "document = json.load(open('small.json'))\n"
                                               "for name, says in document['arrays'].items():\n"
                                               "    assert list(arrays[name].shape) == says['shape'], name\n"
                                               "    assert str(arrays[name].dtype) == says['type'], name\n"
                                               "assert sorted(arrays.files) == sorted(document['arrays'])\n"
                                               "print(arrays['metric_accuracy'][0, 1], arrays['codes'][2, 1])\n\"",
                                           folder.path());
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.output, "0.7 0\n");
}

TEST(TableFiles, FilesThatDoNotFitTogetherAreErrors) {
  const testing::TemporaryFolder folder;
  const auto error_with = [&](const std::string& from, const std::string& to) {
    Encoded files = encode(small_contents());
    const std::size_t at = files.document.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    files.document.replace(at, from.size(), to);
    write_file_atomically(folder.path() / "small.npz", files.arrays);
    write_text_file_atomically(folder.path() / "small.json", files.document);
    try {
      read_table(folder.path() / "small");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(
      error_with("\"schema_version\": 1", "\"schema_version\": 9").find("has schema version 9; this lathe reads 1"),
      std::string::npos);
  EXPECT_NE(
      error_with("\"seeds\": 2", "\"seeds\": 3").find("array metric_accuracy has shape [3, 2]; its document says"),
      std::string::npos)
      << error_with("\"seeds\": 2", "\"seeds\": 3");
  EXPECT_NE(error_with("\"high\": 6", "\"high\": 4").find("small."), std::string::npos);
  EXPECT_NE(error_with("\"bitops\"\n", "\"flops\"\n").find("lacks the array cost_flops"), std::string::npos)
      << error_with("\"bitops\"\n", "\"flops\"\n");
  EXPECT_NE(error_with("{", "[").find("small.json: is no JSON"), std::string::npos) << error_with("{", "[");
  EXPECT_THROW(read_table(folder.path() / "absent"), SystemError);
}

}  // namespace
}  // namespace lathe::table
