// What was done to the rows travels with the weights: into checkpoints, studies and ONNX files, and from there to the
// rows that a model meets next.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "program_folder.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kCheckpoint = "run/training_ckpts/best.safetensors";
constexpr const char* kOptions = "--max-epochs 20 --learning-rate 0.02 --batch-size 32 --project-dir . --project run";
constexpr const char* kModel = R"([model]
name = "small"
layers = [{type = "linear", out_features = 8}, "relu", "linear"]
)";

// Three kinds of flowers, told apart by two lengths far from 0; `order` says which columns come first, and `kinds`
// which kinds there are.
std::string flowers(int rows, const std::string& kinds = "abc", bool turned = false) {
  RandomStream stream(1, {}, "flowers");
  std::string text = turned ? "width,length,kind\n" : "length,width,kind\n";
  for (int row = 0; row < rows; ++row) {
    const char kind = kinds[static_cast<std::size_t>(row) % kinds.size()];
    const double length = 5000 + 100 * (kind - 'a') + 10 * stream.normal();
    const double width = 0.02 - 0.001 * (kind - 'a') + 0.0001 * stream.normal();
    text += turned ? fmt::format("{},{},{}_flower\n", width, length, kind)
                   : fmt::format("{},{},{}_flower\n", length, width, kind);
  }
  return text;
}

// yield = 1000 + 50 a - 20 b, with a from `first` on.
std::string yields(int rows, double first) {
  RandomStream stream(2, {}, "yields");
  std::string text = "a,b,yield\n";
  for (int row = 0; row < rows; ++row) {
    const double a = first + stream.uniform(), b = 7 + 2 * stream.uniform();
    text += fmt::format("{},{},{}\n", a, b, 1000 + 50 * a - 20 * b);
  }
  return text;
}

class Preprocessing : public lathe::testing::ProgramFolder {
 protected:
  Json read_json(const std::string& name) const { return Json::parse(read(name)); }
  void train_on_flowers() const {
    write("flowers.csv", flowers(300));
    write("m.toml", kModel);
    done_json(fmt::format("train --config m.toml --set dataset=flowers.csv {}", kOptions));
  }
};

TEST_F(Preprocessing, IsInCheckpointsAndOnnxFiles) {
  train_on_flowers();
  const Json shown = done_json("data show flowers.csv")["preprocessing"];
  EXPECT_EQ(shown["class_names"], Json({"a_flower", "b_flower", "c_flower"}));
  EXPECT_EQ(shown["feature_names"], Json({"length", "width"}));
  EXPECT_NEAR(shown["means"][0].get<double>(), 5100, 20);
  EXPECT_EQ(done_json(fmt::format("info --load {}", kCheckpoint))["preprocessing"], shown);

  const Json exported = done_json(fmt::format("export --load {} --output net.onnx --check", kCheckpoint));
  EXPECT_EQ(exported["rows"], "raw");
  EXPECT_EQ(exported["preprocessing"], shown);
  EXPECT_EQ(exported["check"]["same_graph"], true);
  EXPECT_EQ(exported["check"]["largest_difference"], 0.0);
  EXPECT_EQ(done_json("import net.onnx --output back.safetensors")["preprocessing"], shown);
  EXPECT_EQ(done_json("info --load back.safetensors")["preprocessing"], shown);

  const Json expected = done_json(fmt::format("test --set dataset=flowers.csv --load {}", kCheckpoint));
  EXPECT_GT(expected["test_accuracy"], 0.95);
  for (const char* way : {"test --set dataset=flowers.csv --load net.onnx", "test net.onnx flowers.csv",
                          "test --set dataset=flowers.csv --load back.safetensors"})
    EXPECT_EQ(done_json(way)["test_loss"], expected["test_loss"]) << way;

  const std::string more =
      "--set dataset=flowers.csv --max-epochs 1 --learning-rate 0.001 --project-dir . --project more --load ";
  const Json trained_on = done_json("train " + more + kCheckpoint);
  EXPECT_EQ(done_json("train " + more + "net.onnx")["validation_loss"], trained_on["validation_loss"]);
}

