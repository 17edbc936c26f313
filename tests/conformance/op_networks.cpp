#include "conformance/op_networks.h"

#include <fmt/format.h>

#include "conformance/networks.h"
#include "lathe/base/random.h"
#include "lathe/ir/activation.h"

namespace lathe::conformance {
namespace {

using Attributes = std::vector<ir::Attribute>;
using Inputs = std::vector<std::size_t>;
constexpr std::int64_t kClasses = 4;

/// Adds nodes one by one, each behind the last unless its inputs are named; names are made up.
class Sketch {
 public:
  explicit Sketch(Shape input) : builder_("sketch", std::move(input)) {}

  std::size_t add(const std::string& op, Attributes attributes = {}, Inputs inputs = {}) {
    const std::string name = fmt::format("{}_{}", op, builder_.graph().nodes.size());
    const ir::OpDeclaration* declaration = ir::find_op(op);
    const bool module = declaration != nullptr && !declaration->module_type.empty();
    return builder_.add(op, module ? name : "", std::move(attributes), std::move(inputs), name);
  }
  std::size_t add(const Layer& layer, Inputs inputs = {}) { return add(layer.op, layer.attributes, std::move(inputs)); }
  const Shape& shape(std::size_t node) const { return builder_.graph().nodes[node].output_shape; }
  const Shape& shape() const { return builder_.graph().nodes.back().output_shape; }
  ir::Graph finish() && { return std::move(builder_).finish(); }
  /// Ends in a flatten and a linear layer to the classes.
  ir::Graph classify() && {
    if (shape().size() > 1) add("flatten");
    add(linear(shape()[0], kClasses));
    return std::move(*this).finish();
  }

