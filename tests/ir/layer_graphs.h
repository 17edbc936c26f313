#pragma once

#include <string>
#include <vector>

#include "lathe/ir/graph.h"

/// Small networks with the ways in which channels go: images, residual sums, concatenation, depthwise and grouped
/// convolutions, text.
namespace lathe::ir::test {

/// Adds layers to a graph with few words.
class Layers {
 public:
  Layers(const std::string& name, Shape input) : builder_(name, std::move(input)) {}

  std::size_t conv(const std::string& path, std::int64_t in, std::int64_t out, std::int64_t kernel = 3,
                   std::int64_t groups = 1, std::vector<std::size_t> inputs = {}) {
    return builder_.add("conv2d", path,
                        {{"in_channels", in},
                         {"out_channels", out},
                         {"kernel_size", kernel},
                         {"padding", kernel / 2},
                         {"groups", groups}},
                        std::move(inputs));
  }
  std::size_t norm(const std::string& path, std::int64_t width) {
    return builder_.add("batch_norm2d", path, {{"num_features", width}});
  }
  std::size_t linear(const std::string& path, std::int64_t in, std::int64_t out, std::vector<std::size_t> inputs = {}) {
    return builder_.add("linear", path, {{"in_features", in}, {"out_features", out}}, std::move(inputs));
  }
  std::size_t add(const std::string& op, std::vector<std::size_t> inputs = {}, std::vector<Attribute> attributes = {}) {
    return builder_.add(op, "", std::move(attributes), std::move(inputs));
  }
  Graph finish() { return std::move(builder_).finish(); }

 private:
  GraphBuilder builder_;
};

/// Two convolutions with norms, a pool, then 2 x 2 planes flattened into two linear layers.
inline Graph vgg_like(std::int64_t a = 6, std::int64_t b = 8, std::int64_t c = 10) {
  Layers net("vgg", {3, 4, 4});
  net.conv("a", 3, a);
  net.norm("a_norm", a);
  net.add("relu");
  net.conv("b", a, b);
  net.norm("b_norm", b);
  net.add("relu");
  net.add("max_pool2d", {}, {{"kernel_size", std::int64_t{2}}});
  net.add("flatten");
  net.linear("c", 4 * b, c);
  net.add("relu");
  net.linear("d", c, 5);
  return net.finish();
}

/// ResNet's basic block with a convolution on the shortcut: conv2 and down have one width.
inline Graph residual_block(std::int64_t stem = 6, std::int64_t inner = 8, std::int64_t outer = 10) {
  Layers net("residual", {3, 4, 4});
  net.conv("stem", 3, stem);
  net.norm("stem_norm", stem);
  const std::size_t start = net.add("relu");
  net.conv("conv1", stem, inner);
  net.norm("norm1", inner);
  net.add("relu");
  net.conv("conv2", inner, outer);
  const std::size_t branch = net.norm("norm2", outer);
  net.conv("down", stem, outer, 1, 1, {start});
  const std::size_t shortcut = net.norm("down_norm", outer);
  net.add("add", {branch, shortcut});
  net.add("relu");
  net.add("adaptive_avg_pool2d", {}, {{"output_size", std::int64_t{1}}});
  net.add("flatten");
  net.linear("fc", outer, 5);
  return net.finish();
}

/// MobileNet's inverted residual: expand 1 x 1, depthwise 3 x 3, project 1 x 1, sum.
inline Graph inverted_residual(std::int64_t stem = 4, std::int64_t hidden = 12) {
  Layers net("inverted", {3, 4, 4});
  net.conv("stem", 3, stem);
  const std::size_t start = net.norm("stem_norm", stem);
  net.conv("expand", stem, hidden, 1);
  net.norm("expand_norm", hidden);
  net.add("relu6");
  net.conv("depthwise", hidden, hidden, 3, hidden);
  net.norm("depthwise_norm", hidden);
  net.add("relu6");
  net.conv("project", hidden, stem, 1);
  const std::size_t end = net.norm("project_norm", stem);
  net.add("add", {start, end});
  net.add("mean");
  net.linear("fc", stem, 5);
  return net.finish();
}

/// Two branches side by side, read by a convolution and, flattened, by a linear layer.
inline Graph joined(std::int64_t a = 4, std::int64_t b = 6, std::int64_t c = 8) {
  Layers net("joined", {3, 4, 4});
  const std::size_t left = net.conv("a", 3, a, 3, 1, {0});
  const std::size_t right = net.conv("b", 3, b, 1, 1, {0});
  const std::size_t both = net.add("concat", {left, right});
  net.add("relu");
  const std::size_t deeper = net.conv("c", a + b, c);
  net.add("concat", {both, deeper});
  net.add("avg_pool2d", {}, {{"kernel_size", std::int64_t{2}}});
  net.add("flatten");
  net.linear("d", 4 * (a + b + c), 5);
  return net.finish();
}

/// A convolution with groups that is not depthwise.
inline Graph grouped(std::int64_t a = 8, std::int64_t b = 12, std::int64_t groups = 4) {
  Layers net("grouped", {3, 4, 4});
  net.conv("a", 3, a);
  net.add("relu");
  net.conv("b", a, b, 3, groups);
  net.add("relu");
  net.add("mean");
  net.linear("fc", b, 5);
  return net.finish();
}

/// One block of a transformer over text: embedding with positions, attention with two heads, feed-forward, sums.
inline Graph transformer(std::int64_t stream = 8, std::int64_t heads_width = 8, std::int64_t inner = 16) {
  GraphBuilder builder("transformer", {6});
  builder.add("embedding", "tokens", {{"num_embeddings", std::int64_t{11}}, {"embedding_dim", stream}});
  const std::size_t start =
      builder.add("position_embedding", "positions", {{"positions", std::int64_t{6}}, {"features", stream}});
  const auto linear = [&](const std::string& path, std::int64_t in, std::int64_t out, std::size_t input) {
    return builder.add("linear", path, {{"in_features", in}, {"out_features", out}}, {input});
  };
  const std::size_t norm1 = builder.add("layer_norm", "norm1", {{"normalized_shape", stream}});
  const std::size_t q = linear("q", stream, heads_width, norm1);
  const std::size_t k = linear("k", stream, heads_width, norm1);
  const std::size_t v = linear("v", stream, heads_width, norm1);
  const std::size_t heads = builder.add("attention", "", {{"num_heads", std::int64_t{2}}}, {q, k, v}, "attend");
  const std::size_t middle = builder.add("add", "", {}, {start, linear("o", heads_width, stream, heads)});
  builder.add("layer_norm", "norm2", {{"normalized_shape", stream}});
  builder.add("linear", "up", {{"in_features", stream}, {"out_features", inner}});
  const std::size_t active = builder.add("gelu", "");
  builder.add("add", "", {}, {middle, linear("down", inner, stream, active)});
  builder.add("mean", "");
  builder.add("linear", "head", {{"in_features", stream}, {"out_features", std::int64_t{3}}});
  return std::move(builder).finish();
}

}  // namespace lathe::ir::test
