#pragma once

#include "lathe/backend/ref/window.h"

namespace lathe::backend::ref {

/// Computes every plane [height, width] of the output from the same channel's plane of the input, as sums of its values
/// times fixed shares. A Map is made of a NodeState; its for_each_source(place, visit) calls `visit(index, share)` with
/// what the output value at `place` is the sum of.
template <typename Map>
void map_planes(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const Map map(state);
  const std::size_t planes = pass.rows * static_cast<std::size_t>(state.out_shape()[0]);
  const std::size_t in_plane = inputs[0].size() / planes, out_plane = output.size() / planes;
  for (std::size_t i = 0; i < output.size(); ++i) {
    const auto plane = inputs[0].subspan(i / out_plane * in_plane, in_plane);
    double sum = 0;
    map.for_each_source(i % out_plane, [&](std::size_t at, double share) { sum += plane[at] * share; });
    output[i] = sum;
  }
}

/// Hands the gradients back by the same shares.
template <typename Map>
void map_plane_gradients(NodeState& state, const Pass& pass, Inputs, std::span<const double>,
                         std::span<const double> output_gradient, InputGradients input_gradients) {
  const Map map(state);
  const std::size_t planes = pass.rows * static_cast<std::size_t>(state.out_shape()[0]);
  const std::size_t in_plane = input_gradients[0].size() / planes, out_plane = output_gradient.size() / planes;
  for (std::size_t i = 0; i < output_gradient.size(); ++i) {
    const auto plane = input_gradients[0].subspan(i / out_plane * in_plane, in_plane);
    map.for_each_source(i % out_plane, [&](std::size_t at, double share) { plane[at] += output_gradient[i] * share; });
  }
}

template <typename Map>
Kernel plane_map_kernel(const char* op) {
  return {.op = op, .forward = map_planes<Map>, .backward = map_plane_gradients<Map>, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
