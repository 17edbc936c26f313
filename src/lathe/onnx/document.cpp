#include "lathe/onnx/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::onnx {
namespace {

template <typename Type>
Type typed(const OnnxNode& node, std::string_view attribute, const Type& otherwise) {
  const AttributeValue* value = node.find(attribute);
  if (value == nullptr) return otherwise;
  if (const Type* found = std::get_if<Type>(value)) return *found;
  throw DataError(fmt::format("{}: the attribute {} has an unexpected type", node.label(), attribute));
}

}  // namespace

bool is_floating(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kFloat16 || type == ElementType::kDouble ||
         type == ElementType::kBfloat16;
}

const AttributeValue* OnnxNode::find(std::string_view attribute) const {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.name == attribute; });
  return found == attributes.end() ? nullptr : &found->value;
}

std::int64_t OnnxNode::integer(std::string_view attribute, std::int64_t otherwise) const {
  return typed(*this, attribute, otherwise);
}

float OnnxNode::number(std::string_view attribute, float otherwise) const { return typed(*this, attribute, otherwise); }

std::string OnnxNode::text(std::string_view attribute, const std::string& otherwise) const {
  return typed(*this, attribute, otherwise);
}

std::vector<std::int64_t> OnnxNode::integers(std::string_view attribute,
                                             const std::vector<std::int64_t>& otherwise) const {
  return typed(*this, attribute, otherwise);
}

const std::string& OnnxNode::input(std::size_t index) const {
  static const std::string kNone;
  return index < inputs.size() ? inputs[index] : kNone;
}

std::string OnnxNode::label() const {
  const std::string& shown = !name.empty() ? name : (outputs.empty() ? name : outputs.front());
  return fmt::format("{} \"{}\"", op, shown);
}

}  // namespace lathe::onnx
