#include <cmath>
#include <limits>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/product.h"
#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

using SoftmaxForward = dnnl::softmax_forward;
using SoftmaxBackward = dnnl::softmax_backward;

SoftmaxForward::primitive_desc softmax_desc(const PlanBuilder& builder, const memory::desc& layout) {
  const auto kind = builder.training() ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {{kind, layout, layout.data.ndims - 1}, PlanBuilder::attributes(), processor()};
}

// Adds the backward step of a softmax over the last dimension, in place.
void add_softmax_backward(PlanBuilder& builder, const SoftmaxForward::primitive_desc& forward, const Tensor& output,
                          const Tensor& gradient) {
  const SoftmaxBackward::primitive_desc desc({output.desc, output.desc, output.desc.data.ndims - 1},
                                             PlanBuilder::attributes(), processor(), forward);
  builder.call<SoftmaxBackward>("softmax backward", desc,
                                {{DNNL_ARG_DST, output}, {DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, gradient}});
}

// Products of many small matrices, shared out among the threads.
template <typename Work>
void for_each_matrix(std::size_t count, Work work) {
  in_parallel(count, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) work(i);
  });
}

// [.., rows, inner] x [.., inner, columns], or the second as [.., columns, inner].
struct Products {
  std::size_t count = 0, rows = 0, inner = 0, columns = 0;
  bool transposed = false;
  Tensor left, right, target;

  std::size_t right_step() const { return transposed ? inner : columns; }
  const float* left_at(std::size_t i) const { return left.floats() + i * rows * inner; }
  const float* right_at(std::size_t i) const { return right.floats() + i * inner * columns; }
};

void add_left_gradient(PlanBuilder& builder, std::size_t node, const Products& p, const Tensor& gradient) {
  const Tensor result = builder.add_tensor(p.left.desc);
  builder.step("matmul by left", {gradient, p.right, result}, [=](const Pass&) {
    for_each_matrix(p.count, [&](std::size_t i) {
      multiply(false, !p.transposed, p.rows, p.inner, p.columns, 1, gradient.floats() + i * p.rows * p.columns,
               p.columns, p.right_at(i), p.right_step(), 0, result.floats() + i * p.rows * p.inner, p.inner);
    });
  });
  builder.contribute(node, 0, {result});
}

void add_right_gradient(PlanBuilder& builder, std::size_t node, const Products& p, const Tensor& gradient) {
  const Tensor result = builder.add_tensor(p.right.desc);
  builder.step("matmul by right", {gradient, p.left, result}, [=](const Pass&) {
    for_each_matrix(p.count, [&](std::size_t i) {
      const float* incoming = gradient.floats() + i * p.rows * p.columns;
      float* target = result.floats() + i * p.inner * p.columns;
      if (p.transposed)
        multiply(true, false, p.columns, p.inner, p.rows, 1, incoming, p.columns, p.left_at(i), p.inner, 0, target,
                 p.inner);
      else
        multiply(true, false, p.inner, p.columns, p.rows, 1, p.left_at(i), p.inner, incoming, p.columns, 0, target,
                 p.columns);
    });
  });
  builder.contribute(node, 1, {result});
}

// Scaled dot-product attention, Vaswani et al. 2017 (arXiv:1706.03762), equation 1. Head h has features h * size ..
// (h + 1) * size - 1 of each token; `shares` is softmax(q k^T * scale), [batch, heads, queries, keys].
struct Attention {
  std::size_t batch = 0, heads = 0, queries = 0, keys = 0, size = 0;
  bool causal = false;
  Tensor query, key, value, target, shares;

  std::size_t count() const { return batch * heads; }
  std::size_t step() const { return heads * size; }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(size)); }
  std::size_t query_at(std::size_t i) const { return i / heads * queries * step() + i % heads * size; }
  std::size_t key_at(std::size_t i) const { return i / heads * keys * step() + i % heads * size; }
  std::size_t shares_at(std::size_t i) const { return i * queries * keys; }
};

// A token does not see those behind it.
void hide_later(const Attention& a, float* scores) {
  for (std::size_t query = 0; query < a.queries; ++query)
    for (std::size_t key = query + 1; key < a.keys; ++key)
      scores[query * a.keys + key] = -std::numeric_limits<float>::infinity();
}

void score(const Attention& a, std::size_t i) {
  float* scores = a.shares.floats() + a.shares_at(i);
  multiply(false, true, a.queries, a.keys, a.size, a.scale(), a.query.floats() + a.query_at(i), a.step(),
           a.key.floats() + a.key_at(i), a.step(), 0, scores, a.keys);
  if (a.causal) hide_later(a, scores);
}

void collect(const Attention& a, std::size_t i) {
  multiply(false, false, a.queries, a.size, a.keys, 1, a.shares.floats() + a.shares_at(i), a.keys,
           a.value.floats() + a.key_at(i), a.step(), 0, a.target.floats() + a.query_at(i), a.step());
}