TEST_F(Preprocessing, ExportSaysWhatRowsTheFileTakes) {
  train_on_flowers();
  const std::string command = fmt::format("export --load {} --output net.onnx ", kCheckpoint);
  EXPECT_NE(run(command).output.find("Takes raw rows: (x - mean) / deviation is part of the network.\n"),
            std::string::npos);
  EXPECT_NE(run(command + "--format qonnx")
                .output.find("Begins behind the scaling: rows are (x - mean) / deviation; the numbers are in its "
                             "metadata, lathe.preprocessing.\n"),
            std::string::npos);
  EXPECT_EQ(done_json(command + "--format qonnx --check")["rows"], "preprocessed");
  EXPECT_EQ(done_json(command + "--format qdq --check")["rows"], "raw");
  EXPECT_EQ(done_json(command + "--format qonnx --with-preprocessing --check")["check"]["largest_difference"], 0.0);
  EXPECT_EQ(done_json(command + "--without-preprocessing --check")["rows"], "preprocessed");
  const Json behind = done_json("import net.onnx")["preprocessing"];
  EXPECT_EQ(behind["feature_names"], Json({"length", "width"}));
  const auto both = run(command + "--with-preprocessing --without-preprocessing");
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_NE(both.errors.find("--with-preprocessing: contradicts --without-preprocessing; give one of them"),
            std::string::npos)
      << both.errors;
}

TEST_F(Preprocessing, CheckpointsOfEarlierVersionsHaveNone) {
  const std::string old = std::string(LATHE_SOURCE_DIR) + "/tests/compatibility/files/training/whole.safetensors";
  const Json exported = done_json(fmt::format("export --load {} --output net.onnx --check", old));
  EXPECT_EQ(exported["rows"], "preprocessed");
  EXPECT_TRUE(exported["preprocessing"].is_null());
  EXPECT_NE(run(fmt::format("export --load {} --output net.onnx", old))
                .output.find("Takes rows that are scaled as in training: the weights' file does not say how.\n"),
            std::string::npos);
  const auto refused = run(fmt::format("export --load {} --output net.onnx --with-preprocessing", old));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.errors.find("does not say how its rows were scaled (another program or an earlier lathe wrote it); "
                                "weights that this lathe trains do"),
            std::string::npos)
      << refused.errors;
  EXPECT_NE(run(fmt::format("test jets --seed 3 --load {}", old)).errors.find("scaled by their own training rows"),
            std::string::npos);
}

TEST_F(Preprocessing, OtherRowsAreScaledAsThoseOfTraining) {
  train_on_flowers();
  // One kind of the three: scaled by themselves, its rows would be spread over all three.
  write("others.csv", flowers(100, "c"));
  const auto scaled = run(fmt::format("test --set dataset=others.csv --load {}", kCheckpoint));
  EXPECT_NE(scaled.errors.find("rows are scaled as in training, by the means and deviations stored with the weights"),
            std::string::npos)
      << scaled.errors;
  EXPECT_NE(scaled.errors.find("classes are taken by name, in the order of training"), std::string::npos);
  EXPECT_EQ(done_json(fmt::format("test --set dataset=others.csv --load {}", kCheckpoint))["test_accuracy"], 1.0);
  // The rows of training say nothing: they are scaled as they were.
  const auto same = run(fmt::format("test --set dataset=flowers.csv --load {}", kCheckpoint));
  EXPECT_EQ(same.errors.find("scaled as in training"), std::string::npos) << same.errors;
  // Unscaled rows are what the weights do not know, whatever the settings say.
  EXPECT_EQ(done_json(fmt::format("test --set dataset=others.csv --set standardise=false --load {}",
                                  kCheckpoint))["test_accuracy"],
            1.0);

  write("turned.csv", flowers(300, "abc", true));
  const auto turned = run(fmt::format("test --set dataset=turned.csv --load {}", kCheckpoint));
  EXPECT_NE(turned.errors.find("features are taken by name, in the order of training"), std::string::npos);
  EXPECT_EQ(done_json(fmt::format("test --set dataset=turned.csv --load {}", kCheckpoint))["test_loss"],
            done_json(fmt::format("test --set dataset=flowers.csv --load {}", kCheckpoint))["test_loss"]);

  write("unknown.csv", flowers(100, "cd"));
  const auto unknown = run(fmt::format("test --set dataset=unknown.csv --load {}", kCheckpoint));
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.errors.find("the class \"d_flower\" of these rows is none of those that the weights were trained "
                                "on: a_flower, b_flower, c_flower"),
            std::string::npos)
      << unknown.errors;
}

