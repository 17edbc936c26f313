#include "lathe/onnx/converters.h"

#include <algorithm>

namespace lathe::onnx {
namespace {

std::vector<const Converters*> tables() {
  return {&layer_converters(), &activation_converters(), &pool_converters(),
          &shape_converters(), &product_converters(),    &quant_converters()};
}

}  // namespace

Converter find_converter(const OnnxNode& node) {
  for (const Converters* table : tables())
    if (const auto found = table->find(node.op); found != table->end()) return found->second;
  return nullptr;
}

std::vector<std::string> readable_ops() {
  std::vector<std::string> names;
  for (const Converters* table : tables())
    for (const auto& [name, converter] : *table) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace lathe::onnx
