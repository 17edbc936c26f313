#include <cmath>

#include "lathe/backend/ref/kernel.h"
#include "lathe/backend/ref/softmax.h"

namespace lathe::backend::ref {
namespace {

// Scaled dot-product attention, Vaswani et al. 2017 (arXiv:1706.03762), equation 1, for each head of each row. Head h
// has features h * size .. (h + 1) * size - 1 of each token.
struct Attention {
  std::size_t queries, keys, features, heads, size;
  bool causal;
  double scale;

  explicit Attention(const NodeState& state)
      : queries(static_cast<std::size_t>(state.in_shapes[0][0])),
        keys(static_cast<std::size_t>(state.in_shapes[1][0])),
        features(static_cast<std::size_t>(state.in_shapes[0][1])),
        heads(static_cast<std::size_t>(state.node->integer("num_heads"))),
        size(features / heads),
        causal(state.node->boolean("causal")),
        scale(1 / std::sqrt(static_cast<double>(size))) {}

  // The keys that query `query` may look at are the first ones.
  std::size_t seen_by(std::size_t query) const { return causal ? query + 1 : keys; }
  std::size_t query_at(std::size_t row, std::size_t head, std::size_t query) const {
    return (row * queries + query) * features + head * size;
  }
  std::size_t key_at(std::size_t row, std::size_t head, std::size_t key) const {
    return (row * keys + key) * features + head * size;
  }
  // Calls `visit(row, head, query)` for every row of every attention matrix.
  template <typename Visit>
  void for_each_query(std::size_t rows, Visit visit) const {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t head = 0; head < heads; ++head)
        for (std::size_t query = 0; query < queries; ++query) visit(row, head, query);
  }
};

double dot(std::span<const double> a, std::size_t at_a, std::span<const double> b, std::size_t at_b, std::size_t size) {
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += a[at_a + i] * b[at_b + i];
  return sum;
}

std::vector<double> shares_of(const Attention& attention, Inputs inputs, std::size_t row, std::size_t head,
                              std::size_t query) {
  std::vector<double> shares(attention.seen_by(query));
  const std::size_t q = attention.query_at(row, head, query);
  for (std::size_t key = 0; key < shares.size(); ++key)
    shares[key] = attention.scale * dot(inputs[0], q, inputs[1], attention.key_at(row, head, key), attention.size);
  apply_softmax(shares);
  return shares;
}

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const Attention attention(state);
  for (double& value : output) value = 0;
  attention.for_each_query(pass.rows, [&](std::size_t row, std::size_t head, std::size_t query) {
    const std::vector<double> shares = shares_of(attention, inputs, row, head, query);
    const std::size_t out = attention.query_at(row, head, query);
    for (std::size_t key = 0; key < shares.size(); ++key)
      for (std::size_t i = 0; i < attention.size; ++i)
        output[out + i] += shares[key] * inputs[2][attention.key_at(row, head, key) + i];
  });
}

void backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const Attention attention(state);
  attention.for_each_query(pass.rows, [&](std::size_t row, std::size_t head, std::size_t query) {
    const std::vector<double> shares = shares_of(attention, inputs, row, head, query);
    const std::size_t q = attention.query_at(row, head, query);
    std::vector<double> gradient(shares.size());  // of the shares, then of the products q k
    for (std::size_t key = 0; key < shares.size(); ++key) {
      const std::size_t v = attention.key_at(row, head, key);
      gradient[key] = dot(output_gradient, q, inputs[2], v, attention.size);
      for (std::size_t i = 0; i < attention.size; ++i)
        input_gradients[2][v + i] += shares[key] * output_gradient[q + i];
    }
    apply_softmax_gradient(shares, gradient);
    for (std::size_t key = 0; key < shares.size(); ++key) {
      const std::size_t k = attention.key_at(row, head, key);
      for (std::size_t i = 0; i < attention.size; ++i) {
        input_gradients[0][q + i] += attention.scale * gradient[key] * inputs[1][k + i];
        input_gradients[1][k + i] += attention.scale * gradient[key] * inputs[0][q + i];
      }
    }
  });
}

}  // namespace

Kernel attention_kernel() {
  return {.op = "attention", .forward = forward, .backward = backward, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
