#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/export.h"
#include "lathe/onnx/import.h"
#include "onnx/models.h"
#include "onnx/op_graphs.h"
#include "program.h"

namespace lathe::onnx {
namespace {

namespace fs = std::filesystem;
using lathe::testing::TemporaryFolder;
using testing::Model;

std::string error_of(const fs::path& file) {
  try {
    import_onnx(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A network of one node, `op`, between the input [batch, 4] and the output.
Document one_node(const OnnxNode& node) {
  Document document;
  document.ir_version = 8;
  document.opsets[""] = 13;
  document.graph_name = "one";
  document.nodes = {node};
  document.inputs = {{.name = "x", .shape = {-1, 4}, .symbols = {"batch", ""}}};
  document.outputs = {{.name = "y", .shape = {-1, 4}, .symbols = {"batch", ""}}};
  return document;
}

OnnxNode node(const std::string& op, const std::vector<std::string>& inputs = {"x"}) {
  return {.name = "here", .op = op, .domain = "", .inputs = inputs, .outputs = {"y"}, .attributes = {}};
}

/// Writes a document and returns why it is refused, without the path.
std::string refusal(const Document& document) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  write_document(file, document);
  std::string text = error_of(file);
  const std::string path = file.string() + ": ";
  return text.starts_with(path) ? text.substr(path.size()) : text;
}

TEST(Refusals, NameOpAndNode) {
  EXPECT_EQ(refusal(one_node(node("LSTM"))).substr(0, 91),
            "node LSTM \"here\": lathe has no op for LSTM (read are: Add, AveragePool, BatchNormalization,");
  EXPECT_EQ(
      refusal(one_node(node("Div", {"x", "x"}))),
      "node Div \"here\": this use is not read; Sub, Div, Pow, Sqrt, Erf, Where and the like, and sums and products "
      "with constants, are read within gelu, silu, hardswish, hardsigmoid, layer norm and attention");
  EXPECT_EQ(refusal(one_node(node("Relu", {"z"}))), "node Relu \"here\": the value \"z\" is computed nowhere before");
  EXPECT_EQ(refusal(one_node(node("Gemm", {"x", "x"}))), "node Gemm \"here\": its second input must be a constant");
}

TEST(Refusals, OfOpenDimensions) {
  Document document = one_node(node("Relu"));
  document.inputs[0].shape = {-1, -1};
  document.inputs[0].symbols = {"batch", "length"};
  EXPECT_EQ(
      refusal(document),
      "dimension 1 of the input x is not fixed (length); export it with only the first dimension in dynamic_axes");
}

TEST(Refusals, OfUnknownOpsets) {
  Document document = one_node(node("Relu"));
  document.opsets[""] = 5;
  EXPECT_EQ(refusal(document), "opset 5 is not read (known: 7 to 21)");
}

TEST(Refusals, OfScalesForEachRow) {
  Document document = one_node(node("Quant", {"x", "scale", "zero", "bits"}));
  document.nodes[0].domain = "qonnx.custom_op.general";
  document.initializers = {{.name = "scale", .shape = {2, 1}, .floats = {0.3f, 0.5f}, .integers = {}},
                           {.name = "zero", .shape = {}, .floats = {0}, .integers = {}},
                           {.name = "bits", .shape = {}, .floats = {8}, .integers = {}}};
  EXPECT_EQ(refusal(document), "node Quant \"here\": a scale for each row of the batch");
  document.initializers[1] = {.name = "zero", .shape = {0}, .floats = {}, .integers = {}};
  EXPECT_EQ(refusal(document), "node Quant \"here\": its zero point has no number");
  document.initializers[1] = {.name = "zero", .shape = {}, .floats = {0}, .integers = {}};
  document.initializers[0] = {.name = "scale", .shape = {}, .floats = {-0.3f}, .integers = {}};
  EXPECT_EQ(refusal(document), "node Quant \"here\": number format integer: scale must be in [1e-30, 1e+30]; got -0.3");
}

TEST(Refusals, OfZeroPointsThatDoNotFitTheScales) {
  Document document = one_node(node("DequantizeLinear", {"codes", "scale", "zero"}));
  document.initializers = {
      {.name = "codes", .type = ElementType::kInt8, .shape = {3, 2}, .floats = {}, .integers = {1, 2, 3, 4, 5, 6}},
      {.name = "scale", .shape = {3}, .floats = {0.3f, 0.5f, 0.7f}, .integers = {}},
      {.name = "zero", .type = ElementType::kInt8, .shape = {2}, .floats = {}, .integers = {0, 0}}};
  EXPECT_EQ(refusal(document), "node DequantizeLinear \"here\": 2 zero points for 3 scales");
  document.initializers[2] = {.name = "zero", .type = ElementType::kInt8, .shape = {0}, .floats = {}, .integers = {}};
  EXPECT_EQ(refusal(document), "node DequantizeLinear \"here\": its zero point has no number");
}

TEST(Refusals, OfHugeConstants) {
  Document document = one_node(node("Add", {"x", "big"}));
  OnnxNode big = node("ConstantOfShape", {"shape"});
  big.outputs = {"big"};
  document.nodes.insert(document.nodes.begin(), big);
  document.initializers = {
      {.name = "shape", .type = ElementType::kInt64, .shape = {2}, .floats = {}, .integers = {1 << 30, 1 << 30}}};
  EXPECT_EQ(refusal(document),
            "node ConstantOfShape \"here\": a computed constant of shape [1073741824, 1073741824] is too "
            "large or impossible");
}

TEST(Refusals, OfManyLargeConstants) {
  Document document = one_node(node("Relu"));
  document.initializers = {
      {.name = "shape", .type = ElementType::kInt64, .shape = {1}, .floats = {}, .integers = {1 << 23}}};
  for (int i = 0; i < 9; ++i) {
    OnnxNode big = node("ConstantOfShape", {"shape"});
    big.outputs = {fmt::format("big_{}", i)};
    document.nodes.insert(document.nodes.begin(), big);
  }
  EXPECT_EQ(refusal(document), "node ConstantOfShape \"here\": the constants of the file become too large");
}

TEST(Refusals, OfWindowsWithoutBounds) {
  Document document = one_node(node("MaxPool"));
  document.inputs[0].shape = {-1, 1, 4, 4};
  document.inputs[0].symbols = {"batch", "", "", ""};
  document.nodes[0].attributes = {{"kernel_shape", Shape{2, 2}}, {"pads", Shape{0, 0, 1, std::int64_t{1} << 62}}};
  EXPECT_EQ(refusal(document), "node MaxPool \"here\": pads = [0, 0, 1, 4611686018427387904]");
}

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

Tensor floats(const std::string& name, const Shape& shape) {
  const auto count = static_cast<std::size_t>(element_count(shape));
  return {.name = name, .shape = shape, .floats = std::vector<float>(count, 0.5f), .integers = {}};
}

Tensor integers(const std::string& name, std::vector<std::int64_t> values) {
  const Shape shape = {static_cast<std::int64_t>(values.size())};
  return {.name = name, .type = ElementType::kInt64, .shape = shape, .floats = {}, .integers = std::move(values)};
}

/// A network whose weight is computed: `op` of constants.
std::string refusal_of_computed(const std::string& op, const std::vector<Tensor>& constants,
                                std::vector<Attribute> attributes = {}) {
  std::vector<std::string> names;
  for (const Tensor& tensor : constants) names.push_back(tensor.name);
  Document document = one_node(node("Gemm", {"x", "computed"}));
  OnnxNode computed = node(op, names);
  computed.outputs = {"computed"};
  computed.attributes = std::move(attributes);
  document.nodes.insert(document.nodes.begin(), computed);
  document.initializers = constants;
  return refusal(document);
}

TEST(Refusals, OfDimensionsThatAreNamedTwice) {
  const Tensor rows = floats("w", {10, 4});
  const std::string twice = "node {} \"here\": the list of axes names a dimension twice ({})";
  const auto expected = [&](const std::string& op, int axis) { return fmt::format(fmt::runtime(twice), op, axis); };
  EXPECT_EQ(refusal_of_computed("Slice", {rows, integers("s", {5, 5}), integers("e", {10, 10}), integers("a", {0, 0})}),
            expected("Slice", 0));
  EXPECT_EQ(
      refusal_of_computed("Slice", {rows, integers("s", {5, 5}), integers("e", {10, 10}), integers("a", {1, -1})}),
      expected("Slice", 1));
  EXPECT_EQ(refusal_of_computed("Squeeze", {floats("w", {1, 4, 4}), integers("a", {0, -3})}), expected("Squeeze", 0));
  EXPECT_EQ(refusal_of_computed("Unsqueeze", {rows, integers("a", {2, 2})}), expected("Unsqueeze", 2));
  EXPECT_EQ(refusal_of_computed("Transpose", {rows}, {{"perm", Shape{1, 1}}}), expected("Transpose", 1));
  for (const std::string op : {"Squeeze", "Unsqueeze"}) {
    Document document = one_node(node(op, {"x", "a"}));
    document.inputs[0].shape = {-1, 1, 4};
    document.inputs[0].symbols = {"batch", "", ""};
    document.initializers = {integers("a", {1, 1})};
    EXPECT_EQ(refusal(document), expected(op, 1));
  }
  Document document = one_node(node("Transpose"));
  document.nodes[0].attributes = {{"perm", Shape{0, 0}}};
  EXPECT_EQ(refusal(document), expected("Transpose", 0));
}

TEST(Refusals, OfConstantsThatOverflow) {
  const Tensor rows = floats("w", {10, 4});
  const auto reshaped = [&](std::vector<std::int64_t> shape, std::vector<Attribute> attributes = {}) {
    return refusal_of_computed("Reshape", {rows, integers("s", std::move(shape))}, std::move(attributes));
  };
  const std::string start = "node Reshape \"here\": ";
  EXPECT_EQ(reshaped({9, 1ll << 31, kHighest, 10}),
            start + "a computed constant of shape [9, 2147483648, 9223372036854775807, 10] is too large or impossible");
  EXPECT_EQ(reshaped({0, kHighest, kHighest}, {{"allowzero", std::int64_t{1}}}),
            start +
                "a computed constant of shape [0, 9223372036854775807, 9223372036854775807] is too large or "
                "impossible");
  EXPECT_EQ(reshaped({-1, kLowest}),
            start + "a computed constant of shape [1, -9223372036854775808] is too large or impossible");
  EXPECT_EQ(reshaped({-1, -1}), start + "two extents are open");
  EXPECT_EQ(reshaped({7, -1}), start + "40 values do not fill [7, 5]");
  const std::string whole = "a number is no integer of 64 bits";
  EXPECT_EQ(refusal_of_computed("Neg", {integers("i", {kLowest})}), "node Neg \"here\": " + whole);
  EXPECT_EQ(refusal_of_computed("Pow", {integers("i", {10}), integers("k", {300})}), "node Pow \"here\": " + whole);
  EXPECT_EQ(refusal_of_computed("Cast", {floats("w", {1})}, {{"to", std::int64_t{8}}}),
            "node Cast \"here\": a cast to the type 8");
  EXPECT_NE(refusal_of_computed("Expand", {floats("w", {1}), integers("s", {-1})}), "");
  EXPECT_NE(refusal_of_computed("Gather", {rows, integers("i", {kLowest})}), "");
  EXPECT_NE(refusal_of_computed("ConstantOfShape", {integers("s", {0, kHighest, kHighest})}), "");
  EXPECT_NE(refusal_of_computed("ConstantOfShape", {integers("s", std::vector<std::int64_t>(65, 1))}), "");
}

TEST(Refusals, OfShapesThatOverflow) {
  Document document = one_node(node("Reshape", {"x", "s"}));
  document.inputs[0].shape = {-1, 1 << 15, 1 << 15};
  document.inputs[0].symbols = {"batch", "", ""};
  document.initializers = {integers("s", {0, 1 << 20, 1 << 20})};
  EXPECT_EQ(refusal(document), "node Reshape \"here\": its shape has more values than its input");
  document.initializers = {integers("s", {0, -1, -1})};
  EXPECT_EQ(refusal(document), "node Reshape \"here\": two extents are open");
  document = one_node(node("Transpose"));
  document.nodes[0].attributes = {{"perm", Shape{0, kLowest}}};
  EXPECT_EQ(refusal(document),
            "node Transpose \"here\": the axis -9223372036854775808 is impossible: there are 2 dimensions");
  document = one_node(node("Relu"));
  document.inputs[0].shape.resize(18, 1);
  document.inputs[0].symbols.resize(18);
  EXPECT_EQ(refusal(document), "input x: its result would have 17 dimensions; 16 are read");
}

TEST(Refusals, OfConstantsInThePlaceOfValues) {
  Document document = one_node(node("LayerNormalization", {"w", "w", "w"}));
  document.opsets[""] = 17;
  document.initializers = {floats("w", {4})};
  EXPECT_EQ(refusal(document), "node LayerNormalization \"here\": its input 0 must not be a constant");
}

TEST(Refusals, OfAttributesThatAreNoNumbers) {
  Document document = one_node(node("LeakyRelu"));
  document.nodes[0].attributes = {{"alpha", std::numeric_limits<float>::infinity()}};
  EXPECT_EQ(refusal(document), "node LeakyRelu \"here\": negative_slope = inf");
}

/// 700 KB of one constant joined with itself, twice, would be 2.5 TB.
TEST(Refusals, OfJoinedConstantsBeforeMemoryIsTaken) {
  Document document = one_node(node("Gemm", {"x", "e"}));
  for (const auto& [from, to] : {std::pair("d", "e"), std::pair("c", "d")}) {
    OnnxNode joined = node("Concat", std::vector<std::string>(60'000, from));
    joined.outputs = {to};
    document.nodes.insert(document.nodes.begin(), joined);
  }
  document.initializers = {floats("c", {1, 4})};
  EXPECT_EQ(refusal(document), "node Concat \"here\": the constants of the file become too large");
  document.initializers = {{.name = "c", .shape = {std::int64_t{1} << 39, 0}, .floats = {}, .integers = {}}};
  EXPECT_NE(refusal(document), "");  // empty ones, whose extents add up
}

TEST(Refusals, OfIntegersBeyondTheirType) {
  const TemporaryFolder folder;
  // field 5: an initializer q = {dims: 1, type: int8, int32_data: 300}; then a node Relu, an input and an output
  const std::string tensor("\x08\x01\x10\x03\x2a\x02\xac\x02\x42\x01q", 11);
  const std::string graph =
      std::string("\x0a\x0c\x0a\x01x\x12\x01y\x22\x04Relu\x2a", 15) + static_cast<char>(tensor.size()) + tensor;
  write_text_file_atomically(folder.path() / "m.onnx",
                             std::string("\x08\x08\x3a", 3) + static_cast<char>(graph.size()) + graph);
  EXPECT_EQ(error_of(folder.path() / "m.onnx"),
            (folder.path() / "m.onnx").string() + ": tensor q holds 300, which is no number of its type");
}

TEST(Refusals, OfOneSignedBit) {
  Document document = one_node(node("Quant", {"x", "scale", "zero", "bits"}));
  document.nodes[0].domain = "qonnx.custom_op.general";
  document.initializers = {{.name = "scale", .shape = {}, .floats = {0.5f}, .integers = {}},
                           {.name = "zero", .shape = {}, .floats = {0}, .integers = {}},
                           {.name = "bits", .shape = {}, .floats = {1}, .integers = {}}};
  EXPECT_EQ(refusal(document),
            "node Quant \"here\": 1 signed bit, which holds -1 and +1 in QONNX (lathe's integer(width=1, signed=1) "
            "holds -1 and 0): lathe has no such format");
  document.nodes[0].attributes = {{"narrow", std::int64_t{1}}};
  EXPECT_NE(refusal(document), "");
  document.nodes[0].attributes = {{"signed", std::int64_t{0}}};
  EXPECT_EQ(refusal(document), "");
}

TEST(Refusals, OfPaddingAndResizingThatWouldBeReadWrong) {
  const auto image = [](const OnnxNode& what) {
    Document document = one_node(what);
    document.inputs[0].shape = {-1, 1, 4, 4};
    document.inputs[0].symbols = {"batch", "", "", ""};
    document.opsets[""] = 18;
    return document;
  };
  Document document = image(node("Pad", {"x", "pads", "", "axes"}));
  document.initializers = {integers("pads", {0, 0, 0, 0}), integers("axes", {2, 3})};
  EXPECT_EQ(refusal(document), "node Pad \"here\": padding of chosen axes (its fourth input)");
  document = image(node("Resize", {"x", "", "", "sizes"}));
  document.nodes[0].attributes = {{"keep_aspect_ratio_policy", std::string("not_larger")}};
  document.initializers = {integers("sizes", {1, 1, 8, 12})};
  EXPECT_EQ(refusal(document), "node Resize \"here\": a keep_aspect_ratio_policy other than stretch");
}

ImportedModel imported(const Document& document) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  write_document(file, document);
  return import_onnx(file);
}

TEST(Import, EqualSizesCountTheDilation) {
  Document document = one_node(node("Conv", {"x", "w"}));
  document.inputs[0].shape = {-1, 1, 6, 6};
  document.inputs[0].symbols = {"batch", "", "", ""};
  document.outputs[0] = document.inputs[0];
  document.outputs[0].name = "y";
  document.nodes[0].attributes = {{"auto_pad", std::string("SAME_UPPER")}, {"dilations", Shape{2, 2}}};
  document.initializers = {{.name = "w", .shape = {1, 1, 3, 3}, .floats = std::vector<float>(9, 1.0f), .integers = {}}};
  EXPECT_EQ(imported(document).graph.output().output_shape, (Shape{1, 6, 6}));
}

TEST(Import, StoredIntegersWithoutAZeroPointKeepTheirSign) {
  Document document = one_node(node("MatMul", {"x", "w"}));
  OnnxNode stored = node("DequantizeLinear", {"q", "scale"});
  stored.outputs = {"w"};
  document.nodes.insert(document.nodes.begin(), stored);
  document.initializers = {
      {.name = "q", .type = ElementType::kInt8, .shape = {4, 4}, .floats = {}, .integers = Shape(16, -3)},
      {.name = "scale", .shape = {}, .floats = {0.25f}, .integers = {}}};
  const ImportedModel model = imported(document);
  const ir::Parameter& weight = model.graph.nodes[1].parameters.at(0);
  ASSERT_TRUE(weight.format);
  EXPECT_NE(weight.format->to_string().find("signed=1"), std::string::npos) << weight.format->to_string();
  EXPECT_EQ(model.state.at(0).values, std::vector<float>(16, -0.75f));
}

Document many_nodes(int count) {
  Document document = one_node(node("Relu"));
  document.nodes.clear();
  for (int i = 0; i < count; ++i) {
    document.nodes.push_back(node("Relu", {i == 0 ? std::string("x") : fmt::format("v{}", i)}));
    document.nodes.back().outputs = {fmt::format("v{}", i + 1)};
  }
  document.outputs[0].name = fmt::format("v{}", count);
  return document;
}

/// 30,001 nodes of one name took minutes: the tests' time limit is what fails when they do again.
TEST(Import, ManyNodesTakeNoMoreThanTheirNumber) {
  constexpr int kNodes = 9'000;
  const ImportedModel model = imported(many_nodes(kNodes));
  ASSERT_EQ(model.graph.nodes.size(), kNodes + 2u);
  EXPECT_EQ(model.graph.nodes[kNodes].name, fmt::format("relu_{}", kNodes - 1));
  const std::string text = refusal(many_nodes(200'000));  // read, or beyond what networks may have
  EXPECT_TRUE(text.empty() || text.find("nodes") != std::string::npos) << text;
}

/// As many parameters: each is looked for by its name.
TEST(Import, ManyTensorsTakeNoMoreThanTheirNumber) {
  constexpr int kNodes = 9'000;
  Document document = one_node(node("Relu"));
  document.nodes.clear();
  for (int i = 0; i < kNodes; ++i) {
    const std::string weight = fmt::format("layers.{}.weight", i);
    document.nodes.push_back(node("Gemm", {i == 0 ? std::string("x") : fmt::format("v{}", i), weight}));
    document.nodes.back().outputs = {fmt::format("v{}", i + 1)};
    document.initializers.push_back(floats(weight, {4, 4}));
    document.initializers.back().floats[0] = static_cast<float>(i);
  }
  document.outputs[0].name = fmt::format("v{}", kNodes);
  const ImportedModel model = imported(document);
  ASSERT_EQ(model.state.size(), static_cast<std::size_t>(kNodes));
  EXPECT_EQ(model.state.back().name, fmt::format("layers.{}.weight", kNodes - 1));
}

TEST(Damage, FilesThatAreNoModels) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  EXPECT_EQ(error_of(file), file.string() + ": no such file");
  write_text_file_atomically(file, "");
  EXPECT_EQ(error_of(file), file.string() + ": the file has no graph (no ONNX model?)");
  write_text_file_atomically(file, "no model at all");
  EXPECT_EQ(error_of(file), file.string() + ": no valid ONNX file (truncated?)");
  std::string empty_nodes = "\x3a\xe8\x07";  // a graph of 500 nodes of two bytes each, then 499 more such graphs
  for (int i = 0; i < 500; ++i) empty_nodes += std::string("\x0a\x00", 2);
  std::string many;
  for (int i = 0; i < 500; ++i) many += empty_nodes;
  write_text_file_atomically(file, many);
  EXPECT_EQ(error_of(file), fmt::format("{}: 250500 messages in {} bytes: no ONNX model", file.string(), many.size()));
}

/// Protobuf would make an object of 40 bytes of each two bytes.
TEST(Damage, FilesOfEmptyNames) {
  const auto wrapped = [](char key, const std::string& bytes) {
    std::string length;
    for (std::size_t rest = bytes.size(); rest > 0 || length.empty(); rest >>= 7)
      length += static_cast<char>((rest & 127) | (rest > 127 ? 128 : 0));
    return std::string(1, key) + length + bytes;
  };
  std::string inputs;
  for (int i = 0; i < 10'000'001; ++i) inputs += std::string("\x0a\x00", 2);
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  const std::string bytes = wrapped(0x3a, wrapped(0x0a, inputs));
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_EQ(error_of(file), file.string() + ": 10000001 names and other texts; at most 10000000 are read");
}

/// A file whose weight lies outside, written by hand: protobuf's bytes of TensorProto.external_data.
std::string with_external(const std::string& location, const std::string& length) {
  const auto field = [](char key, const std::string& text) {
    return std::string(1, key) + static_cast<char>(text.size()) + text;
  };
  const auto entry = [&](const std::string& key, const std::string& value) {
    return field(0x6a, field(0x0a, key) + field(0x12, value));  // 13: external_data
  };
  const std::string tensor = std::string("\x08\x04\x08\x04\x10\x01", 6) + field(0x42, "w") +
                             entry("location", location) + entry("length", length) + std::string("\x70\x01", 2);
  const std::string gemm = field(0x0a, "x") + field(0x0a, "w") + field(0x12, "y") + field(0x22, "MatMul");
  const auto info = [&](const std::string& name) {
    const std::string dims = field(0x0a, field(0x12, "b")) + field(0x0a, std::string("\x08\x04", 2));
    return field(0x0a, name) + field(0x12, field(0x0a, std::string("\x08\x01", 2) + field(0x12, dims)));
  };
  const std::string graph = field(0x0a, gemm) + field(0x2a, tensor) + field(0x5a, info("x")) + field(0x62, info("y"));
  return std::string("\x08\x08", 2) + std::string("\x3a") + static_cast<char>(graph.size() % 128 + 128) +
         static_cast<char>(graph.size() / 128) + graph + field(0x42, std::string("\x10\x0d", 2));
}

TEST(Damage, ExternalDataStayInTheFolder) {
  const TemporaryFolder folder;
  const fs::path inner = folder.path() / "model", file = inner / "m.onnx";
  fs::create_directories(inner);
  testing::write_floats(inner / "weights", std::vector<float>(16, 0.5f));
  testing::write_floats(folder.path() / "outside", std::vector<float>(16, 0.5f));
  fs::create_symlink(folder.path() / "outside", inner / "link");
  const auto error_with = [&](const std::string& location, const std::string& length) {
    write_text_file_atomically(file, with_external(location, length));
    const std::string text = error_of(file);
    return text.substr(std::min(text.size(), file.string().size() + 2));
  };
  EXPECT_EQ(error_with("weights", "64"), "");
  EXPECT_EQ(error_with("weights", "60"), "tensor w of shape [4, 4] needs 64 bytes; the file has 60");
  const std::string outside = "tensor w: its external file \"{}\" is not in the model's folder";
  for (const std::string location : {"../outside", "/etc/passwd", "link", "a/../../outside", ""})
    EXPECT_EQ(error_with(location, "64"), fmt::format(fmt::runtime(outside), location));
  EXPECT_EQ(error_with("none", "64"),
            fmt::format("tensor w: its external file {} is absent", (inner / "none").string()));
  fs::resize_file(inner / "weights", 40);
  EXPECT_EQ(error_with("weights", "64"),
            fmt::format("tensor w: {} has no 64 bytes from byte 0 on", (inner / "weights").string()));
}

/// Writes without waiting for the disk.
void write_bytes(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

TEST(Damage, EveryCutIsRefused) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  const Model model = testing::op_models().back();
  export_onnx(model.graph, model.state, file);
  testing::forget_our_names(file);  // they stand at the end, where a file may be cut between two of them
  const std::vector<std::byte> whole = read_file(file);
  for (std::size_t length = 0; length < whole.size(); length += 37) {
    write_bytes(file, std::span(whole).first(length));
    EXPECT_NE(error_of(file), "") << length;
  }
}

/// Changes some bytes; three kinds of change that parsers stumble over.
std::vector<std::byte> mutated(std::vector<std::byte> bytes, RandomStream& stream) {
  const auto below = [&](std::size_t limit) {
    return static_cast<std::size_t>(stream.uniform_float() * static_cast<float>(limit)) % limit;
  };
  const std::size_t changes = 1 + below(4);
  for (std::size_t i = 0; i < changes; ++i) {
    const std::size_t at = below(bytes.size());
    const std::size_t kind = below(4);
    if (kind == 0) bytes[at] = static_cast<std::byte>(below(256));
    if (kind == 1) bytes[at] ^= static_cast<std::byte>(1u << below(8));
    if (kind == 2) bytes[at] = std::byte{0xff};
    if (kind == 3) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return bytes;
}

/// Returns the number that an environment variable names (long runs: LATHE_MUTATIONS=100000 LATHE_MUTATION_SEED=7).
int number_of(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

TEST(Damage, MutationsNeverCrashNorTakeMuchMemory) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  std::vector<Model> models = testing::op_models();
  models.push_back(testing::quantised(models[1], 8));
  RandomStream stream(static_cast<std::uint64_t>(number_of("LATHE_MUTATION_SEED", 1)), {}, "mutations");
  const int rounds = number_of("LATHE_MUTATIONS", 2000) / static_cast<int>(models.size());
  int refused = 0, read = 0;
  for (const Model& model : models) {
    export_onnx(model.graph, model.state, file, {.form = ExportForm::kQonnx});
    testing::forget_our_names(file);
    const std::vector<std::byte> whole = read_file(file);
    for (int i = 0; i < rounds; ++i) {
      write_bytes(file, mutated(whole, stream));
      ++(error_of(file).empty() ? read : refused);
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(read, 100);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 3 * 1024 * 1024);  // KiB, the other tests of the process included
}

}  // namespace
}  // namespace lathe::onnx
