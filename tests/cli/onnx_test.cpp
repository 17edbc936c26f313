#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::json;

/// Runs the built program in a folder with a network that was trained a little.
class OnnxProgram : public ::testing::Test {
 protected:
  OnnxProgram() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt::format("lathe_onnx_{}", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "studies");
    run("train jsc-three-linear-layers jets --max-steps 200 --max-epochs 1 --learning-rate 0.01 --project-dir . "
        "--project run");
  }
  ~OnnxProgram() override { std::filesystem::remove_all(folder_); }

  std::string run(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd {} && {} {} > out.txt 2> err.txt", folder_.string(), std::getenv("LATHE_PROGRAM"), arguments);
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 0) << arguments << "\n" << read_text_file(folder_ / "err.txt");
    return read_text_file(folder_ / "out.txt");
  }
  Json run_json(const std::string& arguments) const { return Json::parse(run(arguments + " --json")); }
  void write(const std::string& name, const std::string& text) const {
    write_text_file_atomically(folder_ / name, text);
  }
  Json read_json(const std::string& name) const { return Json::parse(read_text_file(folder_ / name)); }

 private:
  std::filesystem::path folder_;
};

constexpr const char* kCheckpoint = "run/training_ckpts/best.safetensors";

constexpr const char* kSearch = R"(model = "net.onnx"
dataset = "jets"
project = "search"
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
[search.search_space.setup]
by = "name"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["integer"]
data_in_width = [8, 6]
data_in_frac_width = [4]
weight_width = [8]
weight_frac_width = [6]
bias_width = [8]
bias_frac_width = [6]
[search.strategy]
eval_mode = true
[search.strategy.sw_runner.basic_evaluation]
num_samples = 512
[search.strategy.setup]
n_trials = 2
sampler = "grid"
[search.strategy.metrics]
accuracy = {scale = 1.0, direction = "maximize"}
average_bitwidth = {scale = 0.2, direction = "minimize"}
)";

TEST_F(OnnxProgram, CarriesANetworkOutAndInAgain) {
  const Json exported = run_json(fmt::format("export --load {} --output net.onnx --check", kCheckpoint));
  EXPECT_EQ(exported["check"]["same_graph"], true);
  EXPECT_EQ(exported["check"]["largest_difference"], 0.0);
  const Json imported = run_json("import net.onnx --output back.safetensors");
  const Json info = run_json(fmt::format("info --load {}", kCheckpoint));
  EXPECT_EQ(imported["graph"], info["graph"]);
  EXPECT_EQ(imported["trainable_parameters"], 661);
  const Json expected = run_json(fmt::format("test jets --load {}", kCheckpoint));
  for (const char* way : {"test net.onnx jets", "test jets --load net.onnx", "test jets --load back.safetensors"})
    EXPECT_EQ(run_json(way)["test_loss"], expected["test_loss"]) << way;
}

TEST_F(OnnxProgram, SearchesTheWeightsOfAFileBesideTheStudy) {
  run(fmt::format("export --load {} --output studies/net.onnx", kCheckpoint));
  write("studies/study.toml", kSearch);
  run("search --config studies/study.toml --project-dir .");
  const Json best = read_json("search/search_ckpts/best.json");
  ASSERT_FALSE(best.empty());
  EXPECT_FALSE(best["0"].contains("untrained") && best["0"]["untrained"] == true);
  EXPECT_GT(best["0"]["software_metrics"]["accuracy"], 0.3);
}

TEST_F(OnnxProgram, WritesQuantisedNetworks) {
  write("study.toml", R"(load_name = "run/training_ckpts/best.safetensors"
project = "quantised"
[passes.quantize]
by = "type"
default = {config = {name = "NA"}}
linear = {config = {name = "integer", data_in_width = 8, data_in_frac_width = 4, weight_width = 6, weight_frac_width = 4, bias_width = 8, bias_frac_width = 6}}
)");
  const std::string file = run_json("transform --config study.toml --project-dir .")["file"];
  const Json qonnx = run_json(fmt::format("export --load {} --format qonnx --output q.onnx --check", file));
  EXPECT_EQ(qonnx["check"]["same_graph"], true);
  const Json qdq = run_json(fmt::format("export --load {} --format qdq --output d.onnx --check", file));
  EXPECT_EQ(qdq["check"]["largest_difference"], 0.0);
}

}  // namespace
}  // namespace lathe::cli
