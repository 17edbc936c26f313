#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

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

TEST(Refusals, OfScalesThatAreNoPowersOfTwo) {
  Document document = one_node(node("Quant", {"x", "scale", "zero", "bits"}));
  document.nodes[0].domain = "qonnx.custom_op.general";
  document.initializers = {{.name = "scale", .shape = {}, .floats = {0.3f}, .integers = {}},
                           {.name = "zero", .shape = {}, .floats = {0}, .integers = {}},
                           {.name = "bits", .shape = {}, .floats = {8}, .integers = {}}};
  EXPECT_EQ(refusal(document),
            "node Quant \"here\": the scale 0.30000001192092896 is no power of two; lathe's fixed point "
            "needs one");
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
  document.initializers = {
      {.name = "w", .shape = {1, 1, 3, 3}, .floats = std::vector<float>(9, 1.0f), .integers = {}}};
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

TEST(Damage, MutationsNeverCrashNorTakeMuchMemory) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  std::vector<Model> models = testing::op_models();
  models.push_back(testing::quantised(models[1], 8));
  RandomStream stream(1, {}, "mutations");
  int refused = 0, read = 0;
  for (const Model& model : models) {
    export_onnx(model.graph, model.state, file, {.form = ExportForm::kQonnx});
    testing::forget_our_names(file);
    const std::vector<std::byte> whole = read_file(file);
    for (int i = 0; i < 400; ++i) {
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
