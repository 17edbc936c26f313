#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/ops/window.h"

namespace lathe::ir::ops {
namespace {

void check_settings(const Node& node, std::int64_t found, const char* unit) {
  const std::int64_t features = node.integer("num_features");
  if (found != features)
    throw UserError(fmt::format("num_features = {}, but its input has {} {}", features, found, unit));
  if (!(node.number("eps") > 0)) throw UserError(fmt::format("eps must be above 0; got {}", node.number("eps")));
  const double momentum = node.number("momentum");
  if (!(momentum >= 0 && momentum <= 1)) throw UserError(fmt::format("momentum must be in [0, 1]; got {}", momentum));
}

Shape features_shape(const Node& node, std::span<const Shape> inputs) {
  const std::size_t rank = inputs[0].size();
  if (rank != 1 && rank != 2)
    throw UserError(fmt::format("batch_norm1d reads [features] or [channels, length]; got {}", to_string(inputs[0])));
  check_settings(node, inputs[0][0], rank == 1 ? "features" : "channels");
  return inputs[0];
}

Shape image_shape(const Node& node, std::span<const Shape> inputs) {
  check_channels_first(node.op, 2, inputs[0]);
  check_settings(node, inputs[0][0], "channels");
  return inputs[0];
}

std::vector<Parameter> parameters(const Node& node, std::span<const Shape>) {
  Parameter zeros{.name = "bias", .shape = {node.integer("num_features")}, .output_axis = 0, .operand = Operand::kBias};
  Parameter ones = zeros;
  ones.name = "weight";
  ones.operand = Operand::kWeight;
  ones.initializer = Initializer::kOnes;
  Parameter mean = zeros;
  mean.name = "running_mean";
  mean.trainable = false;
  Parameter variance = ones;
  variance.name = "running_var";
  variance.trainable = false;
  return {
      ones, zeros, mean, variance, {.name = "num_batches_tracked", .shape = {}, .trainable = false, .integral = true}};
}

OpCost cost(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t flops = 4 * element_count(inputs[0]);
  return {.flops = flops, .backward_flops = flops, .lab_parameters = 2 * node.integer("num_features")};
}

OpDeclaration batch_norm(std::string name, const std::string& type, std::string description) {
  OpDeclaration op;
  op.name = std::move(name);
  op.module_type = type;
  op.description = std::move(description);
  op.attributes = {{"num_features", std::int64_t{0}, true, "width"},
                   {"eps", 1e-5, false, "added to the variance"},
                   {"momentum", 0.1, false, "weight of the new batch in the running statistics"}};
  op.channel_rule = ChannelRule::kFollows;
  op.channel_axis = ChannelAxis::kFirst;
  op.input_width_attribute = "num_features";
  op.couples_batch = true;
  op.parameters = parameters;
  op.cost = cost;
  op.module_text = [type](const Node& node) {
    return fmt::format("{}({}, eps={}, momentum={}, affine=True, track_running_stats=True)", type,
                       node.integer("num_features"), python_number(node.number("eps")),
                       python_number(node.number("momentum")));
  };
  return op;
}

}  // namespace

OpDeclaration batch_norm1d() {
  OpDeclaration op = batch_norm("batch_norm1d", "BatchNorm1d", "batch normalisation per feature, then scale and shift");
  op.output_shape = features_shape;
  return op;
}

OpDeclaration batch_norm2d() {
  OpDeclaration op =
      batch_norm("batch_norm2d", "BatchNorm2d", "batch normalisation per channel of an image, then scale and shift");
  op.output_shape = image_shape;
  return op;
}

}  // namespace lathe::ir::ops
