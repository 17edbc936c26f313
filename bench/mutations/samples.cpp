#include "samples.h"

#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/export.h"
#include "onnx/op_graphs.h"
#include "temporary_path.h"

namespace lathe::mutations {
namespace {

namespace fs = std::filesystem;
using onnx::ElementType;
using onnx::OnnxNode;
using onnx::Tensor;

OnnxNode node(const std::string& op, std::vector<std::string> inputs, const std::string& output,
              std::vector<onnx::Attribute> attributes = {}) {
  return {output + "/node", op, "", std::move(inputs), {output}, std::move(attributes)};
}

Tensor integers(const std::string& name, std::vector<std::int64_t> values) {
  return {.name = name,
          .type = ElementType::kInt64,
          .shape = {static_cast<std::int64_t>(values.size())},
          .floats = {},
          .integers = std::move(values)};
}

Tensor floats(const std::string& name, Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.25f * static_cast<float>(i % 7) - 0.5f;
  return {.name = name, .shape = std::move(shape), .floats = std::move(values), .integers = {}};
}

// A network as exporters write it: the batch size read from the input, flattened by a computed shape, weights cut out
// of larger ones, names handed on.
onnx::Document computed_shapes() {
  onnx::Document document;
  document.ir_version = 8;
  document.graph_name = "g";
  document.opsets[""] = 11;
  document.inputs = {{.name = "x", .shape = {-1, 2, 4, 4}, .symbols = {"batch", "", "", ""}}};
  document.outputs = {{.name = "y", .shape = {-1, 5}, .symbols = {"batch", ""}}};
  document.initializers = {integers("first", {0}),     integers("rest", {-1}),   integers("starts", {0, 0}),
                           integers("ends", {32, 10}), integers("axes", {0, 1}), integers("steps", {1, 2}),
                           floats("large", {40, 12}),  floats("bias", {5}),      integers("five", {5}),
                           integers("one", {1}),       floats("scale", {1}),     floats("unused", {3, 2})};
  document.nodes = {node("Shape", {"x"}, "shape"),
                    node("Gather", {"shape", "first"}, "batch", {{"axis", std::int64_t{0}}}),
                    node("Concat", {"batch", "rest"}, "flat", {{"axis", std::int64_t{0}}}),
                    node("Reshape", {"x", "flat"}, "rows"),
                    node("Constant", {}, "two", {{"value", integers("", {2})}}),
                    node("Add", {"steps", "one"}, "longer"),
                    node("Mul", {"steps", "one"}, "same"),
                    node("Slice", {"large", "starts", "ends", "axes", "same"}, "cut"),
                    node("Identity", {"cut"}, "weights"),
                    node("MatMul", {"rows", "weights"}, "product"),
                    node("Add", {"product", "bias"}, "sum"),
                    node("Dropout", {"sum"}, "kept"),
                    node("Identity", {"kept"}, "y")};
  return document;
}

std::string bytes_of(const onnx::Document& document) {
  const TemporaryPath place;
  onnx::write_document(place.path, document);
  return read_text_file(place.path);
}

// Fields of protobuf, short ones: what no writer here writes.
std::string field(int number, const std::string& text) {
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(text.size()) + text;
}
std::string varint(int number, int value) {
  return std::string(1, static_cast<char>(number << 3)) + static_cast<char>(value);
}

std::string tensor_field(int type, int count, const std::string& name, const std::string& values) {
  return field(5, varint(1, count) + varint(2, type) + field(8, name) + values);  // GraphProto.initializer
}

// Constants of every type, as lists of numbers and as bytes, and one in a file beside the network.
std::string constants() {
  const std::string two_floats("\0\0\x80\x3f\0\0\0\x40", 8), two_doubles("\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40", 16);
  std::string graph = tensor_field(1, 2, "f", field(4, two_floats)) + tensor_field(11, 2, "d", field(10, two_doubles)) +
                      tensor_field(7, 2, "l", field(7, "\x05\x06")) + tensor_field(13, 2, "u", field(11, "\x05\x06"));
  for (const int type : {2, 3, 4, 5, 6, 9, 10, 16})  // in int32_data
    graph += tensor_field(type, 2, "i" + std::to_string(type), field(5, std::string("\x01\0", 2)));
  graph += tensor_field(12, 2, "u32", field(11, "\x05\x06"));
  for (const auto& [type, bytes] : std::vector<std::pair<int, std::size_t>>{
           {2, 1}, {3, 1}, {9, 1}, {4, 2}, {5, 2}, {10, 2}, {16, 2}, {6, 4}, {12, 4}, {7, 8}, {11, 8}, {13, 8}})
    graph += tensor_field(type, 2, "r" + std::to_string(type), field(9, std::string(2 * bytes, '\x01')));
  const auto entry = [](const std::string& key, const std::string& value) {
    return field(13, field(1, key) + field(2, value));
  };
  graph += field(5, varint(1, 4) + varint(1, 4) + varint(2, 1) + field(8, "w") + entry("location", kExternalFile) +
                        entry("offset", "0") + entry("length", "64") + varint(14, 1));
  const auto info = [&](const std::string& name) {
    const std::string dimensions = field(1, field(2, "b")) + field(1, varint(1, 4));
    return field(1, name) + field(2, field(1, varint(1, 1) + field(2, dimensions)));
  };
  graph += field(1, field(1, "x") + field(1, "w") + field(2, "y") + field(4, "MatMul"));
  graph += field(11, info("x")) + field(12, info("y"));
  std::string model = varint(1, 8) + std::string(1, static_cast<char>(7 << 3 | 2));
  model += static_cast<char>(graph.size() % 128 + 128);
  model += static_cast<char>(graph.size() / 128);
  return model + graph + field(8, varint(2, 13));
}

}  // namespace

std::vector<std::string> onnx_samples() {
  std::vector<std::string> samples{bytes_of(computed_shapes()), constants()};
  const TemporaryPath place;
  for (const onnx::testing::Model& model : onnx::testing::op_models()) {
    onnx::export_onnx(model.graph, model.state, place.path, {});
    samples.push_back(read_text_file(place.path));
  }
  return samples;
}

std::vector<std::string> table_documents(const std::string& document) {
  auto dependent = nlohmann::ordered_json::parse(document);
  auto& parameters = dependent["parameters"];
  parameters[1]["exists_where"] = {{"parameter", parameters[0]["name"]}, {"codes", {0, 1, 2}}};
  auto others = dependent;
  others["parameters"][0] = {{"name", "a"}, {"type", "integer"}, {"low", 1}, {"high", 3}, {"step", 1}, {"log", false}};
  others["parameters"][1] = {{"name", "b"}, {"type", "float"}, {"low", 0.5}, {"high", 1.0}, {"step", 0.5}};
  others["parameters"][2]["choices"] = {true, nullptr};
  return {document, dependent.dump(1), others.dump(1)};
}

}  // namespace lathe::mutations
