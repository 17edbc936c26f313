#include "lathe/engine/inherit.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/engine/channel_maps.h"

namespace lathe::engine {
namespace {

/// Says how a tensor of the candidate is filled from one of the base network.
struct Filling {
  const ir::Node& node;  ///< of the base network
  const ir::Parameter& base;
  const ir::Parameter& candidate;
  ChannelMap outputs;  ///< along output_axis
  ChannelMap inputs;   ///< all channels that the node reads
  std::int64_t blocks = 1;
  double spread = 0;
};

std::int64_t extent(const ir::Parameter& parameter, int axis) {
  return parameter.shape[static_cast<std::size_t>(axis)];
}

/// Tells whether two tensors have equal extents but along their channel axes, and these are what the maps say.
bool corresponds(const Filling& filling) {
  const Shape& base = filling.base.shape;
  const Shape& candidate = filling.candidate.shape;
  if (base.size() != candidate.size()) return false;
  for (int d = 0; d < static_cast<int>(base.size()); ++d) {
    const std::int64_t found = extent(filling.candidate, d);
    std::int64_t expected = extent(filling.base, d);
    if (d == filling.base.output_axis) expected = static_cast<std::int64_t>(filling.outputs.size());
    if (d == filling.base.input_axis) expected = static_cast<std::int64_t>(filling.inputs.size()) / filling.blocks;
    if (found != expected) return false;
  }
  return true;
}

/// Copies the slices along the output axis (biases, batch norms, tables), or everything where there is none.
void fill_slices(const Filling& filling, const NamedTensor& from, NamedTensor& to) {
  if (filling.base.output_axis < 0) {
    to.values = from.values;
    return;
  }
  const auto axis = filling.base.shape.begin() + filling.base.output_axis;
  const auto outer = static_cast<std::size_t>(element_count(Shape(filling.base.shape.begin(), axis)));
  const auto inner = static_cast<std::ptrdiff_t>(element_count(Shape(axis + 1, filling.base.shape.end())));
  auto row = from.values.begin();
  auto target = to.values.begin();
  for (std::size_t i = 0; i < outer; ++i, row += *axis * inner)
    for (const std::int64_t channel : filling.outputs) {
      if (channel != kNewChannel) std::copy_n(row + channel * inner, inner, target);
      target += inner;
    }
}

/// Fills one output channel of a weight [outputs, inputs, ...]: what it reads from copies is divided among them.
class RowFilling {
 public:
  RowFilling(const Filling& filling, std::int64_t columns)
      : filling_(filling),
        columns_(columns),
        read_(extent(filling.candidate, 1)),
        base_read_(extent(filling.base, 1)),
        copies_(copies_of(filling.inputs, base_read_ * filling.blocks)),
        sums_(static_cast<std::size_t>(base_read_ * columns)) {}

  void fill(std::int64_t output, const NamedTensor& from, NamedTensor& to) {
    const std::int64_t source = filling_.outputs[static_cast<std::size_t>(output)];
    if (source == kNewChannel) return;
    const std::int64_t block = output * filling_.blocks / static_cast<std::int64_t>(filling_.outputs.size());
    if (source * filling_.blocks / extent(filling_.base, 0) != block) refuse();
    const float* row = from.values.data() + source * base_read_ * columns_;
    float* target = to.values.data() + output * read_ * columns_;
    add_up(block, target);
    for (std::int64_t i = 0; i < read_; ++i) fill_input(block, i, row, target + i * columns_);
  }

 private:
  /// Returns the place within its block of what input `i` of a block continues; kNewChannel: nothing.
  std::int64_t place(std::int64_t block, std::int64_t i) const {
    const std::int64_t channel = filling_.inputs[static_cast<std::size_t>(block * read_ + i)];
    if (channel == kNewChannel) return kNewChannel;
    const std::int64_t local = channel - block * base_read_;
    if (local < 0 || local >= base_read_) refuse();
    return local;
  }

  /// Sums the fresh weights of all copies of an input: the mean that is taken off them.
  void add_up(std::int64_t block, const float* fresh) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    for (std::int64_t i = 0; i < read_; ++i) {
      const std::int64_t local = place(block, i);
      if (local == kNewChannel) continue;
      for (std::int64_t k = 0; k < columns_; ++k)
        sums_[static_cast<std::size_t>(local * columns_ + k)] += fresh[i * columns_ + k];
    }
  }

  void fill_input(std::int64_t block, std::int64_t i, const float* row, float* target) const {
    const std::int64_t local = place(block, i);
    if (local == kNewChannel) return;
    const auto copies = static_cast<double>(copies_[static_cast<std::size_t>(block * base_read_ + local)]);
    for (std::int64_t k = 0; k < columns_; ++k) {
      const double mean = sums_[static_cast<std::size_t>(local * columns_ + k)] / copies;
      const double apart = copies > 1 ? filling_.spread * (target[k] - mean) : 0;
      target[k] = static_cast<float>(row[local * columns_ + k] / copies + apart);
    }
  }

  [[noreturn]] void refuse() const {
    throw UserError("node " + filling_.node.name,
                    fmt::format("its {} groups of channels read joined channels whose widths changed: the base "
                                "network's weights do not fit into them; use fresh weights",
                                filling_.blocks));
  }

