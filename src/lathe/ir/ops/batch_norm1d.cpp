#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t features = node.integer("num_features");
  if (inputs[0].size() != 1)
    throw UserError(fmt::format("batch_norm1d reads [features]; got {}", to_string(inputs[0])));
  if (inputs[0][0] != features)
    throw UserError(fmt::format("num_features = {}, but its input has {} features", features, inputs[0][0]));
  if (!(node.number("eps") > 0)) throw UserError(fmt::format("eps must be above 0; got {}", node.number("eps")));
  const double momentum = node.number("momentum");
  if (!(momentum >= 0 && momentum <= 1)) throw UserError(fmt::format("momentum must be in [0, 1]; got {}", momentum));
  return inputs[0];
}

std::vector<Parameter> parameters(const Node& node, std::span<const Shape>) {
  const Shape shape = {node.integer("num_features")};
  return {{.name = "weight", .shape = shape, .initializer = Initializer::kOnes},
          {.name = "bias", .shape = shape},
          {.name = "running_mean", .shape = shape, .trainable = false},
          {.name = "running_var", .shape = shape, .trainable = false, .initializer = Initializer::kOnes},
          {.name = "num_batches_tracked", .shape = {}, .trainable = false, .integral = true}};
}

OpCost cost(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t flops = 4 * element_count(inputs[0]);
  return {.flops = flops, .backward_flops = flops, .lab_parameters = 2 * node.integer("num_features")};
}

}  // namespace

OpDeclaration batch_norm1d() {
  OpDeclaration op;
  op.name = "batch_norm1d";
  op.module_type = "BatchNorm1d";
  op.description = "batch normalisation per feature, then scale and shift";
  op.attributes = {{"num_features", std::int64_t{0}, true, "width"},
                   {"eps", 1e-5, false, "added to the variance"},
                   {"momentum", 0.1, false, "weight of the new batch in the running statistics"}};
  op.channel_rule = ChannelRule::kFollows;
  op.input_width_attribute = "num_features";
  op.couples_batch = true;
  op.output_shape = output_shape;
  op.parameters = parameters;
  op.cost = cost;
  op.module_text = [](const Node& node) {
    return fmt::format("BatchNorm1d({}, eps={}, momentum={}, affine=True, track_running_stats=True)",
                       node.integer("num_features"), python_number(node.number("eps")),
                       python_number(node.number("momentum")));
  };
  return op;
}

}  // namespace lathe::ir::ops
