#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"

namespace lathe::engine {

/// Says where the first weights of a network with changed widths come from.
enum class WeightPolicy {
  kFresh,      ///< `fresh`: PyTorch's initialisation by seed
  kInherit,    ///< `inherit`: the most important channels of the base network; what it lacks is fresh
  kNet2Wider,  ///< `net2wider`: wider layers repeat the base network's channels so that the outputs stay the same
};

/// Reads `fresh`, `inherit` or `net2wider`; nullopt for other text.
std::optional<WeightPolicy> weight_policy(std::string_view name);
std::string to_string(WeightPolicy policy);

/// How far the followers of repeated channels are moved apart, in units of fresh weights.
inline constexpr double kDefaultSpread = 0.5;

/// Returns the weights with which `candidate` starts: `fresh` (the candidate's own fresh state), into which the
/// weights of `base` are put that `policy` keeps. `candidate` is `base` with other widths (ir::scale_channels) and
/// perhaps other number formats: nodes correspond by name, channels by ir::channel_groups(base). A tensor without a
/// counterpart of equal extents (channels apart) stays fresh.
///
/// - Narrower, both policies: of every channel group the channels with the largest L1 norm, summed over the weights of
///   all layers that make it (Li et al. 2017), stay in their order; equal norms: the first. The same channels stay in
///   every tensor: producers, batch norms, depthwise convolutions, and what reads them, through sums, concatenations
///   and flattened planes. Attention heads and groups of a convolution keep equally many channels each.
/// - Wider, kInherit: all channels of the base network, then fresh ones (in every head or group).
/// - Wider, kNet2Wider (Chen, Goodfellow, Shlens 2016, Net2WiderNet): the channels again, first to last, as often as
///   needed; each reader's weights are divided by the number of copies, so that in evaluation mode the network
///   computes what `base` does (to rounding) if no group became narrower. Copies with equal weights would get equal
///   gradients for ever; therefore the readers' weights of the copies are moved apart by `spread` times fresh weights
///   whose sum over the copies is zero: the outputs stay the same. 0: as in the paper without its noise.
///   Layer norms keep their outputs only where every channel is repeated equally often; softmax and attention over
///   repeated channels never do: UserError names the node (and the widths) where that is asked.
///
/// Deterministic: a function of the arguments. Throws DataError when `trained` or `fresh` do not fit their graphs.
State transfer_weights(const ir::Graph& base, const State& trained, const ir::Graph& candidate, State fresh,
                       WeightPolicy policy, double spread = kDefaultSpread);

}  // namespace lathe::engine