  const Filling& filling_;
  std::int64_t columns_;    ///< values per output and input: the kernel's
  std::int64_t read_;       ///< inputs of one output of the candidate
  std::int64_t base_read_;  ///< inputs of one output of the base network
  std::vector<std::int64_t> copies_;
  std::vector<double> sums_;  ///< [base_read x columns]
};

void fill_rows(const Filling& filling, const NamedTensor& from, NamedTensor& to) {
  LATHE_CHECK(filling.base.output_axis == 0 && filling.base.input_axis == 1, "parameter {} of node {}",
              filling.base.name, filling.node.name);
  RowFilling rows(filling, element_count(Shape(filling.base.shape.begin() + 2, filling.base.shape.end())));
  for (std::int64_t output = 0; output < extent(filling.candidate, 0); ++output) rows.fill(output, from, to);
}

/// Refuses to repeat channels where an op reads them together and would compute something else.
void check_repeats(const ir::Graph& base, const ChannelMaps& maps) {
  for (std::size_t i = 0; i < base.nodes.size(); ++i) {
    const ir::Node& node = base.nodes[i];
    if (!ir::op_of(node).couples_channels) continue;
    const std::int64_t width = ir::width_of(base, i);
    const ChannelMap map = expanded(maps, maps.base.layouts[i]);
    const std::vector<std::int64_t> copies = copies_of(map, width);
    const auto [least, most] = std::minmax_element(copies.begin(), copies.end());
    const bool normalises = ir::channel_rule(node) == ir::ChannelRule::kFollows;
    if (*most <= 1 || (normalises && *least == *most)) continue;
    throw UserError(
        "node " + node.name,
        fmt::format("{} over {} channels computes something else over their copies, now {}: net2wider "
                    "cannot keep its outputs{}; use inherit",
                    node.op, width, map.size(), normalises ? " but for a whole multiple of the width" : ""));
  }
}

/// Fills the tensors of a candidate's node.
class NodeTransfer {
 public:
  NodeTransfer(const ir::Graph& base, const State& trained, const ChannelMaps& maps, double spread)
      : base_(base), trained_(trained), maps_(maps), first_(first_tensors(base)), spread_(spread) {}

  void fill(const ir::Node& candidate, NamedTensor* tensors) const {
    const auto index = base_.find(candidate.name);
    if (!index || base_.nodes[*index].op != candidate.op) return;
    for (std::size_t k = 0; k < candidate.parameters.size(); ++k)
      fill_parameter(*index, candidate.parameters[k], tensors[k]);
  }

 private:
  void fill_parameter(std::size_t index, const ir::Parameter& parameter, NamedTensor& to) const {
    const ir::Node& node = base_.nodes[index];
    for (std::size_t k = 0; k < node.parameters.size(); ++k) {
      const ir::Parameter& from = node.parameters[k];
      if (from.name != parameter.name) continue;
      Filling filling{node, from, parameter, {}, {}, 1, spread_};
      if (from.output_axis >= 0) filling.outputs = expanded(maps_, maps_.base.layouts[index]);
      if (from.input_axis >= 0) add_inputs(filling);
      if (!corresponds(filling)) return;
      const bool reads = from.input_axis >= 0;
      (reads ? fill_rows : fill_slices)(filling, trained_[first_[index] + k], to);
    }
  }

  void add_inputs(Filling& filling) const {
    const ir::OpDeclaration& op = ir::op_of(filling.node);
    filling.inputs = expanded(maps_, maps_.base.layouts[filling.node.inputs.front()]);
    if (op.channel_blocks) filling.blocks = op.channel_blocks(filling.node);
  }

  const ir::Graph& base_;
  const State& trained_;
  const ChannelMaps& maps_;
  std::vector<std::size_t> first_;
  double spread_;
};

}  // namespace

std::optional<WeightPolicy> weight_policy(std::string_view name) {
  for (const WeightPolicy policy : {WeightPolicy::kFresh, WeightPolicy::kInherit, WeightPolicy::kNet2Wider})
    if (to_string(policy) == name) return policy;
  return std::nullopt;
}

std::string to_string(WeightPolicy policy) {
  switch (policy) {
    case WeightPolicy::kFresh: return "fresh";
    case WeightPolicy::kInherit: return "inherit";
    case WeightPolicy::kNet2Wider: return "net2wider";
  }
  throw InternalError("unknown weight policy");
}

State transfer_weights(const ir::Graph& base, const State& trained, const ir::Graph& candidate, State fresh,
                       WeightPolicy policy, double spread) {
  check_state(candidate, fresh, "the candidate's fresh weights");
  if (policy == WeightPolicy::kFresh) return fresh;
  check_state(base, trained, "the base network's weights");
  const ChannelMaps maps = choose_channels(base, trained, candidate, policy);
  if (policy == WeightPolicy::kNet2Wider) check_repeats(base, maps);
  const NodeTransfer transfer(base, trained, maps, spread);
  std::size_t tensor = 0;
  for (const ir::Node& node : candidate.nodes) {
    transfer.fill(node, fresh.data() + tensor);
    tensor += node.parameters.size();
  }
  return fresh;
}

}  // namespace lathe::engine