void add_attention_backward(PlanBuilder& builder, std::size_t node, const Attention& a,
                            const SoftmaxForward::primitive_desc& softmax, const Gradient& incoming) {
  const Tensor gradient = builder.plain(incoming.tensor), scores = builder.add_tensor(a.shares.desc);
  const Tensor query = builder.add_tensor(a.query.desc), key = builder.add_tensor(a.key.desc),
               value = builder.add_tensor(a.value.desc);
  builder.step("attention by value", {gradient, a.shares, a.value, scores, value}, [=](const Pass&) {
    for_each_matrix(a.count(), [&](std::size_t i) {
      const float* from = gradient.floats() + a.query_at(i);
      multiply(true, false, a.keys, a.size, a.queries, 1, a.shares.floats() + a.shares_at(i), a.keys, from, a.step(), 0,
               value.floats() + a.key_at(i), a.step());
      multiply(false, true, a.queries, a.keys, a.size, 1, from, a.step(), a.value.floats() + a.key_at(i), a.step(), 0,
               scores.floats() + a.shares_at(i), a.keys);
    });
  });
  add_softmax_backward(builder, softmax, a.shares, scores);
  builder.step("attention by query and key", {scores, a.query, a.key, query, key}, [=](const Pass&) {
    for_each_matrix(a.count(), [&](std::size_t i) {
      const float* from = scores.floats() + a.shares_at(i);
      multiply(false, false, a.queries, a.size, a.keys, a.scale(), from, a.keys, a.key.floats() + a.key_at(i), a.step(),
               0, query.floats() + a.query_at(i), a.step());
      multiply(true, false, a.keys, a.size, a.queries, a.scale(), from, a.keys, a.query.floats() + a.query_at(i),
               a.step(), 0, key.floats() + a.key_at(i), a.step());
    });
  });
  builder.contribute(node, 0, {query});
  builder.contribute(node, 1, {key});
  builder.contribute(node, 2, {value});
}

}  // namespace

NodePlan make_softmax(PlanBuilder& builder, std::size_t node) {
  const Tensor source = builder.plain(builder.input(node)), target = builder.add_tensor(source.desc);
  const SoftmaxForward::primitive_desc forward = softmax_desc(builder, source.desc);
  builder.call<SoftmaxForward>("softmax", forward, {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, target}});
  return {target, [&builder, node, forward, target](const Gradient& incoming) {
            const Tensor gradient = builder.writable(incoming, target.desc);
            add_softmax_backward(builder, forward, target, gradient);
            builder.contribute(node, 0, {gradient});
          }};
}

NodePlan make_matmul(PlanBuilder& builder, std::size_t node) {
  const ir::Node& matmul = builder.graph().nodes[node];
  Products p;
  p.left = builder.plain(builder.input(node, 0));
  p.right = builder.plain(builder.input(node, 1));
  p.target = builder.add_plain(batch_dims(builder.rows(), matmul.output_shape));
  p.transposed = matmul.boolean("transpose_b");
  const memory::dims left = p.left.desc.dims();
  p.rows = static_cast<std::size_t>(left[left.size() - 2]);
  p.inner = static_cast<std::size_t>(left.back());
  p.columns = static_cast<std::size_t>(matmul.output_shape.back());
  p.count = p.target.stored() / (p.rows * p.columns);
  builder.step("matmul", {p.left, p.right, p.target}, [p](const Pass&) {
    for_each_matrix(p.count, [&](std::size_t i) {
      multiply(false, p.transposed, p.rows, p.columns, p.inner, 1, p.left_at(i), p.inner, p.right_at(i), p.right_step(),
               0, p.target.floats() + i * p.rows * p.columns, p.columns);
    });
  });
  return {p.target, [&builder, node, p](const Gradient& incoming) {
            const Tensor gradient = builder.plain(incoming.tensor);
            if (builder.wants_gradient(node, 0)) add_left_gradient(builder, node, p, gradient);
            if (builder.wants_gradient(node, 1)) add_right_gradient(builder, node, p, gradient);
          }};
}

NodePlan make_attention(PlanBuilder& builder, std::size_t node) {
  const ir::Node& attention = builder.graph().nodes[node];
  Attention a;
  a.query = builder.plain(builder.input(node, 0));
  a.key = builder.plain(builder.input(node, 1));
  a.value = builder.plain(builder.input(node, 2));
  a.target = builder.add_tensor(a.query.desc);
  a.batch = builder.rows();
  a.heads = static_cast<std::size_t>(attention.integer("num_heads"));
  a.queries = static_cast<std::size_t>(a.query.desc.dims()[1]);
  a.keys = static_cast<std::size_t>(a.key.desc.dims()[1]);
  a.size = static_cast<std::size_t>(a.query.desc.dims()[2]) / a.heads;
  a.causal = attention.boolean("causal");
  const auto length = [](std::size_t size) { return static_cast<memory::dim>(size); };
  a.shares = builder.add_plain({length(a.batch), length(a.heads), length(a.queries), length(a.keys)});
  builder.step("attention scores", {a.query, a.key, a.shares},
               [a](const Pass&) { for_each_matrix(a.count(), [&](std::size_t i) { score(a, i); }); });
  const SoftmaxForward::primitive_desc softmax = softmax_desc(builder, a.shares.desc);
  builder.call<SoftmaxForward>("softmax", softmax, {{DNNL_ARG_SRC, a.shares}, {DNNL_ARG_DST, a.shares}});
  builder.step("attention", {a.shares, a.value, a.target},
               [a](const Pass&) { for_each_matrix(a.count(), [&](std::size_t i) { collect(a, i); }); });
  return {a.target, [&builder, node, a, softmax](const Gradient& gradient) {
            add_attention_backward(builder, node, a, softmax, gradient);
          }};
}

}  // namespace lathe::backend::onednn
