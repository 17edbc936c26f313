#include "lathe/backend/onednn/plane_map.h"

#include <algorithm>
#include <array>
#include <memory>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

// Sources along one dimension: of each place of the output, indices with their shares.
struct Source {
  std::int64_t index;
  double share;
};
using Axis = std::vector<std::vector<Source>>;

// A sequence is a plane of one row.
Axis one_row() { return {{{0, 1.0}}}; }

PlaneMap product(const Axis& rows, const Axis& columns, std::int64_t height, std::int64_t width) {
  PlaneMap map;
  map.in_plane = static_cast<std::size_t>(height * width);
  map.out_plane = rows.size() * columns.size();
  for (const auto& row : rows) {
    for (const auto& column : columns) {
      map.first.push_back(static_cast<std::uint32_t>(map.index.size()));
      for (const Source& y : row)
        for (const Source& x : column) {
          map.index.push_back(static_cast<std::uint32_t>(y.index * width + x.index));
          map.share.push_back(static_cast<float>(y.share * x.share));
        }
    }
  }
  map.first.push_back(static_cast<std::uint32_t>(map.index.size()));
  return map;
}

// Makes the map of a node from its dimensions: `axis(dimension, in, out)`.
template <typename MakeAxis>
PlaneMap map_of(const ir::Graph& graph, std::size_t node, MakeAxis axis) {
  const Shape& in = graph.nodes[graph.nodes[node].inputs[0]].output_shape;
  const Shape& out = graph.nodes[node].output_shape;
  if (in.size() == 2) return product(one_row(), axis(0, in[1], out[1]), 1, in[1]);
  return product(axis(0, in[1], out[1]), axis(1, in[2], out[2]), in[1], in[2]);
}

Axis average_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  Axis axis(static_cast<std::size_t>(out));
  for (std::int64_t place = 0; place < out; ++place) {
    const std::int64_t begin = place * stride - padding;
    const std::int64_t area = std::min(begin + kernel, in + padding) - begin;  // the padded plane's part
    for (std::int64_t i = std::max<std::int64_t>(begin, 0); i < std::min(begin + kernel, in); ++i)
      axis[static_cast<std::size_t>(place)].push_back({i, 1.0 / static_cast<double>(area)});
  }
  return axis;
}

Axis adaptive_axis(std::int64_t in, std::int64_t bins) {
  Axis axis(static_cast<std::size_t>(bins));
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    const std::int64_t begin = bin * in / bins, end = ((bin + 1) * in + bins - 1) / bins;
    for (std::int64_t i = begin; i < end; ++i)
      axis[static_cast<std::size_t>(bin)].push_back({i, 1.0 / static_cast<double>(end - begin)});
  }
  return axis;
}

Axis enlarged_axis(std::int64_t in, std::int64_t factor, bool bilinear) {
  Axis axis(static_cast<std::size_t>(in * factor));
  for (std::int64_t place = 0; place < in * factor; ++place) {
    auto& sources = axis[static_cast<std::size_t>(place)];
    if (!bilinear) {
      sources.push_back({place / factor, 1.0});
      continue;
    }
    const double at = std::max((static_cast<double>(place) + 0.5) / static_cast<double>(factor) - 0.5, 0.0);
    const auto low = std::min(static_cast<std::int64_t>(at), in - 1);
    const double share = at - static_cast<double>(low);
    sources.push_back({low, 1 - share});
    sources.push_back({std::min(low + 1, in - 1), share});
  }
  return axis;
}

void apply(const PlaneMap& map, const float* in, float* out) {
  for (std::size_t place = 0; place < map.out_plane; ++place) {
    float sum = 0;
    for (std::size_t k = map.first[place]; k < map.first[place + 1]; ++k) sum += map.share[k] * in[map.index[k]];
    out[place] = sum;
  }
}

void apply_backward(const PlaneMap& map, const float* out, float* in) {
  std::fill_n(in, map.in_plane, 0.0f);
  for (std::size_t place = 0; place < map.out_plane; ++place)
    for (std::size_t k = map.first[place]; k < map.first[place + 1]; ++k) in[map.index[k]] += map.share[k] * out[place];
}

}  // namespace

PlaneMap average_sources(const ir::Graph& graph, std::size_t node) {
  const ir::Node& pool = graph.nodes[node];
  return map_of(graph, node, [&](std::size_t dimension, std::int64_t in, std::int64_t out) {
    const std::int64_t kernel = pool.integers("kernel_size")[dimension], stride = pool.integers("stride")[dimension];
    return average_axis(in, out, kernel, stride == 0 ? kernel : stride, pool.integers("padding")[dimension]);
  });
}

PlaneMap adaptive_sources(const ir::Graph& graph, std::size_t node) {
  return map_of(graph, node, [](std::size_t, std::int64_t in, std::int64_t out) { return adaptive_axis(in, out); });
}

PlaneMap upsample_sources(const ir::Graph& graph, std::size_t node) {
  const ir::Node& upsample = graph.nodes[node];
  const bool bilinear = upsample.string("mode") == "bilinear";
  return map_of(graph, node, [&](std::size_t dimension, std::int64_t in, std::int64_t) {
    return enlarged_axis(in, upsample.integers("scale_factor")[dimension], bilinear);
  });
}

NodePlan add_plane_map(PlanBuilder& builder, std::size_t node, const PlaneMap& made) {
  const auto map = std::make_shared<const PlaneMap>(made);  // shared by the two directions
  const Tensor source = builder.plain(builder.input(node));
  const Tensor target = builder.add_plain(batch_dims(builder.rows(), builder.graph().nodes[node].output_shape));
  const std::size_t planes = target.stored() / map->out_plane;
  builder.step("plane by plane", {source, target}, [=](const Pass&) {
    in_parallel(planes, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        apply(*map, source.floats() + i * map->in_plane, target.floats() + i * map->out_plane);
    });
  });
  return {target, [&builder, node, map, planes, desc = source.desc](const Gradient& incoming) {
            const Tensor gradient = builder.plain(incoming.tensor), result = builder.add_tensor(desc);
            builder.step("plane by plane backward", {gradient, result}, [=](const Pass&) {
              in_parallel(planes, 1, [&](std::size_t begin, std::size_t end) {
                for (std::size_t i = begin; i < end; ++i)
                  apply_backward(*map, gradient.floats() + i * map->out_plane, result.floats() + i * map->in_plane);
              });
            });
            builder.contribute(node, 0, {result});
          }};
}

NodePlan make_upsample(PlanBuilder& builder, std::size_t node) {
  return add_plane_map(builder, node, upsample_sources(builder.graph(), node));
}

}  // namespace lathe::backend::onednn
