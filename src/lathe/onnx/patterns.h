#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/onnx/graph_reader.h"

/// How patterns are recognised: by going back from a node over what computes its inputs.
namespace lathe::onnx {

/// Holds a product: a number times values that are no numbers.
struct Product {
  double factor = 1;
  std::vector<std::string> values;
};

/// Takes a value apart into factors, through Mul and Div that no op of ours stands for. Nullopt for long products.
std::optional<Product> product_of(const GraphReader& reader, const std::string& name);

/// Returns the node that computes a value when it is of the op; null otherwise.
const OnnxNode* made_by(const GraphReader& reader, const std::string& name, std::string_view op);

/// Returns the other input where one of two is the number `constant` (nearly); nullopt otherwise.
std::optional<std::string> other_operand(const GraphReader& reader, const OnnxNode& node, double constant);

}  // namespace lathe::onnx
