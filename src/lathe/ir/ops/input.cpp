#include <charconv>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

/// Reads `[16]` or `[3, 32, 32]`.
Shape read_shape(const std::string& text) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto fail = [&] { throw UserError("the shape must be written as [16] or [3, 32, 32]; got \"" + text + "\""); };
  if (at == end || *at++ != '[') fail();
  while (true) {
    while (at != end && *at == ' ') ++at;
    std::int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || extent < 1 || next == end) fail();
    shape.push_back(extent);
    at = next + 1;
    if (*next == ']') break;
    if (*next != ',') fail();
  }
  if (at != end) fail();
  return shape;
}

}  // namespace

OpDeclaration input() {
  OpDeclaration op = elementwise("input", "", "the network's input: one sample of the data", 0);
  op.attributes = {{"shape", std::string(), true, "per-sample shape, `[16]`"}};
  op.input_count = 0;
  op.channel_rule = ChannelRule::kFixed;
  op.output_shape = [](const Node& node, std::span<const Shape>) { return read_shape(node.string("shape")); };
  op.cost = [](const Node&, std::span<const Shape>) { return OpCost{}; };
  return op;
}

}  // namespace lathe::ir::ops
