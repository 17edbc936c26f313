// The program with the plugin beside it: loaded by name, by nothing else on a machine without a GPU.
#include "program.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace lathe::backend {
namespace {

testing::ProgramResult lathe(const std::string& arguments, const testing::TemporaryFolder& folder) {
  return testing::run_program(
      fmt::format("cd {} && {} {}", folder.path().string(), std::getenv("LATHE_PROGRAM"), arguments), folder.path());
}

TEST(TorchProgram, TrainsByName) {
  const testing::TemporaryFolder folder;
  const auto result = lathe("train toy toy-tiny --backend torch --max-epochs 1 --project-dir . --project run", folder);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE((result.output + result.errors).find("torch libtorch "), std::string::npos)
      << result.output << result.errors;
}

TEST(TorchProgram, LoadsNoLibtorchForANetworkThatDenseRuns) {
  const testing::TemporaryFolder folder;
  const std::string traced = "LD_DEBUG=files LD_DEBUG_OUTPUT=loaded";
  const auto result = testing::run_program(
      fmt::format("cd {} && {} {} train toy toy-tiny --max-epochs 1 --project-dir . --project run && cat loaded.*",
                  folder.path().string(), traced, std::getenv("LATHE_PROGRAM")),
      folder.path());
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("libfmt"), std::string::npos);
  EXPECT_EQ(result.output.find("libtorch"), std::string::npos);
  EXPECT_EQ(result.output.find("liblathe_backend_torch"), std::string::npos);
}

}  // namespace
}  // namespace lathe::backend
