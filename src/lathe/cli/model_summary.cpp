#include "lathe/cli/model_summary.h"

#include <fmt/format.h>

#include "lathe/ir/op.h"

namespace lathe::cli {
namespace {

std::int64_t value_count(const ir::Node& node, bool trainable) {
  std::int64_t count = 0;
  for (const ir::Parameter& parameter : node.parameters)
    if (parameter.trainable == trainable) count += element_count(parameter.shape);
  return count;
}

std::string module_text(const ir::Node& node) {
  const ir::OpDeclaration& op = ir::op_of(node);
  return op.module_text ? op.module_text(node) : op.name;
}

}  // namespace

std::string model_summary(const ir::Graph& graph, const report::TableStyle& style) {
  using enum report::Alignment;
  report::Table table({{"node", kLeft}, {"layer", kLeft, 12}, {"parameters", kRight, 0}});
  std::int64_t trainable = 0, other = 0;
  for (const ir::Node& node : graph.nodes) {
    trainable += value_count(node, true);
    other += value_count(node, false);
    if (&node != &graph.input() && &node != &graph.output())
      table.add_row({node.name, module_text(node), report::count_text(value_count(node, true))});
  }
  const double megabytes = 4e-6 * static_cast<double>(trainable + other);
  return fmt::format(
      "\nNetwork {}\n{}\n{:>12} trainable parameters\n{:>12} non-trainable values (running statistics)\n"
      "{:>12} in all, {:.3f} MB\n",
      graph.name, table.to_string(style), report::count_text(trainable), report::count_text(other),
      report::count_text(trainable + other), megabytes);
}

}  // namespace lathe::cli
