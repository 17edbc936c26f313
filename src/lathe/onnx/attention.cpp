#include <cmath>
#include <limits>

#include "lathe/onnx/converters.h"
#include "lathe/onnx/numbers.h"
#include "lathe/onnx/patterns.h"

namespace lathe::onnx {
namespace {

/// Holds what an attention reads, per head.
struct Attention {
  std::string query, key, value;  ///< names of values; key is the second factor as it stands
  double scale = 1;
  bool causal = false;
};

bool permutes(const OnnxNode* node, const std::vector<std::int64_t>& order) {
  return node != nullptr && node->integers("perm", {}) == order;
}

/// Says what a constant mask allows: everything, or the tokens before.
enum class Mask { kNone, kCausal, kOther };

/// Classifies [tokens, tokens] values; `masked` tells of one entry whether it is hidden.
template <typename Masked>
Mask classify(const Constant& mask, std::int64_t tokens, Masked masked) {
  const auto count = static_cast<std::size_t>(tokens);
  if (mask.shape.size() < 2 || mask.size() != count * count || mask.shape.back() != tokens) return Mask::kOther;
  bool none = true, causal = true;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const bool hidden = masked(i);
    none = none && !hidden;
    causal = causal && hidden == (i % count > i / count);
  }
  return none ? Mask::kNone : (causal ? Mask::kCausal : Mask::kOther);
}

bool is_minus_infinity(double value) { return value <= -1e4; }

/// Reads `scores + mask`. Nullopt when the node is no such sum.
std::optional<std::pair<Mask, std::string>> added_mask(const GraphReader& reader, const std::string& name,
                                                       std::int64_t tokens) {
  const OnnxNode* sum = made_by(reader, name, "Add");
  if (sum == nullptr) return std::nullopt;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const ConstantPtr mask = reader.constant(*sum, i);
    if (mask == nullptr || !mask->floating) continue;
    Mask kind = classify(*mask, tokens, [&](std::size_t at) { return is_minus_infinity(mask->floats[at]); });
    for (const float value : mask->floats)
      if (value != 0 && !is_minus_infinity(value)) kind = Mask::kOther;
    return std::pair(kind, sum->input(1 - i));
  }
  return std::nullopt;
}

/// Reads Where(mask, -inf, scores) and Where(mask, scores, -inf).
std::optional<std::pair<Mask, std::string>> chosen_mask(const GraphReader& reader, const std::string& name,
                                                        std::int64_t tokens) {
  const OnnxNode* where = made_by(reader, name, "Where");
  const ConstantPtr mask = where == nullptr ? nullptr : reader.constant(*where, 0);
  if (mask == nullptr || mask->floating) return std::nullopt;
  for (const std::size_t hidden_branch : {std::size_t{1}, std::size_t{2}}) {
    const auto hidden = scalar(reader.constant(*where, hidden_branch));
    if (!hidden || !is_minus_infinity(*hidden)) continue;
    const Mask kind =
        classify(*mask, tokens, [&](std::size_t at) { return (mask->integers[at] != 0) == (hidden_branch == 1); });
    return std::pair(kind, where->input(3 - hidden_branch));
  }
  return std::nullopt;
}

bool softmax_over_last(const GraphReader& reader, const OnnxNode& softmax) {
  const std::size_t rank = reader.shape(softmax, 0).size() + 1;
  return axis_index(softmax.integer("axis", reader.opset() < 13 ? 1 : -1), rank) + 1 == rank;
}

const OnnxNode* softmax_before(const GraphReader& reader, std::string name) {
  if (const OnnxNode* dropout = made_by(reader, name, "Dropout")) name = dropout->input(0);
  return made_by(reader, name, "Softmax");
}

/// Reads softmax(scale * query key + mask) value at the last product.
std::optional<Attention> attention_at(const GraphReader& reader, const OnnxNode& product) {
  if (product.op != "MatMul" || product.inputs.size() != 2) return std::nullopt;
  const OnnxNode* softmax = softmax_before(reader, product.input(0));
  if (softmax == nullptr || !softmax_over_last(reader, *softmax)) return std::nullopt;
  Attention attention{.query = {}, .key = {}, .value = product.input(1)};
  std::string scores = softmax->input(0);
  const std::int64_t tokens = reader.shape(*softmax, 0).back();
  auto masked = added_mask(reader, scores, tokens);
  if (!masked) masked = chosen_mask(reader, scores, tokens);
  if (masked) {
    if (masked->first == Mask::kOther) reader.refuse(*softmax, "a mask of attention that is neither causal nor empty");
    attention.causal = masked->first == Mask::kCausal;
    scores = masked->second;
  }
  const auto scaled = product_of(reader, scores);
  const OnnxNode* inner = scaled && scaled->values.size() == 1 ? made_by(reader, scaled->values[0], "MatMul") : nullptr;
  if (inner == nullptr) return std::nullopt;
  const auto query = product_of(reader, inner->input(0)), key = product_of(reader, inner->input(1));
  if (!query || !key || query->values.size() != 1 || key->values.size() != 1) return std::nullopt;
  attention.query = query->values[0];
  attention.key = key->values[0];
  attention.scale = scaled->factor * query->factor * key->factor;
  return attention;
}

