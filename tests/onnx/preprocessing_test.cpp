// Files that take raw rows: another runtime computes our numbers from them, and they come back as they were.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/export.h"
#include "lathe/onnx/import.h"
#include "onnx/models.h"
#include "onnx/runtime.h"
#include "peers.h"
#include "program.h"

namespace lathe::onnx {
namespace {

using lathe::testing::TemporaryFolder;
using testing::Model;

constexpr std::int64_t kRows = 8;

/// Holds a network, what was done to its rows, and raw rows as the user's file has them.
struct Case {
  Model model;
  data::Preprocessing preprocessing;
  Shape raw_shape;
  std::vector<float> raw;
  ExportForm form = ExportForm::kFloat;
};

Model small_network(const Shape& row, std::int64_t outputs) {
  ir::GraphBuilder builder("small", row);
  if (row.size() > 1) {
    builder.add("conv2d", "conv",
                {{"in_channels", row[0]}, {"out_channels", std::int64_t{4}}, {"kernel_size", std::int64_t{3}}});
    builder.add("relu", "act");
    builder.add("flatten", "");
  }
  const Shape& before = builder.graph().nodes.back().output_shape;
  builder.add("linear", "last", {{"in_features", before.back()}, {"out_features", outputs}});
  ir::Graph graph = std::move(builder).finish();
  engine::State state = testing::filled_state(graph, 5);
  return {std::move(graph), std::move(state)};
}

std::vector<float> draw(const Shape& row, const std::function<double(std::size_t, RandomStream&)>& value) {
  RandomStream stream(3, {}, "raw_rows");
  const auto width = static_cast<std::size_t>(element_count(row));
  std::vector<float> values(width * kRows);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(value(i % width, stream));
  return values;
}

/// Features whose means are far from 0 for their deviations, tiny, huge, constant.
Case features() {
  Case made{.model = small_network({6}, 3), .preprocessing = {}, .raw_shape = {6}, .raw = {}};
  data::Scaling& scaling = made.preprocessing.scaling;
  scaling.mean = {1.6e9 + 1.0 / 3, -1e-30, 0.1, 4, -273.15, 1e30};
  scaling.deviation = {1e3, 1e-31, 2.0 / 3, 1, 17.3, 1e29};
  made.preprocessing.feature_names = {"time", "tiny", "c", "constant", "temperature", "huge"};
  made.preprocessing.class_names = {"setosa", "versicolor", "größe"};
  made.raw = draw({6}, [&](std::size_t i, RandomStream& stream) {
    return i == 3 ? 4 : scaling.mean[i] + scaling.deviation[i] * stream.normal();
  });
  return made;
}

Case quantised_features() {
  Case made = features();
  made.model = testing::quantised(made.model, 8);
  made.form = ExportForm::kQdq;
  return made;
}

Case targets() {
  Case made = features();
  made.model = small_network({6}, 2);
  made.preprocessing.class_names.clear();
  made.preprocessing.targets = {{.name = "yield", .mean = 1e5, .deviation = 3.7}, {.name = "b", .deviation = 1e-3}};
  return made;
}

Case images() {
  const Shape shape = {3, 6, 5};
  Case made{.model = small_network(shape, 4), .preprocessing = {}, .raw_shape = shape, .raw = {}};
  made.preprocessing.divisor = 255;
  made.preprocessing.scaling = {.mean = {0.4914, 0.4822, 0.4465}, .deviation = {0.2, 0.19, 1}, .pooled = 30};
  made.raw = draw(shape, [](std::size_t, RandomStream& stream) { return static_cast<double>(stream.below(256)); });
  return made;
}

Case images_channels_last() {
  Case made = images();
  made.preprocessing.channels_last = true;
  made.raw_shape = {6, 5, 3};
  return made;
}

Case unscaled_images() {
  Case made = images();
  made.preprocessing.scaling = {};
  return made;
}

Case plain() {
  Case made = features();
  made.preprocessing.scaling = {};
  made.raw = draw({6}, [](std::size_t, RandomStream& stream) { return stream.normal(); });
  return made;
}

std::vector<Case> all_cases() {
  return {features(), quantised_features(), targets(), images(), images_channels_last(), unscaled_images(), plain()};
}

/// Does to raw rows what training did, written anew.
std::vector<float> prepared(const Case& of) {
  std::vector<float> rows = of.raw;
  const data::Preprocessing& done = of.preprocessing;
  if (done.channels_last) {
    const auto channels = static_cast<std::size_t>(of.raw_shape.back());
    const std::size_t width = rows.size() / kRows, pixels = width / channels;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t row = i / width, channel = i % width / pixels, pixel = i % pixels;
      rows[i] = of.raw[row * width + pixel * channels + channel];
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] /= static_cast<float>(done.divisor);
    if (done.scaling.empty()) continue;
    const std::size_t group = i / done.scaling.pooled % done.scaling.mean.size();
    rows[i] = static_cast<float>((rows[i] - done.scaling.mean[group]) / done.scaling.deviation[group]);
  }
  return rows;
}

/// Computes what raw rows must give.
std::vector<float> expected_outputs(const Case& of) {
  std::vector<float> outputs = testing::predict(of.model, prepared(of));
  const std::vector<data::Target>& scaled = of.preprocessing.targets;
  for (std::size_t i = 0; i < outputs.size() && !scaled.empty(); ++i) {
    const data::Target& target = scaled[i % scaled.size()];
    outputs[i] = static_cast<float>(outputs[i] * target.deviation + target.mean);
  }
  return outputs;
}

Shape batch_of(const Shape& row) {
  Shape shape = {kRows};
  shape.insert(shape.end(), row.begin(), row.end());
  return shape;
}

void write(const Case& of, const std::filesystem::path& file, bool raw_rows) {
  export_onnx(of.model.graph, of.model.state, file,
              {.form = of.form, .preprocessing = of.preprocessing, .raw_rows = raw_rows});
}

TEST(RawRows, OnnxRuntimeComputesOurNumbers) {
  const std::string command = testing::runtime_command();
  if (command.empty()) LATHE_PEER_IS_ABSENT("onnxruntime-node is not installed (scripts/install_onnxruntime)");
  const TemporaryFolder folder;
  const std::vector<Case> cases = all_cases();
  std::vector<testing::RuntimeJob> jobs;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    jobs.push_back(
        {folder.path() / (std::to_string(i) + "_raw.onnx"), batch_of(cases[i].raw_shape), false, cases[i].raw});
    write(cases[i], jobs.back().file, true);
    jobs.push_back({folder.path() / (std::to_string(i) + "_prepared.onnx"),
                    batch_of(cases[i].model.graph.input().output_shape), false, prepared(cases[i])});
    write(cases[i], jobs.back().file, false);
  }
  const auto outputs = testing::run_on_runtime(command, jobs);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const std::vector<float>& raw = outputs[2 * i];
    const double tolerance = cases[i].form == ExportForm::kQdq ? 1.0 / 16 : 1e-5;
    EXPECT_LT(testing::largest_difference(raw, expected_outputs(cases[i])), tolerance);
    if (cases[i].preprocessing.targets.empty()) {
      EXPECT_EQ(raw, outputs[2 * i + 1]);  // the very same numbers
    }
  }
}

