#pragma once

#include <cstdint>
#include <vector>

#include "lathe/backend/onednn/builder.h"

namespace lathe::backend::onednn {

/// Says from which values of a plane each value of the output's plane is summed, and with which factors: source k of
/// place p is index[first[p] + k].
struct PlaneMap {
  std::size_t in_plane = 0, out_plane = 0;
  std::vector<std::uint32_t> first, index;
  std::vector<float> share;
};

/// Returns the sources of an average pool and of an adaptive one, for shapes that oneDNN's pools do not take.
PlaneMap average_sources(const ir::Graph& graph, std::size_t node);
PlaneMap adaptive_sources(const ir::Graph& graph, std::size_t node);
/// Returns the sources of an enlargement, nearest or bilinear without aligned corners.
PlaneMap upsample_sources(const ir::Graph& graph, std::size_t node);

/// Adds a node that applies a map to every plane, on row-major values.
NodePlan add_plane_map(PlanBuilder& builder, std::size_t node, const PlaneMap& map);

}  // namespace lathe::backend::onednn
