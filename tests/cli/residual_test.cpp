#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "lathe/base/file.h"
#include "program.h"

// A residual network of a [model] table with the built program: search, information, training, files.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kExample = fs::path(LATHE_SOURCE_DIR) / "examples" / "residual.toml";

class Residual : public ::testing::Test {
 protected:
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder_.path().string(), std::getenv("LATHE_PROGRAM"), arguments),
        folder_.path());
  }
  json run_json(const std::string& arguments) const {
    const auto result = run(arguments + " --json");
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return json::parse(result.output);
  }
  // What `lathe info` says of the best trial of the search.
  json best_info(const std::string& arguments) const {
    const std::string file = "residual/search_ckpts/best.json";
    const json best = json::parse(read_text_file(folder_.path() / file));
    return run_json(fmt::format("info --from {} --trial {} {}", file, best["0"]["number"].get<int>(), arguments));
  }
  // Writes the example with one piece of text replaced.
  std::string changed(const std::string& from, const std::string& to) const {
    std::string text = read_text_file(kExample);
    const std::size_t at = text.rfind(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    write_text_file_atomically(folder_.path() / "study.toml", text);
    return "study.toml";
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Residual, TheExampleSearchesWidthsThatASumTies) {
  const auto result = run(fmt::format("search --config {} --project-dir . --quiet", kExample.string()));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json log = json::parse(read_text_file(folder_.path() / "residual/search_ckpts/log.json"));
  ASSERT_EQ(log.size(), 9U);
  std::set<std::string> candidates;
  for (const json& trial : log) {
    EXPECT_EQ(trial["state"], "COMPLETE");
    const json& config = trial["user_attrs_sampled_config"];
    EXPECT_EQ(config["seq_blocks_0"]["config"]["channel_multiplier"],
              config["seq_blocks_3"]["config"]["channel_multiplier"]);
    candidates.insert(config.dump());
    EXPECT_GT(trial["values_0"].get<double>(), 0.4);
  }
  EXPECT_EQ(candidates.size(), 9U);

  const json info = best_info("--costs");
  EXPECT_NE(info["graph"].get<std::string>().find("add = add(seq_blocks_1, seq_blocks_3) -> ["), std::string::npos);
  for (const json& node : info["costs"]["nodes"]) {
    if (node["op"] != "add") continue;
    EXPECT_EQ(node["macs"], 0);
    EXPECT_EQ(node["computations"].get<int>() * 2, node["input_buffer_size"].get<int>());
  }
}

TEST_F(Residual, DifferentChoicesOfSummedLayersAreRefused) {
  const std::string study = changed(
      "[search.search_space.seed.seq_blocks_3.config]\nname = [\"output_only\"]\n"
      "channel_multiplier = [0.5, 1, 2]",
      "[search.search_space.seed.seq_blocks_3.config]\nname = [\"output_only\"]\n"
      "channel_multiplier = [1, 4]");
  const auto result = run("search --config " + study + " --project-dir .");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.errors.find("the outputs of seq_blocks_0 and seq_blocks_3 are tied by a sum"), std::string::npos)
      << result.errors;
}

TEST_F(Residual, SumsAreQuantisedInASearch) {
  const std::string study = changed("[search.strategy]\n",
                                    "[search.search_space.seed.add.config]\nname = [\"integer\"]\n"
                                    "data_in_width = [4, 8]\ndata_in_frac_width = [\"NA\"]\n\n[search.strategy]\n");
  const auto result = run("search --config " + study + " --project-dir . --quiet --n-trials 3");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json info = best_info("");
  EXPECT_NE(info["graph"].get<std::string>().find("add = add(add_data_in, add_data_in_1)"), std::string::npos);
}

TEST_F(Residual, ATrainedNetworkIsRebuiltFromItsFile) {
  const json trained =
      run_json(fmt::format("train --config {} --max-epochs 1 --learning-rate 1e-2 --project run", kExample.string()));
  EXPECT_EQ(trained["outcome"], "completed");
  EXPECT_GT(trained["validation_accuracy"], 0.5);
  const std::string weights = "lathe_output/run/training_ckpts/best.safetensors";
  const json info = run_json("info --load " + weights + " --load-type mz");
  EXPECT_NE(info["graph"].get<std::string>().find("add = add(seq_blocks_1, seq_blocks_3)"), std::string::npos);
  const json tested = run_json("test jets --load " + weights + " --load-type mz");
  EXPECT_NEAR(tested["test_accuracy"], trained["validation_accuracy"], 0.05);
}

}  // namespace
}  // namespace lathe::cli