TEST(RawRows, FilesComeBackAsTheyWere) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.onnx";
  for (const Case& made : all_cases()) {
    for (const bool raw_rows : {true, false}) {
      write(made, file, raw_rows);
      const ImportedModel read = import_onnx(file);
      EXPECT_EQ(ir::to_text(read.graph), ir::to_text(made.model.graph));
      EXPECT_EQ(read.preprocessing, made.preprocessing);
      if (made.form == ExportForm::kFloat) {
        EXPECT_EQ(read.state, made.model.state);
      }
    }
  }
}

TEST(RawRows, MetadataNamesFeaturesTargetsAndClasses) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.onnx";
  write(features(), file, true);
  auto metadata = read_document(file).metadata;
  EXPECT_EQ(metadata["lathe.class_names"], R"(["setosa","versicolor","größe"])");
  EXPECT_EQ(metadata["lathe.rows"], "raw");
  EXPECT_EQ(metadata["lathe.preprocessing"], data::to_json(features().preprocessing));
  write(targets(), file, false);
  metadata = read_document(file).metadata;
  EXPECT_EQ(metadata["lathe.target_names"], R"(["yield","b"])");
  EXPECT_EQ(metadata["lathe.feature_names"].substr(0, 7), R"(["time")");
  EXPECT_EQ(metadata["lathe.rows"], "preprocessed");
  EXPECT_FALSE(metadata.contains("lathe.class_names"));
}