/// Returns the value [tokens, features] that was split into heads [heads, tokens, features of one] by a Reshape and a
/// Transpose of the given order.
std::optional<std::size_t> joined(const GraphReader& reader, const std::string& name,
                                  const std::vector<std::int64_t>& order) {
  const OnnxNode* transpose = made_by(reader, name, "Transpose");
  if (!permutes(transpose, order)) return std::nullopt;
  const OnnxNode* reshape = made_by(reader, transpose->input(0), "Reshape");
  if (reshape == nullptr) return std::nullopt;
  const Shape& heads = reader.shape(*transpose, 0);
  const Value& source = reader.value(reshape->input(0));
  if (!source.node || source.shape.size() != 2 || heads.size() != 3 || heads[0] != source.shape[0]) return std::nullopt;
  return source.node;
}

/// Returns the key: split and transposed at once, or one after the other, with a factor between them or not.
std::optional<std::size_t> joined_key(const GraphReader& reader, Attention& attention) {
  if (const auto key = joined(reader, attention.key, {0, 2, 3, 1})) return key;
  const OnnxNode* swapped = made_by(reader, attention.key, "Transpose");
  if (!permutes(swapped, {0, 1, 3, 2})) return std::nullopt;
  const auto split = product_of(reader, swapped->input(0));
  if (!split || split->values.size() != 1) return std::nullopt;
  attention.scale *= split->factor;
  return joined(reader, split->values[0], {0, 2, 1, 3});
}

bool emit(GraphReader& reader, const OnnxNode& node, const Attention& attention, std::int64_t heads,
          std::int64_t features_of_one, std::vector<std::size_t> inputs) {
  if (!nearly(attention.scale, 1 / std::sqrt(static_cast<double>(features_of_one)))) return false;
  reader.emit(node, "attention", {{"num_heads", heads}, {"causal", attention.causal}}, std::move(inputs));
  return true;
}

/// Completes attention with heads at the Reshape that joins them.
bool complete_heads(GraphReader& reader, const OnnxNode& node) {
  const OnnxNode* transpose = made_by(reader, node.input(0), "Transpose");
  if (!permutes(transpose, {0, 2, 1, 3})) return false;
  const OnnxNode* product = made_by(reader, transpose->input(0), "MatMul");
  auto attention = product == nullptr ? std::nullopt : attention_at(reader, *product);
  if (!attention) return false;
  const auto query = joined(reader, attention->query, {0, 2, 1, 3});
  const auto key = joined_key(reader, *attention);
  const auto value = joined(reader, attention->value, {0, 2, 1, 3});
  if (!query || !key || !value) return false;
  const Shape& per_head = reader.value(attention->query).shape;
  if (reshape_target(reader, node) != reader.graph().nodes[*query].output_shape) return false;
  return emit(reader, node, *attention, per_head[0], per_head[2], {*query, *key, *value});
}

/// Completes attention of one head without any split at its last product.
bool complete_single(GraphReader& reader, const OnnxNode& node) {
  const auto attention = attention_at(reader, node);
  if (!attention) return false;
  const OnnxNode* transpose = made_by(reader, attention->key, "Transpose");
  if (!permutes(transpose, {0, 2, 1})) return false;
  const Value &query = reader.value(attention->query), &key = reader.value(transpose->input(0));
  const Value& value = reader.value(attention->value);
  if (!query.node || !key.node || !value.node || query.shape.size() != 2) return false;
  return emit(reader, node, *attention, 1, query.shape[1], {*query.node, *key.node, *value.node});
}

}  // namespace

bool complete_attention(GraphReader& reader, const OnnxNode& node) {
  if (node.op == "Reshape") return complete_heads(reader, node);
  return node.op == "MatMul" && complete_single(reader, node);
}

}  // namespace lathe::onnx
