#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"
#include "lathe/ir/graph.h"
#include "lathe/ir/op.h"

/// What the conformance suites share: small networks, rows, and the comparison with the reference back end.
namespace lathe::conformance {

/// Describes one layer of a chain: op and attributes.
struct Layer {
  std::string op;
  std::vector<ir::Attribute> attributes;
};

Layer linear(std::int64_t in, std::int64_t out, bool bias = true);
Layer batch_norm(std::int64_t width);
Layer activation(std::string op);
/// Makes a quantiser node of the integer format.
Layer quantizer(std::int64_t width, std::int64_t frac_width, bool is_signed = true);

/// Builds a chain; layer k has the module path `layers.k`. Ops of several inputs read the layer before several times.
ir::Graph make_chain(std::int64_t in, const std::vector<Layer>& layers);

/// Sets the integer format of every weight and bias of linear layers and convolutions.
void quantize_parameters(ir::Graph& graph, std::int64_t width, std::int64_t frac_width);

/// Returns variants of an op to be tested behind `width` features: default attributes, each boolean attribute
/// inverted, other values of known attributes. Obligatory attributes are filled from the declaration; throws UserError
/// where one cannot be: such ops are in op_networks.h alone.
std::vector<Layer> variants(const ir::OpDeclaration& declaration, std::int64_t width);

/// Lists where the derivative of a node's op jumps between -32 and 32, or bends; found by looking at it.
const std::vector<double>& kinks(const ir::Node& node);

/// Makes rows of standard normal features and uniform labels.
data::Samples random_samples(std::int64_t rows, std::int64_t width, std::int64_t classes, std::uint64_t seed);

/// Chooses `count` distinct rows whose values stay clear of every kink (ReLU at 0, rounding boundaries of quantisers)
/// by 1e-5, in training mode from `state`; `offset` varies the choice. Networks with dropout before a kink cannot be
/// checked.
std::vector<std::uint32_t> clear_rows(const ir::Graph& graph, const engine::State& state, const data::Samples& samples,
                                      std::size_t count, std::size_t offset);

/// As clear_rows; empty where there is no such batch (a random network may have values that are 0 but for rounding).
std::vector<std::uint32_t> find_clear_rows(const ir::Graph& graph, const engine::State& state,
                                           const data::Samples& samples, std::size_t count, std::size_t offset);

/// Returns the largest difference over trainable tensors and buffers, each relative to its largest magnitude in `truth`
/// (or to `floor` where that is larger). Biases that feed batch norms or the keys of an attention only are left out
/// (their true gradient is 0), and with them the running means that contain them.
double relative_difference(const ir::Graph& graph, const engine::State& truth, const engine::State& other,
                           double floor = 0);

/// Returns the largest magnitude of all tensors.
double largest_magnitude(const engine::State& state);

/// Makes a session that holds `state` with its optimiser set.
std::unique_ptr<engine::Session> start(const engine::Backend& backend, const ir::Graph& graph,
                                       const engine::State& state, std::size_t batch,
                                       const engine::OptimizerSettings& optimizer = {});

}  // namespace lathe::conformance
