#pragma once

#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"

/// What the tests of the reference back end share.
namespace lathe::backend {

/// Names a layer: op, attributes, and the nodes that it reads (0: the rows, k: layer k - 1; none: the one before).
struct Layer {
  std::string op;
  std::vector<ir::Attribute> attributes = {};
  std::vector<std::size_t> inputs = {};
};

Layer linear(std::int64_t in_features, std::int64_t out_features, bool bias = true);
Layer batch_norm(std::int64_t num_features, double eps = 1e-5, double momentum = 0.1);
/// Makes a quantiser node; `format` as `integer(width=8, frac_width=4)`.
Layer quantize(const std::string& format);

/// Builds a network behind an input of this shape, or of features; layer k has the module path `k`.
ir::Graph chain(Shape input, const std::vector<Layer>& layers);
ir::Graph chain(std::int64_t in_features, const std::vector<Layer>& layers);
/// Sets the format of every weight and bias of linear layers.
void set_weight_format(ir::Graph& graph, const std::string& format);

/// Makes rows of normal features, multiples of 2^-8, and uniform labels.
data::Samples random_samples(std::int64_t rows, std::int64_t width, std::int64_t classes, std::uint64_t seed);
/// Makes weights of a few tenths, multiples of 2^-12; batch norms near their defaults.
engine::State random_state(const ir::Graph& graph, std::uint64_t seed);

/// Returns 0 .. count-1.
std::vector<std::uint32_t> first_rows(std::size_t count);
/// Makes a training session of the reference back end that holds `state`.
std::unique_ptr<engine::Session> training_session(const ir::Graph& graph, const engine::State& state,
                                                  std::int64_t batch_size, const engine::LossSettings& loss = {});
/// Returns the tensor of a name; fails the test when there is none.
const engine::NamedTensor& tensor(const engine::State& state, const std::string& name);

}  // namespace lathe::backend
