#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"

namespace lathe::cli {
namespace {

// Runs the built program in a folder of its own.
class TransformProgram : public ::testing::Test {
 protected:
  TransformProgram() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt::format("lathe_transform_{}", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~TransformProgram() override { std::filesystem::remove_all(folder_); }

  std::string run(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd {} && {} {} > out.txt 2> err.txt", folder_.string(), std::getenv("LATHE_PROGRAM"), arguments);
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 0) << errors();
    return read_text_file(folder_ / "out.txt");
  }
  nlohmann::json run_json(const std::string& arguments) const {
    return nlohmann::json::parse(run(arguments + " --json"));
  }
  std::string errors() const { return read_text_file(folder_ / "err.txt"); }
  void write(const std::string& text) const { write_text_file_atomically(folder_ / "study.toml", text); }

 private:
  std::filesystem::path folder_;
};

constexpr const char* kUneven = R"(model = "jsc-three-linear-layers"
[passes.scale_channels]
by = "name"
[passes.scale_channels.default.config]
name = "NA"
[passes.scale_channels.seq_blocks_2.config]
name = "output_only"
channel_multiplier_out = 2
[passes.scale_channels.seq_blocks_4.config]
name = "both"
channel_multiplier_in = 2
channel_multiplier_out = 4
[passes.scale_channels.seq_blocks_6.config]
name = "input_only"
channel_multiplier_in = 4
)";

TEST_F(TransformProgram, MakesTheLabsUnevenNetwork) {
  write(kUneven);
  const std::string text = run("transform --config study.toml");
  EXPECT_NE(text.find("trainable parameters: 661"), std::string::npos) << text;
  EXPECT_NE(text.find("    (2): Linear(in_features=16, out_features=32, bias=True)\n    (3): ReLU()\n"
                      "    (4): Linear(in_features=32, out_features=64, bias=True)\n    (5): ReLU()\n"
                      "    (6): Linear(in_features=64, out_features=5, bias=True)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("trainable parameters: 3,013"), std::string::npos) << text;
}

TEST_F(TransformProgram, WritesAModelFileThatInfoReads) {
  write(kUneven);
  const nlohmann::json json = run_json("transform --config study.toml --project run");
  EXPECT_EQ(json["trainable_parameters_before"], 661);
  EXPECT_EQ(json["trainable_parameters"], 3013);
  const nlohmann::json info = run_json("info --load " + json["file"].get<std::string>());
  EXPECT_EQ(info["graph"], json["graph"]);
}

TEST_F(TransformProgram, RunsPassesInOrderAndWarnsOfThoseWithoutEffect) {
  write(R"([passes.quantize]
by = "type"
[passes.quantize.default.config]
name = "NA"
[passes.quantize.linear.config]
name = "integer"
data_in_width = 8
data_in_frac_width = 4
weight_width = 8
weight_frac_width = 4
bias_width = 8
bias_frac_width = 4
[passes.profile_statistics]
by = "type"
[passes.report_graph]
)");
  const std::string text = run("transform jsc-tiny jsc --config study.toml");
  EXPECT_NE(text.find("%seq_blocks_2_data_in : [num_users=1] = call_function[target=quantize]"), std::string::npos)
      << text;
  EXPECT_NE(text.find("Network overview:\n{'placeholder': 1"), std::string::npos);
  EXPECT_NE(errors().find("passes.profile_statistics has no effect"), std::string::npos) << errors();
}

TEST_F(TransformProgram, InfoCountsTheLabsCosts) {
  const nlohmann::json costs = run_json("info jsc-tiny --batch-size 8 --costs")["costs"];
  EXPECT_EQ(costs["flops"], 1320);
  EXPECT_EQ(costs["lab_bitops"], 42240);
  EXPECT_EQ(costs["model_size_bytes"], 468);
  EXPECT_EQ(costs["nodes"][2]["backward_computations"], 1280);
  EXPECT_EQ(costs["nodes"][2]["input_buffer_size"], 128);
}

TEST_F(TransformProgram, InfoListsTheNetworks) {
  const nlohmann::json json = run_json("info");
  EXPECT_GE(json["models"].size(), 10U);
  EXPECT_NE(run("info").find("jsc-three-linear-layers-logits"), std::string::npos);
}

}  // namespace
}  // namespace lathe::cli
