#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lathe/base/shape.h"

/// An ONNX file as plain values: what the importer reads and the exporter writes. Protobuf stays in read_document.cpp
/// and write_document.cpp. The format: https://github.com/onnx/onnx/blob/main/docs/IR.md
namespace lathe::onnx {

/// Lists the element types that are read; the numbers are those of TensorProto.DataType.
enum class ElementType {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

/// Tells whether values of a type are kept in Tensor::floats.
bool is_floating(ElementType type);

/// Holds a tensor of a file, row-major; one of the first two lists has element_count(shape) values.
struct Tensor {
  std::string name;
  ElementType type = ElementType::kFloat;
  Shape shape;
  std::vector<float> floats;           ///< of floating types; float64 is rounded
  std::vector<std::int64_t> integers;  ///< of all others
  std::vector<double> doubles = {};    ///< float64 alone, beside `floats`: as stored
};

using AttributeValue =
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, Tensor>;

struct Attribute {
  std::string name;
  AttributeValue value;
};

/// Holds one node of a file. An input that is left out has an empty name.
struct OnnxNode {
  std::string name, op, domain;
  std::vector<std::string> inputs, outputs;
  std::vector<Attribute> attributes;

  const AttributeValue* find(std::string_view attribute) const;
  /// Returns an attribute; `otherwise` where it is absent. Throws DataError when it has another type.
  std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  float number(std::string_view attribute, float otherwise) const;
  std::string text(std::string_view attribute, const std::string& otherwise) const;
  std::vector<std::int64_t> integers(std::string_view attribute, const std::vector<std::int64_t>& otherwise) const;
  /// Returns the name of an input; empty where it is left out.
  const std::string& input(std::size_t index) const;
  /// Prints `Conv "/features/Conv"` for messages.
  std::string label() const;
};

/// Describes an input or output of the graph. An extent of -1 is symbolic: its name is in `symbols`.
struct ValueInfo {
  std::string name;
  ElementType type = ElementType::kFloat;
  Shape shape;
  std::vector<std::string> symbols = {};
};

struct Document {
  std::int64_t ir_version = 0;
  std::string producer_name, producer_version, graph_name;
  std::map<std::string, std::int64_t> opsets;  ///< domain ("" is ONNX's own) -> version
  std::vector<OnnxNode> nodes;                 ///< in the file's order
  std::vector<Tensor> initializers;
  std::vector<ValueInfo> inputs, outputs;
  std::map<std::string, std::string> metadata;
};

/// Reads an ONNX file (at most 2 GiB). Tensors in external files are read where these lie in the model's folder or
/// below. Throws DataError: no such file, no ONNX file, truncated, tensors whose data do not fit their shape, an
/// external file outside the folder, absent or too short. Every size is checked against the bytes that are there
/// before memory is taken.
Document read_document(const std::filesystem::path& path);

/// Writes an ONNX file, atomically. Throws SystemError; UnsupportedError above protobuf's 2 GiB.
void write_document(const std::filesystem::path& path, const Document& document);

}  // namespace lathe::onnx
