#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

/// One table of rows: [rows, features], normal.
std::vector<Parameter> table(std::int64_t rows, std::int64_t features) {
  return {{.name = "weight",
           .shape = {rows, features},
           .initializer = Initializer::kNormal,
           .output_axis = 1,
           .operand = Operand::kWeight}};
}

Shape embedding_shape(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t rows = node.integer("num_embeddings");
  const std::int64_t features = node.integer("embedding_dim");
  if (rows < 1 || features < 1)
    throw UserError(fmt::format("num_embeddings and embedding_dim must be at least 1; got {} and {}", rows, features));
  if (inputs[0].size() != 1)
    throw UserError(fmt::format("embedding reads [tokens], whole numbers; got {}", to_string(inputs[0])));
  return {inputs[0][0], features};
}

Shape position_shape(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t positions = node.integer("positions");
  const std::int64_t features = node.integer("features");
  if (inputs[0].size() != 2)
    throw UserError(fmt::format("position_embedding reads [tokens, features]; got {}", to_string(inputs[0])));
  if (inputs[0][1] != features)
    throw UserError(fmt::format("features = {}, but its input has {} features", features, inputs[0][1]));
  if (inputs[0][0] > positions)
    throw UserError(fmt::format("positions = {}, but its input has {} tokens", positions, inputs[0][0]));
  return inputs[0];
}

}  // namespace

OpDeclaration embedding() {
  OpDeclaration op = elementwise("embedding", "Embedding", "the rows of a table that whole numbers name", 0);
  op.attributes = {{"num_embeddings", std::int64_t{0}, true, "rows of the table: the tokens that there are"},
                   {"embedding_dim", std::int64_t{0}, true, "width"}};
  op.channel_rule = ChannelRule::kProduces;
  op.channel_axis = ChannelAxis::kLast;
  op.output_width_attribute = "embedding_dim";
  op.output_shape = embedding_shape;
  op.parameters = [](const Node& node, std::span<const Shape>) {
    return table(node.integer("num_embeddings"), node.integer("embedding_dim"));
  };
  op.cost = [](const Node& node, std::span<const Shape> inputs) {
    return OpCost{.lab_parameters = node.integer("embedding_dim") * element_count(inputs[0])};
  };
  op.module_text = [](const Node& node) {
    return fmt::format("Embedding({}, {})", node.integer("num_embeddings"), node.integer("embedding_dim"));
  };
  return op;
}

OpDeclaration position_embedding() {
  OpDeclaration op = elementwise("position_embedding", "PositionEmbedding",
                                 "adds to every token a row of its own, by its position", 1);
  op.attributes = {{"positions", std::int64_t{0}, true, "rows: the most tokens that there may be"},
                   {"features", std::int64_t{0}, true, "width"}};
  op.channel_rule = ChannelRule::kFollows;
  op.channel_axis = ChannelAxis::kLast;
  op.input_width_attribute = "features";
  op.output_shape = position_shape;
  op.parameters = [](const Node& node, std::span<const Shape>) {
    return table(node.integer("positions"), node.integer("features"));
  };
  op.module_text = [](const Node& node) {
    return fmt::format("PositionEmbedding({}, {})", node.integer("positions"), node.integer("features"));
  };
  return op;
}

}  // namespace lathe::ir::ops
