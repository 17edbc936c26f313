#include <fmt/format.h>

#include "lathe/model/zoo.h"

// Small transformers (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; layer norm in front of each part, as in
// GPT-2): embeddings of tokens and positions, blocks of attention and a GELU network of four times the width, each
// with a residual sum, a last layer norm. For classification every token sees all, and the mean over the tokens is
// classified; where each token has a label of its own (language modelling) a token sees those before it, and a linear
// layer gives the scores of the next one.
namespace lathe::model {
namespace {

/// Says how large a transformer is.
struct Size {
  int depth;
  std::int64_t features, heads;
};

Layer linear(std::string path, std::int64_t out_features, std::vector<std::string> inputs = {}) {
  return {"linear", std::move(path), {{"out_features", out_features}}, std::move(inputs)};
}

Layer sum(std::string path, std::string left, std::string right) {
  return {.op = "add", .module_path = std::move(path), .inputs = {std::move(left), std::move(right)}};
}

/// Adds a block behind `read`; returns the path of its sum.
std::string add_block(std::vector<Layer>& layers, const std::string& path, const std::string& read, const Size& size,
                      bool causal) {
  const auto at = [&](const char* name) { return path + "." + name; };
  layers.push_back({.op = "layer_norm", .module_path = at("norm1"), .inputs = {read}});
  for (const char* name : {"query", "key", "value"}) layers.push_back(linear(at(name), size.features, {at("norm1")}));
  layers.push_back({"attention",
                    at("attention"),
                    {{"num_heads", size.heads}, {"causal", causal}},
                    {at("query"), at("key"), at("value")},
                    at("attention")});
  layers.push_back(linear(at("out"), size.features));
  layers.push_back(sum(at("sum1"), read, at("out")));
  layers.push_back({"layer_norm", at("norm2")});
  layers.push_back(linear(at("linear1"), 4 * size.features));
  layers.push_back({"gelu", at("gelu")});
  layers.push_back(linear(at("linear2"), size.features));
  layers.push_back(sum(at("sum2"), at("sum1"), at("linear2")));
  return at("sum2");
}

std::vector<Layer> transformer(const ModelRequest& request, const Size& size) {
  const bool each_token = request.positions > 1;
  std::vector<Layer> layers = {{"embedding", "embedding", {{"embedding_dim", size.features}}},
                               {"position_embedding", "position_embedding"}};
  std::string read = "position_embedding";
  for (int block = 0; block < size.depth; ++block)
    read = add_block(layers, fmt::format("blocks.{}", block), read, size, each_token);
  layers.push_back({"layer_norm", "norm"});
  if (!each_token) layers.push_back({"mean", ""});
  layers.push_back(linear("head", request.classes));
  return layers;
}

// Makes 2 blocks of 64 features and 4 heads. 120,706 parameters with 64 tokens of 256 kinds and 2 classes.
std::vector<Layer> transformer_tiny(const ModelRequest& request) {
  return transformer(request, {.depth = 2, .features = 64, .heads = 4});
}

// Makes 4 blocks of 128 features and 4 heads. 834,562 parameters as above.
std::vector<Layer> transformer_small(const ModelRequest& request) {
  return transformer(request, {.depth = 4, .features = 128, .heads = 4});
}

}  // namespace

ZooEntry transformer_tiny_network() {
  return {.name = "transformer-tiny",
          .aliases = {"transformer"},
          .description = "two blocks of 64 features and 4 heads, for sentences and language modelling",
          .layers = transformer_tiny,
          .rows = Rows::kTexts,
          .usual = {.input_shape = {64}, .classes = 2, .vocabulary = 256}};
}

ZooEntry transformer_small_network() {
  return {.name = "transformer-small",
          .aliases = {},
          .description = "four blocks of 128 features and 4 heads, for sentences and language modelling",
          .layers = transformer_small,
          .rows = Rows::kTexts,
          .usual = {.input_shape = {64}, .classes = 2, .vocabulary = 256}};
}

}  // namespace lathe::model
