// Parameters that two nodes of a file share: refused naming both, but for tensors that exporters store once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "lathe/base/error.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/import.h"
#include "onnx/models.h"
#include "program.h"

namespace lathe::onnx {
namespace {

using lathe::testing::TemporaryFolder;

constexpr std::int64_t kWidth = 4;

Tensor tensor(const std::string& name, Shape shape, const std::function<float(std::int64_t)>& value) {
  Tensor made{.name = name, .shape = shape, .floats = {}, .integers = {}};
  for (std::int64_t i = 0; i < element_count(shape); ++i) made.floats.push_back(value(i));
  return made;
}

Tensor waves(const std::string& name, Shape shape, float phase) {
  return tensor(name, std::move(shape), [=](std::int64_t i) { return std::sin(phase + static_cast<float>(i)); });
}

OnnxNode node(const std::string& name, const std::string& op, const std::vector<std::string>& inputs,
              const std::string& output) {
  return {.name = name, .op = op, .domain = "", .inputs = inputs, .outputs = {output}, .attributes = {}};
}

OnnxNode gemm(const std::string& name, const std::string& input, const std::string& weight, const std::string& bias,
              const std::string& output) {
  OnnxNode made = node(name, "Gemm", {input, weight, bias}, output);
  made.attributes = {{"transB", std::int64_t{1}}};
  return made;
}

ValueInfo info(const std::string& name, ElementType type = ElementType::kFloat, Shape shape = {-1, kWidth}) {
  ValueInfo made{.name = name, .type = type, .shape = std::move(shape)};
  made.symbols.assign(made.shape.size(), "batch");
  return made;
}

Document document_of(std::vector<OnnxNode> nodes, std::vector<Tensor> tensors) {
  Document document;
  document.ir_version = 8;
  document.opsets[""] = 13;
  document.graph_name = "tied";
  document.nodes = std::move(nodes);
  document.initializers = std::move(tensors);
  document.inputs = {info("x")};
  document.outputs = {info("y")};
  return document;
}

/// Two layers and an activation between them; their tensors are given.
Document two_layers(const std::string& second_name, const std::string& second_weight, const std::string& second_bias,
                    std::vector<Tensor> tensors) {
  return document_of({gemm("/a/Gemm", "x", "a.weight", "a.bias", "h"), node("/Relu", "Relu", {"h"}, "r"),
                      gemm(second_name, "r", second_weight, second_bias, "y")},
                     std::move(tensors));
}

ImportedModel imported(const Document& document) {
  const TemporaryFolder folder;
  write_document(folder.path() / "m.onnx", document);
  return import_onnx(folder.path() / "m.onnx");
}

std::string refusal(const Document& document) {
  try {
    imported(document);
  } catch (const UnsupportedError& error) {
    const std::string text = error.what();
    return text.substr(text.find(": ") + 2);
  }
  return "";
}

std::string message(const std::string& second, const std::string& parameter, const std::string& source) {
  return fmt::format(
      "node {0}: its {1} is the {1} of node Gemm \"/a/Gemm\" too ({2}): tied parameters are not read, as each node of "
      "lathe trains its own",
      second, parameter, source);
}

TEST(Ties, ALayerThatIsCalledTwiceIsRefused) {
  const std::vector<Tensor> tensors = {waves("a.weight", {4, 4}, 0), waves("a.bias", {4}, 1)};
  EXPECT_EQ(refusal(two_layers("/a_1/Gemm", "a.weight", "a.bias", tensors)),
            message("Gemm \"/a_1/Gemm\"", "weight", "a.weight"));
}

TEST(Ties, ASharedWeightOrBiasIsRefused) {
  EXPECT_EQ(refusal(two_layers("/b/Gemm", "a.weight", "b.bias",
                               {waves("a.weight", {4, 4}, 0), waves("a.bias", {4}, 1), waves("b.bias", {4}, 2)})),
            message("Gemm \"/b/Gemm\"", "weight", "a.weight"));
  EXPECT_EQ(refusal(two_layers("/b/Gemm", "b.weight", "a.bias",
                               {waves("a.weight", {4, 4}, 0), waves("a.bias", {4}, 1), waves("b.weight", {4, 4}, 2)})),
            message("Gemm \"/b/Gemm\"", "bias", "a.bias"));
}

TEST(Ties, TranspositionsCastsAndQuantisersAreFollowed) {
  Document document = two_layers("/b/Gemm", "w", "b.bias",
                                 {waves("a.weight", {4, 4}, 0), waves("a.bias", {4}, 1), waves("b.bias", {4}, 2)});
  document.nodes.insert(document.nodes.begin(), node("", "Transpose", {"a.weight"}, "w"));
  EXPECT_EQ(refusal(document), message("Gemm \"/b/Gemm\"", "weight", "a.weight"));
  document.nodes[0] = node("", "Cast", {"a.weight"}, "w");
  document.nodes[0].attributes = {{"to", std::int64_t{1}}};
  EXPECT_EQ(refusal(document), message("Gemm \"/b/Gemm\"", "weight", "a.weight"));
  document.nodes[0] = node("", "Mul", {"a.weight", "two"}, "w");  // computed, yet of one parameter
  document.initializers.push_back(tensor("two", {}, [](std::int64_t) { return 2.0f; }));
  EXPECT_EQ(refusal(document), message("Gemm \"/b/Gemm\"", "weight", "a.weight"));
  document.nodes[0] = node("", "Quant", {"a.weight", "two", "zero", "bits"}, "w");
  document.nodes[0].domain = "qonnx.custom_op.general";
  document.initializers.push_back(tensor("zero", {}, [](std::int64_t) { return 0.0f; }));
  document.initializers.push_back(tensor("bits", {}, [](std::int64_t) { return 8.0f; }));
  EXPECT_EQ(refusal(document), message("Gemm \"/b/Gemm\"", "weight", "a.weight"));
}

/// A network whose output layer multiplies by the table of its embedding; `folded`: by a copy, transposed beforehand.
Document tied_embedding(bool folded) {
  Document document = document_of(
      {node("/e/Gather", "Gather", {"e.weight", "x"}, "h"), node("/Relu", "Relu", {"h"}, "r"),
       node("/head/Transpose", "Transpose", {"e.weight"}, "t"), node("/head/MatMul", "MatMul", {"r", "t"}, "y")},
      {waves("e.weight", {7, 4}, 0)});
  document.inputs = {info("x", ElementType::kInt64, {-1, 3})};
  document.outputs = {info("y", ElementType::kFloat, {-1, 3, 7})};
  if (!folded) return document;
  document.nodes.erase(document.nodes.begin() + 2);
  document.nodes.back().inputs[1] = "onnx::MatMul_5";
  const std::vector<float> table = document.initializers[0].floats;
  document.initializers.push_back(tensor(
      "onnx::MatMul_5", {4, 7}, [&](std::int64_t i) { return table[static_cast<std::size_t>(i % 7 * 4 + i / 7)]; }));
  return document;
}

TEST(Ties, AnEmbeddingThatIsTheOutputLayerTooIsRefused) {
  const std::string start = "node MatMul \"/head/MatMul\": its weight is the weight of node Gather \"/e/Gather\" too (";
  EXPECT_EQ(refusal(tied_embedding(false)).substr(0, start.size()), start);
  EXPECT_EQ(refusal(tied_embedding(true)).substr(0, start.size()), start);
}

TEST(Ties, AProductThatIsReadWithAndWithoutItsBiasIsRefused) {
  const Document document = document_of({node("/MatMul", "MatMul", {"x", "w"}, "h"),
                                         node("/Add", "Add", {"h", "b"}, "g"), node("/Add_1", "Add", {"g", "h"}, "y")},
                                        {waves("w", {4, 4}, 0), waves("b", {4}, 1)});
  EXPECT_EQ(refusal(document).substr(0, 71),
            "node Add \"/Add\": its weight is the weight of node MatMul \"/MatMul\" too ");
}

float zero(std::int64_t) { return 0; }
float one(std::int64_t) { return 1; }

TEST(Ties, ZerosAndOnesAreStoredOnceByExporters) {
  const Document document =
      two_layers("/b/Gemm", "b.weight", "a.bias",
                 {waves("a.weight", {4, 4}, 0), tensor("a.bias", {4}, zero), waves("b.weight", {4, 4}, 2)});
  const ImportedModel model = imported(document);
  EXPECT_EQ(model.state.size(), 4u);
  EXPECT_EQ(model.state[3].name, "b.bias");
}

TEST(Ties, ANormOfZerosAndOnesThatIsCalledTwiceIsRefused) {
  const auto norms = [](const std::string& second) {
    const std::vector<std::string> read = {"n.weight", "n.bias", "n.running_mean", "n.running_var"};
    std::vector<std::string> first = read, again = read;
    first.insert(first.begin(), "x");
    again.insert(again.begin(), "h");
    return document_of(
        {node("/n/BatchNormalization", "BatchNormalization", first, "h"),
         node(second, "BatchNormalization", again, "y")},
        {tensor(read[0], {4}, one), tensor(read[1], {4}, zero), tensor(read[2], {4}, zero), tensor(read[3], {4}, one)});
  };
  EXPECT_NE(refusal(norms("/n_1/BatchNormalization")).find("its weight is the weight of"), std::string::npos);
  EXPECT_EQ(refusal(norms("/m/BatchNormalization")), "");  // two fresh ones, stored once
}

TEST(Ties, EqualTensorsUnderNamesOfTheirOwnAreTwo) {
  std::vector<Tensor> tensors = {waves("a.weight", {4, 4}, 0), waves("a.bias", {4}, 1), waves("b.weight", {4, 4}, 0),
                                 waves("b.bias", {4}, 1)};
  EXPECT_EQ(imported(two_layers("/b/Gemm", "b.weight", "b.bias", tensors)).state.size(), 4u);
  tensors.resize(2);
  Document document = two_layers("/b/Gemm", "b.weight", "b.bias", tensors);  // as PyTorch 1.13 stores equal tensors
  document.nodes.insert(document.nodes.begin(), node("", "Identity", {"a.bias"}, "b.bias"));
  document.nodes.insert(document.nodes.begin(), node("", "Identity", {"a.weight"}, "b.weight"));
  const ImportedModel model = imported(document);
  EXPECT_EQ(model.state[2].name, "b.weight");
  EXPECT_EQ(model.state[2].values, model.state[0].values);
}

TEST(Ties, PartsOfOneTensorAreParametersOfTheirOwn) {
  Document document = two_layers("/b/Gemm", "lower", "b.bias",
                                 {waves("packed", {8, 4}, 0), waves("a.bias", {4}, 1), waves("b.bias", {4}, 2)});
  document.nodes[0].inputs[1] = "upper";
  for (const std::int64_t part : {0, 1}) {
    OnnxNode slice = node("", "Slice", {"packed", "from" + std::to_string(part), "to" + std::to_string(part)},
                          part == 0 ? "upper" : "lower");
    document.nodes.insert(document.nodes.begin(), slice);
    for (const char* what : {"from", "to"})
      document.initializers.push_back({.name = what + std::to_string(part),
                                       .type = ElementType::kInt64,
                                       .shape = {1},
                                       .floats = {},
                                       .integers = {4 * part + (what[0] == 't' ? 4 : 0)}});
  }
  EXPECT_EQ(imported(document).state.size(), 4u);
}

TEST(Ties, ConstantsThatAreNoParametersMayBeShared) {
  const TemporaryFolder folder;
  Document document = document_of(
      {}, {tensor("scale", {}, [](std::int64_t) { return 0.25f; }), tensor("zero", {}, zero),
           tensor("bits", {}, [](std::int64_t) { return 8.0f; }), tensor("low", {}, zero), tensor("high", {}, one)});
  std::string value = "x";
  for (const std::string next : {"a", "b"}) {
    OnnxNode quant = node("/" + next + "/Quant", "Quant", {value, "scale", "zero", "bits"}, next);
    quant.domain = "qonnx.custom_op.general";
    document.nodes.push_back(quant);
    document.nodes.push_back(node("/" + next + "/Clip", "Clip", {next, "low", "high"}, value = next + "_clipped"));
  }
  document.nodes.push_back(node("", "Relu", {value}, "y"));
  EXPECT_EQ(refusal(document), "");
}

}  // namespace
}  // namespace lathe::onnx
