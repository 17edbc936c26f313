#include "lathe/ir/size_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "lathe/base/error.h"

namespace lathe::ir {
namespace {

void check_number(const std::string& name, std::int64_t number) {
  if (number >= -kWidestLayer && number <= kWidestLayer) return;
  throw UserError(fmt::format("{} = {} is beyond the widest layer, {}", name, number, kWidestLayer));
}

/// Multiplies extents as long as the product stays within `most`; -1 beyond it.
std::int64_t product_within(const Shape& extents, std::int64_t most) {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents) {
    if (extent <= 0) return 0;
    if (product > most / extent) return -1;
    product *= extent;
  }
  return product;
}

[[noreturn]] void too_large(const std::string& what, const Shape& shape, std::int64_t most) {
  throw UserError(fmt::format("{} of shape {} is too large: at most {} values", what, to_string(shape), most));
}

/// Leaves out what stands for "as it comes": zeros and -1.
Shape positive(const Shape& list) {
  Shape numbers;
  std::copy_if(list.begin(), list.end(), std::back_inserter(numbers), [](std::int64_t number) { return number > 0; });
  return numbers;
}

}  // namespace

void check_attribute_sizes(const Node& node) {
  for (const Attribute& attribute : node.attributes) {
    if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) check_number(attribute.name, *number);
    const auto* list = std::get_if<Shape>(&attribute.value);
    if (list == nullptr) continue;
    for (const std::int64_t number : *list) check_number(attribute.name, number);
    if (product_within(positive(*list), kMostValues) < 0)
      throw UserError(fmt::format("{} = {} is too large: its product is more than {}", attribute.name, to_string(*list),
                                  kMostValues));
  }
}

void check_tensor_sizes(const Node& node) {
  for (const std::int64_t extent : node.output_shape)
    if (extent < 1) throw UserError(fmt::format("its value of shape {} is empty", to_string(node.output_shape)));
  if (product_within(node.output_shape, kMostValues) < 0) too_large("its value", node.output_shape, kMostValues);
  for (const Parameter& parameter : node.parameters)
    if (product_within(parameter.shape, kMostWeights) < 0) too_large(parameter.name, parameter.shape, kMostWeights);
}

void check_total_size(const Graph& graph) {
  if (graph.nodes.size() > kMostNodes)
    throw UserError(fmt::format("a network has at most {} nodes; got {}", kMostNodes, graph.nodes.size()));
  std::int64_t values = 0, weights = 0;
  for (const Node& node : graph.nodes) {
    values += element_count(node.output_shape);
    for (const Parameter& parameter : node.parameters) weights += element_count(parameter.shape);
    if (values > kMostValues)
      throw UserError(fmt::format("the network is too large: its values of one row are more than {}", kMostValues));
    if (weights > kMostWeights)
      throw UserError(fmt::format("the network is too large: its weights are more than {}", kMostWeights));
  }
}

std::int64_t counted_product(std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors)
    if (__builtin_mul_overflow(product, factor, &product)) throw UserError("too large to be counted: more than 2^63");
  return product;
}

void add_count(std::int64_t count, std::int64_t& sum) {
  if (__builtin_add_overflow(sum, count, &sum)) throw UserError("too large to be counted: more than 2^63");
}

}  // namespace lathe::ir
