#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <limits>
#include <span>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/onnx/document.h"

namespace lathe::onnx {
namespace {

constexpr std::size_t kMaximumBytes = std::numeric_limits<std::int32_t>::max();

template <typename Stored>
std::string packed(const std::vector<std::int64_t>& values) {
  std::string bytes(values.size() * sizeof(Stored), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto stored = static_cast<Stored>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &stored, sizeof(Stored));
  }
  return bytes;
}

std::string raw_bytes(const Tensor& tensor) {
  switch (tensor.type) {
    case ElementType::kFloat:
      return {reinterpret_cast<const char*>(tensor.floats.data()), tensor.floats.size() * sizeof(float)};
    case ElementType::kDouble:
      return {reinterpret_cast<const char*>(tensor.doubles.data()), tensor.doubles.size() * sizeof(double)};
    case ElementType::kInt64: return packed<std::int64_t>(tensor.integers);
    case ElementType::kInt32: return packed<std::int32_t>(tensor.integers);
    case ElementType::kInt8: return packed<std::int8_t>(tensor.integers);
    case ElementType::kUint8:
    case ElementType::kBool: return packed<std::uint8_t>(tensor.integers);
    default: throw InternalError(fmt::format("tensor {}: this element type is never written", tensor.name));
  }
}

void fill(const Tensor& tensor, ::onnx::TensorProto& proto) {
  proto.set_name(tensor.name);
  proto.set_data_type(static_cast<int>(tensor.type));
  for (const std::int64_t extent : tensor.shape) proto.add_dims(extent);
  proto.set_raw_data(raw_bytes(tensor));
}

/// Sets an attribute by the type of its value.
struct AttributeWriter {
  ::onnx::AttributeProto& proto;

  void operator()(std::int64_t value) const {
    proto.set_type(::onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(float value) const {
    proto.set_type(::onnx::AttributeProto::FLOAT);
    proto.set_f(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(::onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    proto.set_type(::onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    proto.set_type(::onnx::AttributeProto::FLOATS);
    for (const float value : values) proto.add_floats(value);
  }
  void operator()(const Tensor& value) const {
    proto.set_type(::onnx::AttributeProto::TENSOR);
    fill(value, *proto.mutable_t());
  }
};

void fill(const OnnxNode& node, ::onnx::NodeProto& proto) {
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  proto.set_domain(node.domain);
  for (const std::string& input : node.inputs) proto.add_input(input);
  for (const std::string& output : node.outputs) proto.add_output(output);
  for (const Attribute& attribute : node.attributes) {
    auto& attribute_proto = *proto.add_attribute();
    attribute_proto.set_name(attribute.name);
    std::visit(AttributeWriter{attribute_proto}, attribute.value);
  }
}

void fill(const ValueInfo& info, ::onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(static_cast<int>(info.type));
  for (std::size_t i = 0; i < info.shape.size(); ++i) {
    auto& dimension = *type.mutable_shape()->add_dim();
    if (info.shape[i] >= 0)
      dimension.set_dim_value(info.shape[i]);
    else
      dimension.set_dim_param(info.symbols[i]);
  }
}

void fill(const Document& document, ::onnx::ModelProto& model) {
  model.set_ir_version(document.ir_version);
  model.set_producer_name(document.producer_name);
  model.set_producer_version(document.producer_version);
  for (const auto& [domain, version] : document.opsets) {
    auto& opset = *model.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
  }
  for (const auto& [key, value] : document.metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  ::onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name(document.graph_name);
  for (const OnnxNode& node : document.nodes) fill(node, *graph.add_node());
  for (const Tensor& tensor : document.initializers) fill(tensor, *graph.add_initializer());
  for (const ValueInfo& info : document.inputs) fill(info, *graph.add_input());
  for (const ValueInfo& info : document.outputs) fill(info, *graph.add_output());
}

}  // namespace

void write_document(const std::filesystem::path& path, const Document& document) {
  ::onnx::ModelProto model;
  fill(document, model);
  if (model.ByteSizeLong() > kMaximumBytes)
    throw UnsupportedError(fmt::format("{}: an ONNX file has at most 2 GiB, this network needs {} bytes", path.string(),
                                       model.ByteSizeLong()));
  const std::string bytes = model.SerializeAsString();
  write_file_atomically(path, std::as_bytes(std::span(bytes)));
}

}  // namespace lathe::onnx
