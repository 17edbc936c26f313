#include "lathe/space/space.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "lathe/base/log.h"
#include "lathe/model/zoo.h"
#include "lathe/space/summary.h"
#include "space/networks.h"

namespace lathe::space {
namespace {

SearchSpace space_of(const std::string& text, const ir::Graph& base) {
  return parse_space(config::parse_text(text, "study.toml"), base);
}

/// Decodes every point and returns the widths, in lexicographic order.
std::vector<std::string> all_widths(const SearchSpace& space) {
  std::vector<std::string> widths;
  Assignment assignment(space.dimensions().size(), 0);
  for (bool more = true; more;) {
    widths.push_back(width_summary(space.decode(assignment).graph));
    more = false;
    for (std::size_t i = assignment.size(); i-- > 0 && !more;) {
      more = ++assignment[i] < space.dimensions()[i].size();
      if (!more) assignment[i] = 0;
    }
  }
  return widths;
}

config::Value lab_file(const std::string& name) {
  const auto path = std::filesystem::path(LATHE_SOURCE_DIR) / ".." / "shared" / "labs" / name;
  return std::filesystem::exists(path) ? config::parse_file(path) : config::Value(config::Table{}, {}, {});
}

struct Lab {
  const char* file;
  std::int64_t size;
  std::vector<std::string> dimensions;
};
void PrintTo(const Lab& lab, std::ostream* out) { *out << lab.file; }

class LabFiles : public testing::TestWithParam<Lab> {};
INSTANTIATE_TEST_SUITE_P(
    Shared, LabFiles,
    testing::Values(Lab{"jsc_tiny_mixed_precision.toml",
                        18,
                        {"seq_blocks_2/config/data_in_width", "seq_blocks_2/config/weight_width",
                         "seq_blocks_2/config/bias_width"}},
                    Lab{"jsc_three_linear_channels.toml",
                        6,
                        {"seq_blocks_2/config/channel_multiplier", "seq_blocks_4/config/channel_multiplier"}},
                    Lab{"jsc_three_linear_tpe.toml",
                        36,
                        {"seq_blocks_2/config/channel_multiplier", "seq_blocks_4/config/channel_multiplier"}},
                    Lab{"jsc_v1_parents.toml",
                        12,
                        {"seq_blocks_2/config/channel_multiplier", "seq_blocks_3/config/channel_multiplier",
                         "seq_blocks_4/config/channel_multiplier"}},
                    Lab{"jsc_linear_mode_bruteforce.toml",
                        9,
                        {"seq_blocks_2/config/channel_multiplier", "seq_blocks_4/config/channel_multiplier"}},
                    Lab{"uniform_grid.toml", 6, {"seq_blocks_2/config/channel_multiplier"}},
                    Lab{"vgg7_channels.toml",
                        1024,
                        {"feature_layers_0/config/channel_multiplier", "feature_layers_3/config/channel_multiplier",
                         "feature_layers_7/config/channel_multiplier", "feature_layers_10/config/channel_multiplier",
                         "feature_layers_14/config/channel_multiplier"}},
                    Lab{"vgg7_brute.toml",
                        512,
                        {"feature_layers_0/config/channel_multiplier", "feature_layers_3/config/channel_multiplier",
                         "feature_layers_7/config/channel_multiplier", "feature_layers_10/config/channel_multiplier",
                         "feature_layers_14/config/channel_multiplier"}}),
    [](const auto& instance) {
      return std::string(instance.param.file).substr(0, std::string(instance.param.file).find('.'));
    });

TEST_P(LabFiles, HaveTheRightSizeAndDecode) {
  const config::Value root = lab_file(GetParam().file);
  if (root.as_table().empty()) GTEST_SKIP() << "the labs' files are not here";
  const model::ZooEntry* network = model::find_model(root.find("model")->as_string());
  const SearchSpace space = parse_space(root, model::make_model(root, network->usual));
  EXPECT_EQ(space.size(), GetParam().size);
  std::vector<std::string> names;
  for (const Dimension& dimension : space.dimensions()) names.push_back(dimension.name);
  EXPECT_EQ(names, GetParam().dimensions);
  EXPECT_EQ(all_widths(space).size(), static_cast<std::size_t>(GetParam().size));
}

constexpr const char* kChannels = R"(
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
channel_multiplier = [1]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [1, 2]
parent_block_name = ["seq_blocks_1"]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [1, 2, 0.5]
parent_block_name = ["seq_blocks_2"]
[search.search_space.seed.seq_blocks_6.config]
name = ["input_only"]
channel_multiplier = [1]
parent_block_name = ["seq_blocks_4"]
)";

TEST(SearchSpace, DecodesWidths) {
  const SearchSpace space = space_of(kChannels, three_layers());
  EXPECT_EQ(all_widths(space), (std::vector<std::string>{"16-16-16-5", "16-16-32-5", "16-16-8-5", "16-32-16-5",
                                                         "16-32-32-5", "16-32-8-5"}));
}

TEST(SearchSpace, NeverChangesItsBase) {
  const ir::Graph base = three_layers();
  const SearchSpace space = space_of(kChannels, base);
  for (int i = 0; i < 1000; ++i) space.decode({double(i % 2), double(i % 3)});
  EXPECT_EQ(space.base(), base);
  EXPECT_EQ(ir::to_text(space.base()), ir::to_text(base));
}

TEST(SearchSpace, RecordsWhatWasChosenInGraphOrder) {
  const Candidate candidate = space_of(kChannels, three_layers()).decode({1, 2});
  ASSERT_EQ(candidate.config.size(), 3u);
  EXPECT_EQ(candidate.config[0].first, "seq_blocks_2");
  EXPECT_EQ(candidate.config[1].first, "seq_blocks_4");
  const std::vector<std::pair<std::string, Scalar>> expected{
      {"name", std::string("both")}, {"channel_multiplier", 0.5}, {"parent_block_name", std::string("seq_blocks_2")}};
  EXPECT_EQ(candidate.config[1].second, expected);
}

TEST(SearchSpace, FindsTheAssignmentOfAConfig) {
  const SearchSpace space = space_of(kChannels, three_layers());
  for (double first = 0; first < 2; ++first) {
    for (double second = 0; second < 3; ++second) {
      EXPECT_EQ(space.find(space.decode({first, second}).config), (Assignment{first, second}));
    }
  }
  SampledConfig config = space.decode({0, 1}).config;
  for (auto& [key, value] : config[1].second) {
    if (key == "channel_multiplier") value = 2.0;  // as a reader of JSON may have it
  }
  EXPECT_EQ(space.find(config), (Assignment{0, 1}));
  config[0].second[1].second = std::int64_t{7};
  EXPECT_EQ(space.find(config), std::nullopt);
}

constexpr const char* kBits = R"(
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.linear.config]
name = ["integer"]
data_in_width = [4, 8]
data_in_frac_width = ["NA"]
weight_width = [2, 4]
weight_frac_width = ["NA"]
bias_width = [8]
bias_frac_width = ["NA"]
)";

