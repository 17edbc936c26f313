#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lathe/base/file.h"
#include "peers.h"
#include "program.h"

// Searches whose study is on a PostgreSQL server (started by ctest, see tests/storage/postgres_server.sh).
namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStudy = R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["both"]
channel_multiplier = { low = 0.25, high = 2.0, step = 0.25 }
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.5, 1, 2]
[search.search_space.training]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 50000
[search.strategy.setup]
n_trials = 30
sampler = "tpe"
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
flops = { scale = 1.0, direction = "minimize" }
)";

// Returns the address of the server of this run; empty where there is none.
std::string server_address() {
  const char* file = std::getenv("LATHE_TEST_POSTGRES");
  if (file == nullptr) return {};
  std::ifstream stream(file);
  std::string folder, port;
  if (!(stream >> folder >> port)) return {};
  return fmt::format("postgresql://postgres@/postgres?host={}&port={}", folder, port);
}

class PostgresSearch : public ::testing::Test {
 protected:
  void SetUp() override {
    if (address_.empty()) LATHE_PEER_IS_ABSENT("no PostgreSQL server runs here");
    write_text_file_atomically(folder() / "study.toml", kStudy);
  }
  fs::path folder() const { return folder_.path(); }
  std::string search(const std::string& project, const std::string& arguments) const {
    return fmt::format("{} search --config {} --project-dir {} --project {} --quiet {}", std::getenv("LATHE_PROGRAM"),
                       (folder() / "study.toml").string(), folder().string(), project, arguments);
  }
  std::string shared(const std::string& project) const {
    return search(project, fmt::format("--storage '{}' --study {}", address_, study_));
  }
  testing::ProgramResult run(const std::string& command) const { return testing::run_program(command, folder()); }
  std::string best(const std::string& project) const {
    return read_text_file(folder() / project / "search_ckpts/best.json");
  }
  std::string lathe(const std::string& arguments) const {
    return fmt::format("{} {} --storage '{}'", std::getenv("LATHE_PROGRAM"), arguments, address_);
  }

  const std::string address_ = server_address();
  // The server outlives this test: the name is this run's own.
  const std::string study_ =
      fmt::format("jets-{}-{}", getpid(), std::chrono::steady_clock::now().time_since_epoch().count());

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(PostgresSearch, TwoWorkersMakeTheStudyOfOne) {
  ASSERT_EQ(run(search("alone", "")).exit_code, 0);
  const auto both =
      run(fmt::format("sh -c \"{} & {}; first=\\$?; wait \\$! && exit \\$first\"", shared("one"), shared("two")));
  ASSERT_EQ(both.exit_code, 0) << both.errors;
  EXPECT_EQ(best("one"), best("alone"));
  EXPECT_EQ(best("two"), best("alone"));
  EXPECT_NE(run(lathe("study show " + study_)).output.find(study_), std::string::npos);
  EXPECT_EQ(run(lathe("study delete --yes " + study_)).exit_code, 0);
}

}  // namespace
}  // namespace lathe::cli
