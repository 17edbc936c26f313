#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/checkpoint/torch_file.h"
#include "peers.h"

namespace lathe::checkpoint {
namespace {

constexpr std::int64_t kRows = 64;
constexpr std::int64_t kClasses = 5;

ir::Graph network() {
  const auto width = [](std::int64_t in, std::int64_t out) {
    return std::vector<ir::Attribute>{{"in_features", in}, {"out_features", out}};
  };
  ir::GraphBuilder builder("exchange", {16});
  builder.add("batch_norm1d", "seq_blocks.0", {{"num_features", std::int64_t{16}}});
  builder.add("relu", "seq_blocks.1");
  builder.add("linear", "seq_blocks.2", width(16, 8));
  builder.add("batch_norm1d", "seq_blocks.3", {{"num_features", std::int64_t{8}}});
  builder.add("relu", "seq_blocks.4");
  builder.add("linear", "seq_blocks.5", width(8, kClasses));
  return std::move(builder).finish();
}

data::Samples inputs() {
  data::Samples samples;
  samples.width = 16;
  RandomStream random(1, {}, "inputs");
  for (std::int64_t i = 0; i < kRows * samples.width; ++i)
    samples.features.push_back(static_cast<float>(random.normal()));
  samples.labels.assign(static_cast<std::size_t>(kRows), 0);
  return samples;
}

std::vector<float> outputs_of(const ir::Graph& graph, const engine::State& state) {
  const auto session =
      backend::make_ref_backend()->compile(graph, {.batch_size = kRows, .training = false})->make_session();
  session->load(state);
  std::vector<float> outputs(static_cast<std::size_t>(kRows * kClasses));
  session->predict(inputs(), 0, kRows, outputs);
  return outputs;
}

void write_floats(const std::filesystem::path& path, const std::vector<float>& values) {
  write_file_atomically(path, std::as_bytes(std::span(values)));
}

std::vector<float> read_floats(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

int python(const std::string& arguments) {
  return std::system(fmt::format("/usr/bin/python3 {} > /dev/null", arguments).c_str());
}

std::string script(const char* path) { return std::string(LATHE_SOURCE_DIR) + "/" + path; }

class TorchExchange : public ::testing::Test {
 protected:
  void SetUp() override {
    if (python("-c 'import torch' 2> /dev/null") != 0) LATHE_PEER_IS_ABSENT("python3-torch is not installed");
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("lathe_torch_exchange_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    write_floats(folder_ / "inputs.bin", inputs().features);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  int exchange(const char* action) {
    return python(fmt::format("{} {} {}", script("tests/checkpoint/torch_exchange.py"), action, folder_.string()));
  }

  void expect_their_outputs(const std::filesystem::path& file) {
    const ir::Graph graph = network();
    const LoadedModel loaded = load_model(file, &graph);
    const std::vector<float> ours = outputs_of(graph, loaded.state);
    const std::vector<float> theirs = read_floats(folder_ / "outputs_theirs.bin");
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i)
      EXPECT_NEAR(ours[i], theirs[i], 1e-5f * std::max(1.0f, std::abs(theirs[i])));
    EXPECT_EQ(loaded.state[4].name, "seq_blocks.0.num_batches_tracked");
    EXPECT_EQ(loaded.state[4].values, std::vector<float>(1, 12.0f));
  }

  std::filesystem::path folder_;
};

TEST_F(TorchExchange, PythonLoadsOurs) {
  const ir::Graph graph = network();
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  save_model(folder_ / "best.safetensors", graph, state, {{"seed", "1"}});
  write_floats(folder_ / "outputs.bin", outputs_of(graph, state));
  EXPECT_EQ(exchange("read"), 0);
}

TEST_F(TorchExchange, WeLoadPythons) {
  ASSERT_EQ(exchange("write"), 0);
  for (const char* name : {"theirs.safetensors", "theirs.pt", "lightning.ckpt"}) expect_their_outputs(folder_ / name);
}

// What make_torch_files.py of today's PyTorch writes reads as the bundled files do.
TEST_F(TorchExchange, TheBundledFilesAreWhatPyTorchWrites) {
  ASSERT_EQ(python(fmt::format("{} {}", script("tests/checkpoint/make_torch_files.py"), folder_.string())), 0);
  for (const char* name : {"plain.pt", "protocol5.pt", "nested.pt", "views.pt", "lightning.ckpt"}) {
    const auto fresh = read_torch_file(read_file(folder_ / name), name);
    const auto bundled = read_torch_file(read_file(script("tests/checkpoint/") + name), name);
    ASSERT_EQ(fresh.size(), bundled.size()) << name;
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      EXPECT_EQ(fresh[i].name, bundled[i].name);
      EXPECT_EQ(fresh[i].dtype, bundled[i].dtype);
      EXPECT_EQ(fresh[i].shape, bundled[i].shape);
      EXPECT_EQ(fresh[i].bytes, bundled[i].bytes) << name << " " << fresh[i].name;
    }
  }
}

TEST_F(TorchExchange, OlderFilesAreRefusedAndTheCommandConvertsThem) {
  ASSERT_EQ(exchange("write"), 0);
  const ir::Graph graph = network();
  for (const char* name : {"legacy.pth"}) {
    const std::filesystem::path file = folder_ / name;
    try {
      load_model(file, &graph);
      FAIL() << name;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("/scripts/convert_checkpoint.py " + file.string()), std::string::npos)
          << error.what();
    }
    std::filesystem::path converted = file;
    converted.replace_extension(".safetensors");
    ASSERT_EQ(
        python(fmt::format("{} {} {}", script("scripts/convert_checkpoint.py"), file.string(), converted.string())), 0);
    expect_their_outputs(converted);
  }
}

}  // namespace
}  // namespace lathe::checkpoint