TEST(SearchSpace, TypesGiveEachNodeItsOwnChoices) {
  const std::string by_type = std::string("[search.search_space.setup]\nby = \"type\"\n") + kBits;
  const SearchSpace space = space_of(by_type, three_layers());
  EXPECT_EQ(space.size(), 64);
  EXPECT_EQ(bits_summary(space.decode({0, 0, 1, 1, 0, 0}).graph), "w2a4 w4a8 w2a4");
  EXPECT_EQ(bits_summary(space.decode({0, 0, 0, 0, 0, 0}).graph), "3 x w2a4");
}

TEST(SearchSpace, TypeUnderByNameIsAWarning) {
  log::Capture capture;
  EXPECT_EQ(space_of(kBits, three_layers()).size(), 1);
  EXPECT_NE(capture.text().find("an op type has no effect under by = \"name\""), std::string::npos) << capture.text();
}

TEST(SearchSpace, DefaultReachesTheNodesWithoutAnEntry) {
  const SearchSpace space = space_of(R"(
[search.search_space.seed.default.config]
name = ["integer", "NA"]
data_in_width = [8]
weight_width = [8]
bias_width = [8]
channel_multiplier = [1, 2]
[search.search_space.seed.seq_blocks_6.config]
name = ["NA"]
)",
                                     three_layers());
  std::set<std::string> names;
  for (const Dimension& dimension : space.dimensions()) names.insert(dimension.name);
  EXPECT_TRUE(names.contains("seq_blocks_2/config/channel_multiplier"));
  EXPECT_TRUE(names.contains("seq_blocks_3/config/name"));
  EXPECT_FALSE(names.contains("seq_blocks_3/config/channel_multiplier"));
  EXPECT_FALSE(names.contains("seq_blocks_0/config/name"));
  EXPECT_FALSE(names.contains("seq_blocks_6/config/name"));
}