TEST_F(Preprocessing, TargetsAreInUnitsAndScaledAsInTraining) {
  write("yields.csv", yields(300, 0));
  write("m.toml", kModel);
  done_json(fmt::format("train --config m.toml --set dataset=yields.csv --task regression {}", kOptions));
  const Json first = done_json(fmt::format("test --set dataset=yields.csv --task regression --load {}", kCheckpoint));
  EXPECT_GT(first["test_r2"], 0.9);
  write("others.csv", yields(300, 0.2));
  const Json others = done_json(fmt::format("test --set dataset=others.csv --task regression --load {}", kCheckpoint));
  EXPECT_GT(others["test_r2"], 0.7);
  EXPECT_EQ(others["targets"]["yield"]["mean"], first["targets"]["yield"]["mean"]);
  EXPECT_EQ(others["targets"]["yield"]["deviation"], first["targets"]["yield"]["deviation"]);
  const auto exported = run(fmt::format("export --load {} --output net.onnx --check", kCheckpoint));
  EXPECT_NE(exported.output.find("Takes raw rows and gives targets in their units: (x - mean) / deviation is part of "
                                 "the network.\n"),
            std::string::npos)
      << exported.output;
  EXPECT_EQ(done_json("test net.onnx yields.csv --task regression")["test_r2"], first["test_r2"]);
}

TEST_F(Preprocessing, IsInStudiesAndTheWeightsOfTheirTrials) {
  write("flowers.csv", flowers(300));
  write("study.toml", std::string("dataset = \"flowers.csv\"\nproject = \"p\"\n") + kModel + R"(
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
[search.search_space.setup]
by = "name"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_0.config]
name = ["integer"]
channel_multiplier = [1, 2]
data_in_width = [8]
data_in_frac_width = [5]
weight_width = [8]
weight_frac_width = [5]
bias_width = [8]
bias_frac_width = [5]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 5
learning_rate = 0.02
batch_size = 32
[search.strategy.setup]
n_trials = 2
sampler = "grid"
[search.strategy.metrics]
accuracy = {scale = 1.0, direction = "maximize"}
)");
  const Json found = done_json("search --config study.toml --project-dir .");
  const Json shown = done_json("data show flowers.csv")["preprocessing"];
  EXPECT_EQ(found["study"]["preprocessing"], shown);
  EXPECT_EQ(read_json("p/studies/p/study.json")["preprocessing"], shown);
  const std::string number = read_json("p/search_ckpts/best.json")["0"]["number"].dump();
  const std::string from = "--from p/search_ckpts/best.json --trial " + number;
  EXPECT_EQ(done_json("info " + from)["preprocessing"], shown);
  EXPECT_EQ(done_json("export " + from + " --format qdq --output t.onnx --check")["rows"], "raw");
  write("others.csv", flowers(100, "c"));
  EXPECT_NE(run("test --set dataset=others.csv " + from).errors.find("rows are scaled as in training"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::cli