 private:
  ir::GraphBuilder builder_;
};

Layer with(Layer layer, const Attributes& more) {
  layer.attributes.insert(layer.attributes.end(), more.begin(), more.end());
  return layer;
}

Layer conv(std::int64_t in, std::int64_t out, Shape kernel, const Attributes& more = {}) {
  const char* op = kernel.size() == 1 ? "conv1d" : "conv2d";
  return with({op, {{"in_channels", in}, {"out_channels", out}, {"kernel_size", std::move(kernel)}}}, more);
}
Layer same(std::int64_t in, std::int64_t out) { return conv(in, out, {3, 3}, {{"padding", Shape{1, 1}}}); }
Layer depthwise(std::int64_t width, std::int64_t stride) {
  return conv(width, width, {3, 3}, {{"padding", Shape{1, 1}}, {"stride", Shape{stride, stride}}, {"groups", width}});
}
Layer norm2d(std::int64_t width) { return {"batch_norm2d", {{"num_features", width}}}; }
Layer layer_norm(std::int64_t width) { return {"layer_norm", {{"normalized_shape", width}}}; }
Layer pool(const char* op, Shape kernel, const Attributes& more = {}) {
  return with({op, {{"kernel_size", std::move(kernel)}}}, more);
}
Layer attention(std::int64_t heads, bool causal) { return {"attention", {{"num_heads", heads}, {"causal", causal}}}; }

/// One layer behind a convolution and before a linear layer.
ir::Graph behind_conv2d(const Layer& layer, Shape input = {3, 7, 6}) {
  const std::int64_t channels = input[0];
  Sketch sketch(std::move(input));
  sketch.add(same(channels, 4));
  sketch.add(layer);
  return std::move(sketch).classify();
}
ir::Graph behind_conv1d(const Layer& layer) {
  Sketch sketch({3, 11});
  sketch.add(conv(3, 4, {3}));
  sketch.add(layer);
  return std::move(sketch).classify();
}
ir::Graph chain_of(Shape input, const std::vector<Layer>& layers) {
  Sketch sketch(std::move(input));
  for (const Layer& layer : layers) sketch.add(layer);
  return std::move(sketch).classify();
}

ir::Graph conv2d_padded() { return chain_of({3, 7, 6}, {same(3, 5), activation("tanh"), same(5, 4)}); }
ir::Graph conv2d_strided() {
  return chain_of({3, 8, 7}, {conv(3, 5, {3, 2}, {{"stride", Shape{2, 1}}, {"padding", Shape{1, 0}}, {"bias", false}}),
                              activation("gelu"), conv(5, 4, {2, 3}, {{"stride", Shape{1, 2}}})});
}
ir::Graph conv2d_dilated() {
  return chain_of({2, 9, 8}, {conv(2, 3, {3, 3}, {{"dilation", Shape{2, 1}}, {"padding", Shape{2, 1}}}),
                              conv(3, 4, {2, 3}, {{"dilation", Shape{3, 2}}, {"bias", false}})});
}
ir::Graph conv2d_grouped() {
  return chain_of({4, 5, 5}, {conv(4, 6, {3, 3}, {{"groups", std::int64_t{2}}, {"padding", Shape{1, 1}}}),
                              activation("tanh"), conv(6, 3, {2, 2}, {{"groups", std::int64_t{3}}})});
}
ir::Graph conv2d_depthwise() {
  return chain_of({3, 8, 7}, {conv(3, 5, {1, 1}), depthwise(5, 2), activation("silu"), depthwise(5, 1),
                              conv(5, 10, {3, 3}, {{"groups", std::int64_t{5}}})});
}
ir::Graph conv2d_pointwise() {
  return chain_of({3, 4, 5}, {conv(3, 9, {1, 1}), activation("tanh"), conv(9, 4, {1, 1})});
}
ir::Graph conv2d_wide() { return chain_of({16, 4, 4}, {same(16, 33), activation("tanh"), same(33, 17)}); }
ir::Graph conv2d_whole_plane() { return chain_of({1, 5, 4}, {conv(1, 6, {5, 4}), activation("tanh")}); }
ir::Graph conv2d_at_the_end() {
  Sketch sketch({2, 3, 3});
  sketch.add(conv(2, kClasses, {3, 3}));
  sketch.add("flatten");
  return std::move(sketch).finish();
}
ir::Graph conv1d_variants() {
  return chain_of({3, 17}, {conv(3, 6, {3}, {{"padding", Shape{1}}}), activation("tanh"),
                            conv(6, 4, {4}, {{"stride", Shape{2}}, {"bias", false}}), activation("gelu"),
                            conv(4, 6, {2}, {{"dilation", Shape{2}}, {"groups", std::int64_t{2}}}),
                            conv(6, 6, {3}, {{"padding", Shape{1}}, {"groups", std::int64_t{6}}})});
}

ir::Graph batch_norm2d_inside() {
  return chain_of({3, 5, 6}, {same(3, 5), norm2d(5), activation("relu"), same(5, 4), norm2d(4), activation("relu6")});
}
ir::Graph batch_norm2d_first() {
  return chain_of({3, 5, 4}, {{"batch_norm2d", {{"num_features", std::int64_t{3}}, {"eps", 0.1}, {"momentum", 0.4}}},
                              conv(3, 4, {3, 3})});
}
ir::Graph batch_norm1d_on_sequences() {
  return chain_of({3, 9}, {batch_norm(3), activation("tanh"), conv(3, 5, {3}), batch_norm(5), activation("silu")});
}
ir::Graph batch_norm_behind_flatten() {
  return chain_of({2, 4, 4}, {conv(2, 3, {2, 2}), {"flatten", {}}, batch_norm(27), activation("silu")});
}

ir::Graph max_pool2d_plain() { return behind_conv2d(pool("max_pool2d", {2, 2})); }
ir::Graph max_pool2d_padded() {
  return behind_conv2d(pool("max_pool2d", {3, 3}, {{"stride", Shape{2, 2}}, {"padding", Shape{1, 1}}}));
}
ir::Graph max_pool2d_ceil() {
  return behind_conv2d(pool("max_pool2d", {3, 2}, {{"stride", Shape{2, 3}}, {"ceil_mode", true}}), {3, 8, 7});
}
ir::Graph max_pool2d_of_the_input() { return chain_of({2, 6, 6}, {pool("max_pool2d", {2, 3})}); }
ir::Graph max_pool1d_variants() {
  return chain_of({3, 19}, {conv(3, 4, {3}), pool("max_pool1d", {2}), activation("tanh"),
                            pool("max_pool1d", {3}, {{"stride", Shape{2}}, {"padding", Shape{1}}}),
                            pool("max_pool1d", {3}, {{"stride", Shape{2}}, {"ceil_mode", true}})});
}
ir::Graph avg_pool2d_plain() { return behind_conv2d(pool("avg_pool2d", {2, 2})); }
ir::Graph avg_pool2d_padded() {
  return behind_conv2d(pool("avg_pool2d", {3, 3}, {{"stride", Shape{2, 2}}, {"padding", Shape{1, 1}}}));
}
ir::Graph avg_pool2d_without_padding_counted() {
  return behind_conv2d(
      pool("avg_pool2d", {3, 2}, {{"stride", Shape{2, 1}}, {"padding", Shape{1, 1}}, {"count_include_pad", false}}));
}
ir::Graph avg_pool2d_ceil() {
  return behind_conv2d(
      pool("avg_pool2d", {3, 3}, {{"stride", Shape{2, 2}}, {"padding", Shape{1, 0}}, {"ceil_mode", true}}), {3, 8, 8});
}
ir::Graph avg_pool1d_variants() {
  return chain_of({3, 17}, {conv(3, 4, {2}), pool("avg_pool1d", {2}), activation("tanh"),
                            pool("avg_pool1d", {3}, {{"stride", Shape{2}}, {"padding", Shape{1}}})});
}
ir::Graph adaptive_avg_pool2d_uneven() {
  return behind_conv2d({"adaptive_avg_pool2d", {{"output_size", Shape{3, 4}}}});
}
ir::Graph adaptive_avg_pool2d_whole() { return behind_conv2d({"adaptive_avg_pool2d", {{"output_size", Shape{1, 1}}}}); }
ir::Graph adaptive_avg_pool2d_even() {
  return behind_conv2d({"adaptive_avg_pool2d", {{"output_size", Shape{2, 4}}}}, {3, 6, 8});
}
ir::Graph adaptive_avg_pool1d() { return behind_conv1d({"adaptive_avg_pool1d", {{"output_size", Shape{4}}}}); }
ir::Graph upsample_nearest() {
  return chain_of({2, 3, 2}, {conv(2, 3, {1, 1}), {"upsample", {{"scale_factor", Shape{2, 3}}}}, conv(3, 4, {3, 3})});
}
ir::Graph upsample_bilinear() {
  return chain_of({2, 3, 2}, {conv(2, 3, {1, 1}),
                              {"upsample", {{"scale_factor", Shape{2, 3}}, {"mode", std::string("bilinear")}}},
                              conv(3, 4, {3, 3})});
}

ir::Graph activations_on_images() {
  std::vector<Layer> layers = {same(3, 4)};
  for (const char* op : {"gelu", "silu", "leaky_relu", "hardswish", "softplus", "tanh", "elu", "selu", "sigmoid",
                         "hardsigmoid", "identity"}) {
    layers.push_back(activation(op));
    if (op[0] == 's') layers.push_back(conv(4, 4, {1, 1}));
  }
  layers.insert(layers.end(), {conv(4, 4, {1, 1}), activation("hardtanh"), conv(4, 4, {1, 1}), activation("relu6")});
  return chain_of({3, 4, 3}, layers);
}
ir::Graph relu_on_images() {
  return chain_of({3, 5, 4}, {same(3, 5), activation("relu"), same(5, 4), activation("relu")});
}
ir::Graph dropout_on_images() {
  return chain_of({3, 4, 5}, {same(3, 5), {"dropout", {{"p", 0.3}}}, conv(5, 4, {2, 2}), activation("tanh")});
}
ir::Graph add_images() {
  Sketch sketch({3, 5, 4});
  const std::size_t stem = sketch.add(same(3, 5)), first = sketch.add(same(5, 5), {stem});
  sketch.add("add", {}, {stem, sketch.add("tanh", {}, {first}), stem});
  return std::move(sketch).classify();
}
ir::Graph mul_images() {
  Sketch sketch({3, 4, 4});
  const std::size_t a = sketch.add(same(3, 4)), b = sketch.add(same(3, 4), {0});
  sketch.add("mul", {}, {a, sketch.add("sigmoid", {}, {b}), a});
  return std::move(sketch).classify();
}
ir::Graph concat_images() {
  Sketch sketch({3, 4, 4});
  const std::size_t a = sketch.add(same(3, 3)), b = sketch.add(same(3, 5), {0});
  sketch.add("concat", {}, {a, sketch.add("tanh", {}, {b}), 0, a});
  sketch.add(same(14, 4));
  return std::move(sketch).classify();
}
ir::Graph branches_of_features() {
  Sketch sketch({7});
  const std::size_t stem = sketch.add("tanh", {}, {sketch.add(linear(7, 6))});
  const std::size_t a = sketch.add(linear(6, 5), {stem}), b = sketch.add(linear(6, 5), {stem});
  const std::size_t product = sketch.add("mul", {}, {a, b});
  sketch.add("concat", {}, {product, stem, a});
  return std::move(sketch).classify();
}
ir::Graph squeeze_and_excitation() {
  Sketch sketch({3, 4, 6});
  const std::size_t image = sketch.add(same(3, 5));
  sketch.add("mean");
  sketch.add(linear(5, 5));
  sketch.add("sigmoid");
  sketch.add("reshape", {{"shape", Shape{5, 1, 1}}});
  const std::size_t gate = sketch.add("upsample", {{"scale_factor", Shape{4, 6}}});
  sketch.add("mul", {}, {image, gate});
  sketch.add(conv(5, 4, {3, 3}));
  return std::move(sketch).classify();
}
ir::Graph permuted_images() {
  Sketch sketch({3, 4, 5});
  sketch.add(same(3, 6));
  sketch.add("permute", {{"dims", Shape{1, 2, 0}}});
  sketch.add("reshape", {{"shape", Shape{20, 6}}});
  sketch.add(linear(6, 5));
  sketch.add("tanh");
  sketch.add("permute", {{"dims", Shape{1, 0}}});
  return std::move(sketch).classify();
}

ir::Graph linear_on_tokens() {
  return chain_of({5, 3}, {linear(3, 6), activation("tanh"), linear(6, 4, false), {"dropout", {{"p", 0.25}}}});
}
ir::Graph layer_norm_on_tokens() {
  return chain_of({5, 3}, {linear(3, 8),
                           layer_norm(8),
                           activation("gelu"),
                           linear(8, 6),
                           {"layer_norm", {{"normalized_shape", std::int64_t{6}}, {"eps", 0.1}}}});
}
ir::Graph layer_norm_on_features() { return chain_of({6}, {layer_norm(6), linear(6, 9), layer_norm(9)}); }
ir::Graph mean_of_tokens() { return chain_of({5, 3}, {linear(3, 8), activation("tanh"), {"mean", {}}}); }
ir::Graph softmax_of_features() { return chain_of({6}, {linear(6, 7), {"softmax", {}}, linear(7, 5)}); }
ir::Graph concat_tokens() {
  Sketch sketch({4, 3});
  const std::size_t a = sketch.add(linear(3, 5)), b = sketch.add(linear(3, 2), {0});
  sketch.add("concat", {}, {a, b});
  sketch.add(linear(7, 4));
  return std::move(sketch).classify();
}
ir::Graph matmul_self_attention() {
  Sketch sketch({5, 6});
  const std::size_t q = sketch.add(linear(6, 4, false)), k = sketch.add(linear(6, 4, false), {0});
  const std::size_t v = sketch.add(linear(6, 3), {0});
  sketch.add("matmul", {{"transpose_b", true}}, {q, k});
  sketch.add("softmax");
  sketch.add("matmul", {}, {sketch.add("identity"), v});
  return std::move(sketch).classify();
}
ir::Graph matmul_of_heads() {
  Sketch sketch({4, 6});
  const auto heads = [&](std::int64_t width) {
    sketch.add(linear(6, 2 * width, false), {0});
    sketch.add("reshape", {{"shape", Shape{4, 2, width}}});
    return sketch.add("permute", {{"dims", Shape{1, 0, 2}}});
  };
  const std::size_t q = heads(3), k = heads(3), v = heads(5);
  const std::size_t scores = sketch.add("matmul", {{"transpose_b", true}}, {q, k});
  sketch.add("matmul", {}, {sketch.add("softmax", {}, {scores}), v});
  return std::move(sketch).classify();
}

std::size_t self_attention(Sketch& sketch, std::size_t input, std::int64_t width, const Layer& layer) {
  const std::size_t q = sketch.add(linear(width, width), {input}), k = sketch.add(linear(width, width), {input});
  const std::size_t v = sketch.add(linear(width, width), {input});
  return sketch.add(layer, {q, k, v});
}
ir::Graph attention_of_one_head() {
  Sketch sketch({5, 4});
  self_attention(sketch, 0, 4, attention(1, false));
  return std::move(sketch).classify();
}
ir::Graph attention_of_three_heads() {
  Sketch sketch({5, 6});
  self_attention(sketch, 0, 6, attention(3, false));
  return std::move(sketch).classify();
}
ir::Graph attention_causal() {
  Sketch sketch({7, 6});
  self_attention(sketch, 0, 6, attention(2, true));
  return std::move(sketch).classify();
}
ir::Graph attention_of_one_value() {
  Sketch sketch({4, 3});
  const std::size_t tokens = sketch.add(linear(3, 4));
  sketch.add(attention(2, false), {tokens, tokens, tokens});
  return std::move(sketch).classify();
}

constexpr std::int64_t kVocabulary = 11, kTokens = 6, kFeatures = 8;
std::size_t embed(Sketch& sketch) {
  sketch.add("embedding", {{"num_embeddings", kVocabulary}, {"embedding_dim", kFeatures}});
  return sketch.add("position_embedding", {{"positions", kTokens + 2}, {"features", kFeatures}});
}
std::size_t transformer_block(Sketch& sketch, std::size_t input, bool causal) {
  const std::size_t normal = sketch.add(layer_norm(kFeatures), {input});
  const std::size_t attended = self_attention(sketch, normal, kFeatures, attention(2, causal));
  const std::size_t projected = sketch.add(linear(kFeatures, kFeatures), {attended});
  const std::size_t sum = sketch.add("add", {}, {input, projected});
  sketch.add(layer_norm(kFeatures));
  sketch.add(linear(kFeatures, 12));
  sketch.add("gelu");
  return sketch.add("add", {}, {sum, sketch.add(linear(12, kFeatures))});
}
ir::Graph embedding_of_tokens() {
  Sketch sketch({kTokens});
  sketch.add("embedding", {{"num_embeddings", kVocabulary}, {"embedding_dim", kFeatures}});
  sketch.add("mean");
  return std::move(sketch).classify();
}
ir::Graph transformer_for_sentences() {
  Sketch sketch({kTokens});
  transformer_block(sketch, embed(sketch), false);
  sketch.add("mean");
  return std::move(sketch).classify();
}
ir::Graph transformer_for_language() {
  Sketch sketch({kTokens});
  transformer_block(sketch, embed(sketch), true);
  sketch.add(layer_norm(kFeatures));
  sketch.add(linear(kFeatures, kVocabulary, false));
  return std::move(sketch).finish();
}
ir::Graph language_of_single_tokens() {
  Sketch sketch({kTokens});
  embed(sketch);
  sketch.add(linear(kFeatures, kVocabulary));
  return std::move(sketch).finish();
}

ir::Graph vgg() {
  return chain_of({3, 8, 8}, {same(3, 6),
                              norm2d(6),
                              activation("relu"),
                              same(6, 8),
                              norm2d(8),
                              activation("relu"),
                              pool("max_pool2d", {2, 2}),
                              same(8, 9),
                              norm2d(9),
                              activation("relu"),
                              pool("max_pool2d", {2, 2}),
                              {"flatten", {}},
                              linear(36, 10),
                              activation("relu")});
}
ir::Graph lenet() {
  return chain_of({1, 12, 12}, {conv(1, 3, {5, 5}),
                                activation("relu"),
                                pool("max_pool2d", {2, 2}),
                                conv(3, 5, {3, 3}),
                                activation("relu"),
                                pool("avg_pool2d", {2, 2}),
                                {"flatten", {}},
                                linear(5, 7),
                                activation("relu")});
}
ir::Graph residual_stage() {
  Sketch sketch({3, 6, 6});
  const std::size_t stem = sketch.add("relu", {}, {sketch.add(norm2d(4), {sketch.add(same(3, 4))})});
  sketch.add(conv(4, 6, {3, 3}, {{"padding", Shape{1, 1}}, {"stride", Shape{2, 2}}, {"bias", false}}));
  sketch.add(norm2d(6));
  sketch.add("relu");
  sketch.add(same(6, 6));
  const std::size_t branch = sketch.add(norm2d(6));
  sketch.add(conv(4, 6, {1, 1}, {{"stride", Shape{2, 2}}, {"bias", false}}), {stem});
  sketch.add("add", {}, {branch, sketch.add(norm2d(6))});
  sketch.add("relu");
  sketch.add("adaptive_avg_pool2d", {{"output_size", Shape{1, 1}}});
  return std::move(sketch).classify();
}
ir::Graph inverted_residual() {
  Sketch sketch({4, 5, 5});
  sketch.add(conv(4, 8, {1, 1}, {{"bias", false}}));
  sketch.add(norm2d(8));
  sketch.add("relu6");
  sketch.add(depthwise(8, 1));
  sketch.add(norm2d(8));
  sketch.add("hardswish");
  sketch.add(conv(8, 4, {1, 1}, {{"bias", false}}));
  sketch.add("add", {}, {0, sketch.add(norm2d(4))});
  return std::move(sketch).classify();
}

ir::Graph quantised(ir::Graph graph) {
  quantize_parameters(graph, 8, 6);
  return graph;
}
ir::Graph quantised_images() {
  return quantised(chain_of({3, 6, 6}, {quantizer(8, 4), same(3, 5), activation("relu"), quantizer(8, 4, false),
                                        pool("max_pool2d", {2, 2}), quantizer(6, 3), conv(5, 4, {2, 2})}));
}
ir::Graph quantised_residual() {
  Sketch sketch({3, 5, 5});
  sketch.add(same(3, 4));
  sketch.add(norm2d(4));
  const std::size_t a = sketch.add(quantizer(8, 4)), b = sketch.add(depthwise(4, 1));
  sketch.add("add", {}, {a, sketch.add(quantizer(6, 3), {b})});
  return quantised(std::move(sketch).classify());
}
ir::Graph quantised_tokens() {
  return quantised(
      chain_of({5, 4}, {quantizer(8, 5), linear(4, 6), activation("tanh"), quantizer(8, 6), linear(6, 5)}));
}

data::Samples random_tokens(std::int64_t rows, std::int64_t width, std::int64_t known, std::uint64_t seed) {
  data::Samples samples = random_samples(rows, width, known, seed);
  RandomStream stream(seed, {}, "conformance tokens");
  for (float& value : samples.features) value = static_cast<float>(stream.below(static_cast<std::uint64_t>(known)));
  return samples;
}

ir::Graph around(const std::string& op) {
  return chain_of({3, 4, 3}, {same(3, 4), activation(op), conv(4, 4, {1, 1})});
}

std::vector<OpNetwork> written() {
  return {
      {"conv2d_padded", conv2d_padded},
      {"conv2d_strided", conv2d_strided},
      {"conv2d_dilated", conv2d_dilated},
      {"conv2d_grouped", conv2d_grouped},
      {"conv2d_depthwise", conv2d_depthwise},
      {"conv2d_pointwise", conv2d_pointwise},
      {"conv2d_wide", conv2d_wide},
      {"conv2d_whole_plane", conv2d_whole_plane},
      {"conv2d_at_the_end", conv2d_at_the_end},
      {"conv1d_variants", conv1d_variants},
      {"batch_norm2d_inside", batch_norm2d_inside},
      {"batch_norm2d_first", batch_norm2d_first},
      {"batch_norm1d_on_sequences", batch_norm1d_on_sequences},
      {"batch_norm_behind_flatten", batch_norm_behind_flatten},
      {"max_pool2d_plain", max_pool2d_plain},
      {"max_pool2d_padded", max_pool2d_padded},
      {"max_pool2d_ceil", max_pool2d_ceil},
      {"max_pool2d_of_the_input", max_pool2d_of_the_input},
      {"max_pool1d_variants", max_pool1d_variants},
      {"avg_pool2d_plain", avg_pool2d_plain},
      {"avg_pool2d_padded", avg_pool2d_padded},
      {"avg_pool2d_without_padding_counted", avg_pool2d_without_padding_counted},
      {"avg_pool2d_ceil", avg_pool2d_ceil},
      {"avg_pool1d_variants", avg_pool1d_variants},
      {"adaptive_avg_pool2d_uneven", adaptive_avg_pool2d_uneven},
      {"adaptive_avg_pool2d_whole", adaptive_avg_pool2d_whole},
      {"adaptive_avg_pool2d_even", adaptive_avg_pool2d_even},
      {"adaptive_avg_pool1d", adaptive_avg_pool1d},
      {"upsample_nearest", upsample_nearest},
      {"upsample_bilinear", upsample_bilinear},
      {"activations_on_images", activations_on_images},
      {"relu_on_images", relu_on_images},
      {"dropout_on_images", dropout_on_images},
      {"add_images", add_images},
      {"mul_images", mul_images},
      {"concat_images", concat_images},
      {"branches_of_features", branches_of_features},
      {"squeeze_and_excitation", squeeze_and_excitation},
      {"permuted_images", permuted_images},
      {"linear_on_tokens", linear_on_tokens},
      {"layer_norm_on_tokens", layer_norm_on_tokens},
      {"layer_norm_on_features", layer_norm_on_features},
      {"mean_of_tokens", mean_of_tokens},
      {"softmax_of_features", softmax_of_features},
      {"concat_tokens", concat_tokens},
      {"matmul_self_attention", matmul_self_attention},
      {"matmul_of_heads", matmul_of_heads},
      {"attention_of_one_head", attention_of_one_head},
      {"attention_of_three_heads", attention_of_three_heads},
      {"attention_causal", attention_causal},
      {"attention_of_one_value", attention_of_one_value},
      {"embedding_of_tokens", embedding_of_tokens},
      {"transformer_for_sentences", transformer_for_sentences},
      {"transformer_for_language", transformer_for_language},
      {"language_of_single_tokens", language_of_single_tokens},
      {"vgg", vgg},
      {"lenet", lenet},
      {"residual_stage", residual_stage},
      {"inverted_residual", inverted_residual},
      {"quantised_images", quantised_images},
      {"quantised_residual", quantised_residual},
      {"quantised_tokens", quantised_tokens},
  };
}

}  // namespace

const std::vector<OpNetwork>& op_networks() {
  static const std::vector<OpNetwork> networks = [] {
    std::vector<OpNetwork> all = written();
    for (const ir::Activation& each : ir::activations())
      all.push_back({each.name + "_alone", [name = each.name] { return around(name); }});
    return all;
  }();
  return networks;
}

data::Samples samples_for(const ir::Graph& graph, std::int64_t rows, std::uint64_t seed) {
  const Shape& input = graph.input().output_shape;
  const Shape& output = graph.output().output_shape;
  const std::int64_t width = element_count(input), positions = element_count(output) / output.back();
  const bool text = graph.nodes[1].op == "embedding";
  data::Samples samples = text ? random_tokens(rows, width, graph.nodes[1].integer("num_embeddings"), seed)
                               : random_samples(rows, width, output.back(), seed);
  samples.shape = input;
  samples.positions = positions;
  samples.labels = random_samples(rows * positions, 1, output.back(), seed + 1).labels;
  return samples;
}

}  // namespace lathe::conformance