TEST(SearchSpace, WidthsAndBitsCompose) {
  const SearchSpace space = space_of(R"(
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["integer", "NA"]
channel_multiplier = [1, 2]
data_in_width = [8]
weight_width = [4, 6]
bias_width = [8]
)",
                                     three_layers());
  EXPECT_EQ(space.size(), 8);
  const ir::Graph graph = space.decode({0, 1, 1}).graph;
  EXPECT_EQ(width_summary(graph), "16-32-16-5");
  EXPECT_EQ(bits_summary(graph), "w6a8 2 x float");
}

TEST(SearchSpace, TieSharesOneDecision) {
  const SearchSpace space = space_of(R"(
[search.search_space.setup]
tie = [["seq_blocks_2", "seq_blocks_4"]]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [1, 2, 3]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [1, 2, 3]
)",
                                     three_layers());
  EXPECT_EQ(space.size(), 3);
  EXPECT_EQ(space.dimensions()[0].choice(2), Scalar(std::int64_t{3}));
  EXPECT_EQ(all_widths(space), (std::vector<std::string>{"16-16-16-5", "16-32-32-5", "16-48-48-5"}));
}

TEST(SearchSpace, ZipMovesListsTogether) {
  for (const char* keys : {R"(["seq_blocks_2/config/data_in_width", "seq_blocks_2/config/data_in_frac_width"])",
                           R"(["seq_blocks_2.data_in_width", "seq_blocks_2.data_in_frac_width"])",
                           R"(["data_in_width", "data_in_frac_width"])"}) {
    const SearchSpace space = space_of(std::string("[search.search_space.setup]\nzip = [") + keys + R"(]
[search.search_space.seed.seq_blocks_2.config]
name = ["integer"]
data_in_width = [16, 8, 8, 4]
data_in_frac_width = [8, 6, 4, 2]
weight_width = [8]
bias_width = [8]
)",
                                       tiny_network());
    EXPECT_EQ(space.size(), 4) << keys;
    EXPECT_EQ(space.dimensions()[0].choice(1), Scalar(std::string("8/6")));
    EXPECT_EQ(space.find(space.decode({2}).config), (Assignment{2}));
    EXPECT_EQ(bits_summary(space.decode({3}).graph), "w8a4");
  }
}

TEST(SearchSpace, TieAndZipCompose) {
  const SearchSpace space = space_of(R"(
[search.search_space.setup]
by = "type"
tie = [["seq_blocks_2", "seq_blocks_4", "seq_blocks_6"]]
zip = [["data_in_width", "data_in_frac_width"]]
[search.search_space.seed.linear.config]
name = ["integer"]
data_in_width = [8, 4]
data_in_frac_width = [4, 2]
weight_width = [8, 4, 2]
bias_width = [8]
)",
                                     three_layers());
  EXPECT_EQ(space.size(), 6);
  EXPECT_EQ(space.dimensions()[0].choice(1), Scalar(std::string("4/2")));
  EXPECT_EQ(bits_summary(space.decode({1, 2}).graph), "3 x w2a4");
}

TEST(SearchSpace, InertMultiplierGivesEqualCandidates) {
  const SearchSpace space = space_of(R"(
[search.search_space.seed.seq_blocks_6.config]
name = ["input_only"]
channel_multiplier = [1, 2]
)",
                                     three_layers());
  EXPECT_EQ(space.size(), 2);
  EXPECT_EQ(ir::to_text(space.decode({0}).graph), ir::to_text(space.decode({1}).graph));
}

TEST(SearchSpace, SizeThatDoesNotFitIsUnknown) {
  std::string text;
  for (const int node : {2, 4, 6}) {
    text += "[search.search_space.seed.seq_blocks_" + std::to_string(node) + ".config]\nname = [\"integer\"]\n";
    for (const char* key : {"data_in_width", "weight_width", "bias_width"}) {
      text += std::string(key) + " = [";
      for (int i = 0; i < 31; ++i) text += std::to_string(i + 2) + ", ";
      text += "]\n";
    }
    text += "data_in_frac_width = [1, 2, 3, 4, 5, 6, 7, 8, 9]\nweight_frac_width = [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  }
  EXPECT_EQ(space_of(text, three_layers()).size(), std::nullopt);
}

TEST(Scalar, PrintsAsPeopleRead) {
  EXPECT_EQ(to_string(Scalar{}), "NA");
  EXPECT_EQ(to_string(Scalar{true}), "true");
  EXPECT_EQ(to_string(Scalar{std::int64_t{8}}), "8");
  EXPECT_EQ(to_string(Scalar{0.25}), "0.25");
  EXPECT_EQ(to_string(Scalar{std::string("both")}), "both");
}

}  // namespace
}  // namespace lathe::space
