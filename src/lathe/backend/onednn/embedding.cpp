#include <fmt/format.h>

#include <algorithm>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/rows.h"
#include "lathe/backend/onednn/threads.h"
#include "lathe/base/error.h"

namespace lathe::backend::onednn {
namespace {

struct Table {
  std::string node;
  std::size_t entries = 0, features = 0;

  std::size_t entry_of(float token) const {
    const auto known = static_cast<float>(entries);
    if (!(token >= 0 && token < known) || token != static_cast<float>(static_cast<std::size_t>(token)))
      throw DataError(
          fmt::format("node {}: {} is no token; it knows the whole numbers from 0 to {}", node, token, entries - 1));
    return static_cast<std::size_t>(token);
  }
};

// Features are shared out among the threads: each adds up in the order of the tokens.
void add_gradients(const Table& table, const Tensor& tokens, const Tensor& gradient, bool fresh, float* sums) {
  if (fresh) std::fill_n(sums, table.entries * table.features, 0.0f);
  in_parallel(table.features, 32, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = 0; i < tokens.stored(); ++i) {
      float* sum = sums + static_cast<std::size_t>(tokens.floats()[i]) * table.features;
      const float* added = gradient.floats() + i * table.features;
      for (std::size_t k = begin; k < end; ++k) sum[k] += added[k];
    }
  });
}

}  // namespace

// Tokens are no values that a gradient could reach.
NodePlan make_embedding(PlanBuilder& builder, std::size_t node) {
  const ir::Node& embedding = builder.graph().nodes[node];
  const Table table{embedding.name, static_cast<std::size_t>(embedding.integer("num_embeddings")),
                    static_cast<std::size_t>(embedding.integer("embedding_dim"))};
  const Parameter& weight = builder.plain_parameter(node, "weight");
  const Tensor tokens = builder.plain(builder.input(node));
  const Tensor target = builder.add_plain(batch_dims(builder.rows(), embedding.output_shape));
  builder.step("embedding", {tokens, target}, [=, entries = weight.effective](const Pass&) {
    for (std::size_t i = 0; i < tokens.stored(); ++i)
      std::copy_n(entries.floats() + table.entry_of(tokens.floats()[i]) * table.features, table.features,
                  target.floats() + i * table.features);
  });
  return {target, [&builder, table, tokens, &weight](const Gradient& incoming) {
            const Tensor gradient = builder.plain(incoming.tensor), home = *weight.gradient;
            builder.step("embedding backward", {tokens, gradient},
                         [=](const Pass& pass) { add_gradients(table, tokens, gradient, pass.fresh, home.floats()); });
          }};
}

NodePlan make_position_embedding(PlanBuilder& builder, std::size_t node) {
  const Parameter& weight = builder.plain_parameter(node, "weight");
  const Tensor source = builder.plain(builder.input(node)), target = builder.add_tensor(source.desc);
  const std::size_t rows = builder.rows(), width = source.stored() / rows;
  builder.step("position embedding", {source, target}, [=, entries = weight.effective](const Pass&) {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t i = 0; i < width; ++i)
        target.floats()[row * width + i] = source.floats()[row * width + i] + entries.floats()[i];
  });
  return {target, [&builder, node, rows, width, &weight](const Gradient& incoming) {
            const Tensor gradient = builder.plain(incoming.tensor), home = *weight.gradient;
            builder.step("position embedding backward", {gradient}, [=](const Pass& pass) {
              if (pass.fresh) std::fill_n(home.floats(), home.stored(), 0.0f);  // positions behind the last token
              sum_rows(gradient.floats(), rows, width, false, home.floats());
            });
            builder.contribute(node, 0, {gradient, incoming.owned || gradient.buffer != incoming.tensor.buffer});
          }};
}

}  // namespace lathe::backend::onednn
