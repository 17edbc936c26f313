#include "lathe/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/base/random.h"
#include "lathe/checkpoint/safetensors.h"

namespace lathe::checkpoint {
namespace {

ir::Graph small_graph(std::int64_t width = 4) {
  ir::GraphBuilder builder("small", {width});
  builder.add("batch_norm1d", "blocks.0", {{"num_features", width}});
  builder.add("linear", "blocks.1", {{"in_features", width}, {"out_features", std::int64_t{3}}});
  return std::move(builder).finish();
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("lathe_checkpoint_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
  }
  ~CheckpointTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path(const char* name) const { return folder_ / name; }

  std::string message_of(const std::filesystem::path& file, const ir::Graph* model = nullptr) const {
    try {
      load_model(file, model);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(CheckpointTest, BringsItsOwnGraph) {
  const ir::Graph graph = small_graph();
  engine::State state = engine::initial_state(graph, 1, 2, 3);
  state[4].values[0] = 17;
  save_model(path("best.safetensors"), graph, state, {{"seed", "1"}});
  const LoadedModel loaded = load_model(path("best.safetensors"));
  EXPECT_TRUE(loaded.own_graph);
  EXPECT_EQ(loaded.graph, graph);
  EXPECT_EQ(loaded.state, state);
  EXPECT_EQ(loaded.facts, (Facts{{"seed", "1"}}));
}

TEST_F(CheckpointTest, ItsTensorsAreTheStateDictAlone) {
  const ir::Graph graph = small_graph();
  save_model(path("best.safetensors"), graph, engine::initial_state(graph, 1, 2, 3), {});
  const auto file = parse_safetensors(read_file(path("best.safetensors")), "best");
  std::map<std::string, std::string> dtypes;
  for (const StoredTensor& tensor : file.tensors) dtypes[tensor.name] = tensor.dtype;
  EXPECT_EQ(dtypes, (std::map<std::string, std::string>{{"blocks.0.weight", "F32"},
                                                        {"blocks.0.bias", "F32"},
                                                        {"blocks.0.running_mean", "F32"},
                                                        {"blocks.0.running_var", "F32"},
                                                        {"blocks.0.num_batches_tracked", "I64"},
                                                        {"blocks.1.weight", "F32"},
                                                        {"blocks.1.bias", "F32"}}));
  EXPECT_EQ(file.metadata.at("lathe.format"), "1");
  EXPECT_EQ(file.metadata.at("lathe.model"), "small");
}

StoredTensor floats(const std::string& name, Shape shape, float value) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)), value);
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return {name, "F32", std::move(shape), bytes};
}

SafetensorsFile plain_state_dict() {
  SafetensorsFile file;
  file.tensors = {floats("blocks.1.bias", {3}, 1),         floats("blocks.1.weight", {3, 4}, 2),
                  floats("blocks.0.weight", {4}, 3),       floats("blocks.0.bias", {4}, 4),
                  floats("blocks.0.running_mean", {4}, 5), floats("blocks.0.running_var", {4}, 6)};
  return file;
}

TEST_F(CheckpointTest, LoadsAPlainStateDictForTheNamedModel) {
  write_safetensors(path("weights.safetensors"), plain_state_dict());
  const ir::Graph graph = small_graph();
  const LoadedModel loaded = load_model(path("weights.safetensors"), &graph);
  EXPECT_FALSE(loaded.own_graph);
  EXPECT_EQ(loaded.state[0].values, std::vector<float>(4, 3.0f));
  EXPECT_EQ(loaded.state[4].values, std::vector<float>(1, 0.0f));
  EXPECT_EQ(loaded.state[6].values, std::vector<float>(3, 1.0f));
  EXPECT_EQ(message_of(path("weights.safetensors")),
            path("weights.safetensors").string() +
                ": holds weights without a network (not written by lathe); name the model that they belong to");
}

TEST_F(CheckpointTest, SaysWhichTensorDoesNotFit) {
  write_safetensors(path("weights.safetensors"), plain_state_dict());
  const ir::Graph wide = small_graph(5);
  EXPECT_EQ(message_of(path("weights.safetensors"), &wide),
            path("weights.safetensors").string() + ": tensor blocks.0.weight has shape [4], the network needs [5]");
  SafetensorsFile more = plain_state_dict();
  more.tensors.push_back(floats("extra", {1}, 0));
  write_safetensors(path("more.safetensors"), more);
  const ir::Graph graph = small_graph();
  EXPECT_NE(message_of(path("more.safetensors"), &graph).find("tensor extra is not in the network"), std::string::npos);
}

TEST_F(CheckpointTest, ConvertsOtherFloatFormats) {
  SafetensorsFile file = plain_state_dict();
  const std::uint16_t half[3] = {0x3C00, 0xC100, 0x0001};      // 1, -2.5, 2^-24
  const std::uint16_t brain[4] = {0x3F80, 0xC020, 0x7F80, 0};  // 1, -2.5, infinity, 0
  file.tensors[0] = {"blocks.1.bias", "F16", {3}, std::vector<std::byte>(6)};
  std::memcpy(file.tensors[0].bytes.data(), half, 6);
  file.tensors[2] = {"blocks.0.weight", "BF16", {4}, std::vector<std::byte>(8)};
  std::memcpy(file.tensors[2].bytes.data(), brain, 8);
  write_safetensors(path("half.safetensors"), file);
  const ir::Graph graph = small_graph();
  const LoadedModel loaded = load_model(path("half.safetensors"), &graph);
  EXPECT_EQ(loaded.state[6].values, (std::vector<float>{1.0f, -2.5f, 0x1p-24f}));
  EXPECT_EQ(loaded.state[0].values, (std::vector<float>{1.0f, -2.5f, std::numeric_limits<float>::infinity(), 0.0f}));
}

TEST_F(CheckpointTest, RefusesForeignFilesWithTheCommandThatConvertsThem) {
  write_text_file_atomically(path("best.ckpt"), std::string("PK\x03\x04 best/code/x best/constants.pkl"));
  EXPECT_EQ(message_of(path("best.ckpt")),
            path("best.ckpt").string() +
                ": a TorchScript archive, which lathe does not read; convert it with: python3 " LATHE_SOURCE_DIR
                "/scripts/convert_checkpoint.py " +
                path("best.ckpt").string() + " " + path("best.safetensors").string());
  EXPECT_EQ(message_of(path("absent.safetensors")), path("absent.safetensors").string() + ": no such model file");
  EXPECT_EQ(message_of(path("")), path("").string() + ": is a folder, not a model file");
}

TEST_F(CheckpointTest, RefusesANewerFormatAndADamagedDescription) {
  const ir::Graph graph = small_graph();
  save_model(path("m.safetensors"), graph, engine::zero_state(graph), {});
  SafetensorsFile file = parse_safetensors(read_file(path("m.safetensors")), "m");
  file.metadata["lathe.format"] = "2";
  write_safetensors(path("newer.safetensors"), file);
  EXPECT_EQ(
      message_of(path("newer.safetensors")),
      path("newer.safetensors").string() + ": format version 2 is newer than this lathe reads (1); use a newer lathe");
  file.metadata["lathe.format"] = "1";
  file.metadata["lathe.graph"] = "nonsense";
  file.metadata.erase("lathe.sha256");
  write_safetensors(path("damaged.safetensors"), file);
  EXPECT_NE(message_of(path("damaged.safetensors")).find("the network's description cannot be read"),
            std::string::npos);
}

TEST_F(CheckpointTest, SeesEveryFlippedBit) {
  const ir::Graph graph = small_graph();
  save_model(path("m.safetensors"), graph, engine::initial_state(graph, 1, 2, 3),
             {{"seed", "1"}, {"source", "rows of \xff\xfe"}});
  TrainingState training;
  training.weights = engine::initial_state(graph, 1, 2, 3);
  save_training_state(path("s.safetensors"), training);
  EXPECT_NO_THROW(load_model(path("m.safetensors")));
  for (const char* name : {"m.safetensors", "s.safetensors"}) {
    const std::string good = read_text_file(path(name));
    const std::size_t key = good.find("lathe.sha256");  // a file whose checksum has another name has none
    for (std::size_t bit = 0; bit < 8 * good.size(); bit += 53) {
      if (bit / 8 >= key && bit / 8 < key + std::strlen("lathe.sha256")) continue;
      std::string text = good;
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
      write_text_file_atomically(path(name), text);
      EXPECT_THROW(name[0] == 'm' ? void(load_model(path(name))) : void(load_training_state(path(name), graph)),
                   DataError)
          << name << " bit " << bit;
    }
  }
}

TEST_F(CheckpointTest, FilesWithoutAChecksumAreRead) {
  const ir::Graph graph = small_graph();
  save_model(path("m.safetensors"), graph, engine::initial_state(graph, 1, 2, 3), {});
  TrainingState training;
  training.weights = engine::zero_state(graph);
  save_training_state(path("s.safetensors"), training);
  for (const char* name : {"m.safetensors", "s.safetensors"}) {
    SafetensorsFile file = parse_safetensors(read_file(path(name)), name);
    EXPECT_EQ(file.metadata.erase("lathe.sha256"), 1u);
    write_safetensors(path(name), file);
  }
  EXPECT_NO_THROW(load_model(path("m.safetensors")));
  log::Capture capture;
  EXPECT_NO_THROW(load_training_state(path("s.safetensors"), graph));
  EXPECT_NE(capture.text().find("has no checksum"), std::string::npos);
}

TEST_F(CheckpointTest, KeepsATrainingStateBitForBit) {
  const ir::Graph graph = small_graph();
  TrainingState training;
  training.weights = engine::initial_state(graph, 1, 2, 3);
  training.optimizer = {{"blocks.1.weight.exp_avg", {3, 4}, std::vector<float>(12, 0.1f), false},
                        {"step", {}, {812.0f}, false}};
  training.point.steps = 812;
  training.point.since_row = {1.0 / 3, 4, 9};
  training.point.history = {{.step = 50, .epoch = 0.1, .learning_rate = 1e-3, .train_loss = 1.0 / 7},
                            {.step = 99, .epoch = 1, .learning_rate = 1e-3, .validation_loss = 0.3}};
  training.identity = {{"settings", "batch_size=4"}};
  save_training_state(path("last.resume.safetensors"), training);
  TrainingState loaded = load_training_state(path("last.resume.safetensors"), graph);
  EXPECT_EQ(loaded.weights, training.weights);
  EXPECT_EQ(loaded.optimizer, training.optimizer);
  EXPECT_EQ(loaded.point.steps, 812);
  EXPECT_EQ(loaded.point.since_row, training.point.since_row);
  EXPECT_EQ(loaded.point.history, training.point.history);
  EXPECT_FALSE(loaded.point.best_state);
  EXPECT_EQ(loaded.identity, training.identity);

  training.point.best_state = engine::initial_state(graph, 4, 5, 6);
  training.point.best_validation_loss = 0.1 + 0.2;
  save_training_state(path("last.resume.safetensors"), training);
  loaded = load_training_state(path("last.resume.safetensors"), graph);
  EXPECT_EQ(loaded.point.best_state, training.point.best_state);
  EXPECT_EQ(loaded.point.best_validation_loss, 0.1 + 0.2);
}

TEST_F(CheckpointTest, RefusesATrainingStateOfSomethingElse) {
  const ir::Graph graph = small_graph();
  save_model(path("m.safetensors"), graph, engine::zero_state(graph), {});
  EXPECT_THROW(load_training_state(path("m.safetensors"), graph), DataError);
  EXPECT_THROW(load_training_state(path("absent"), graph), DataError);
  TrainingState training;
  training.weights = engine::zero_state(graph);
  save_training_state(path("last.resume.safetensors"), training);
  EXPECT_THROW(load_training_state(path("last.resume.safetensors"), small_graph(5)), DataError);
}

/// A description of a network of a terabyte.
TEST_F(CheckpointTest, RefusesADescriptionThatItsTensorsDoNotFill) {
  const ir::Graph graph = small_graph();
  save_model(path("m.safetensors"), graph, engine::zero_state(graph), {});
  SafetensorsFile file = parse_safetensors(read_file(path("m.safetensors")), "m");
  file.metadata["lathe.graph"] =
      "graph \"wide\"\nx = input(; shape=\"[524288]\") -> [524288]\n"
      "fc @ fc = linear(x; in_features=524288, out_features=524288, bias=false) -> [524288]\n"
      "output = output(fc) -> [524288]\n";
  file.metadata.erase("lathe.sha256");
  write_safetensors(path("m.safetensors"), file);
  try {
    load_model(path("m.safetensors"));
    FAIL() << "was read";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("the network that it describes has 274877906944 values; its tensors hold"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(CheckpointTest, SurvivesRandomDamage) {
  const ir::Graph graph = small_graph();
  save_model(path("m.safetensors"), graph, engine::zero_state(graph), {{"seed", "1"}});
  const std::vector<std::byte> good = read_file(path("m.safetensors"));
  RandomStream random(2, {}, "damage");
  for (int round = 0; round < 300; ++round) {
    std::vector<std::byte> bytes = good;
    for (int change = 0; change < 3; ++change)
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
    write_file_atomically(path("damaged.safetensors"), bytes);
    try {
      load_model(path("damaged.safetensors"), &graph);
    } catch (const DataError&) {
    }
  }
}

}  // namespace
}  // namespace lathe::checkpoint