TEST(RawRows, OnnxAcceptsTheFiles) {
  if (!testing::python_has("onnx")) LATHE_PEER_IS_ABSENT("python3-onnx is not installed");
  const TemporaryFolder folder;
  std::string command = "/usr/bin/python3 " + testing::script("check_models.py");
  for (const Case& made : all_cases()) {
    const auto file = folder.path() / (std::to_string(command.size()) + ".onnx");
    write(made, file, true);
    command += " " + file.string();
  }
  const auto ran = lathe::testing::run_program(command, folder.path());
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
}

/// Writes a case with raw rows, changes the file and reads it.
ImportedModel changed(const Case& made, const std::function<void(Document&)>& change) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.onnx";
  write(made, file, true);
  Document document = read_document(file);
  change(document);
  write_document(file, document);
  return import_onnx(file);
}

Tensor& constant(Document& document, const std::string& name) {
  return *std::find_if(document.initializers.begin(), document.initializers.end(),
                       [&](const Tensor& tensor) { return tensor.name == name; });
}

std::string refusal(const Case& made, const std::function<void(Document&)>& change) {
  try {
    changed(made, change);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RawRows, ChangedStepsAreNotTakenForOurs) {
  const auto other_mean = [](Document& document) { constant(document, "preprocessing.means").doubles[0] += 1; };
  EXPECT_NE(refusal(features(), other_mean).find("node Cast \"x/double\""), std::string::npos);
  const auto other_units = [](Document& document) { constant(document, "preprocessing.target_means").doubles[1] = 1; };
  EXPECT_NE(refusal(targets(), other_units).find("node Cast \"x/double\""), std::string::npos);
  const auto damaged = [](Document& document) { document.metadata["lathe.preprocessing"] = "{"; };
  EXPECT_NE(refusal(features(), damaged).find("node Cast \"x/double\""), std::string::npos);
  const auto two_readers = [](Document& document) {
    document.nodes.push_back({"again", "Relu", "", {"x"}, {"again"}, {}});
  };
  EXPECT_NE(refusal(features(), two_readers), "");
}

TEST(RawRows, StepsThatSomebodyTookOutAreNotAssumed) {
  const ImportedModel read = changed(features(), [](Document& document) {
    std::erase_if(document.nodes, [](const OnnxNode& node) { return node.name.starts_with("x/"); });
    for (OnnxNode& node : document.nodes)
      std::replace(node.inputs.begin(), node.inputs.end(), std::string("x/preprocessed"), std::string("x"));
  });
  EXPECT_FALSE(read.preprocessing.has_value());
  EXPECT_EQ(ir::to_text(read.graph), ir::to_text(features().model.graph));
}

TEST(RawRows, ValuesMayBeRenamed) {
  const ImportedModel read = changed(targets(), [](Document& document) {
    const auto rename = [](std::string& name) {
      if (!name.empty()) name = "renamed_" + name;
    };
    for (Tensor& tensor : document.initializers) rename(tensor.name);
    for (ValueInfo& info : document.inputs) rename(info.name);
    for (ValueInfo& info : document.outputs) rename(info.name);
    for (OnnxNode& node : document.nodes) {
      rename(node.name);
      for (std::string& name : node.inputs) rename(name);
      for (std::string& name : node.outputs) rename(name);
    }
  });
  EXPECT_EQ(read.preprocessing, targets().preprocessing);
  EXPECT_EQ(ir::to_text(read.graph), ir::to_text(targets().model.graph));
}

TEST(RawRows, InitializersMayBecomeNodes) {
  const ImportedModel read = changed(targets(), [](Document& document) {
    std::vector<OnnxNode> nodes;
    for (const Tensor& tensor : document.initializers)
      nodes.push_back({tensor.name + "/node", "Constant", "", {}, {tensor.name}, {{"value", tensor}}});
    document.nodes.insert(document.nodes.begin(), nodes.begin(), nodes.end());
    document.initializers.clear();
  });
  EXPECT_EQ(read.preprocessing, targets().preprocessing);
  EXPECT_EQ(ir::to_text(read.graph), ir::to_text(targets().model.graph));
}

TEST(RawRows, ScalingOfAnotherWidthIsRefused) {
  Case made = features();
  made.preprocessing.scaling.mean.pop_back();
  made.preprocessing.scaling.deviation.pop_back();
  const TemporaryFolder folder;
  try {
    write(made, folder.path() / "m.onnx", true);
    ADD_FAILURE();
  } catch (const UnsupportedError& error) {
    EXPECT_STREQ(error.what(), "the network takes rows of shape [6]; its preprocessing is of rows of 5 values");
  }
}

}  // namespace
}  // namespace lathe::onnx
