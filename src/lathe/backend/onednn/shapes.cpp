#include <algorithm>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

// Returns a gradient row-major; it may be overwritten where the given one might, or where it is a copy.
Gradient plain_gradient(PlanBuilder& builder, const Gradient& gradient) {
  const Tensor plain = builder.plain(gradient.tensor);
  return {plain, gradient.owned || plain.buffer != gradient.tensor.buffer};
}

// Describes row-major memory of `dims` with its dimensions in the order `order`.
memory::desc turned_desc(const memory::dims& dims, const std::vector<std::size_t>& order) {
  const memory::desc plain = plain_desc(dims);
  memory::dims turned, strides;
  for (const std::size_t dimension : order) {
    turned.push_back(dims[dimension]);
    strides.push_back(plain.data.format_desc.blocking.strides[dimension]);
  }
  return {turned, memory::data_type::f32, strides};
}

Tensor turned(PlanBuilder& builder, const Tensor& source, const std::vector<std::size_t>& order) {
  const Tensor plain = builder.plain(source);
  const memory::desc desc = turned_desc(plain.desc.dims(), order);
  return builder.in_layout(builder.add_view(plain, desc), plain_desc(desc.dims()));
}

std::size_t product_from(const memory::dims& dims, std::size_t first) {
  std::size_t product = 1;
  for (std::size_t i = first; i < dims.size(); ++i) product *= static_cast<std::size_t>(dims[i]);
  return product;
}

// Copies between a joined value and its parts: part k holds `widths[k]` values of each run.
struct Join {
  std::vector<Tensor> parts;
  std::vector<std::size_t> widths;
  Tensor whole;
  std::size_t runs = 0, width = 0;

  template <typename Copy>
  void for_each_piece(Copy copy) const {
    for (std::size_t run = 0; run < runs; ++run) {
      float* place = whole.floats() + run * width;
      for (std::size_t k = 0; k < parts.size(); ++k) {
        copy(parts[k].floats() + run * widths[k], place, widths[k]);
        place += widths[k];
      }
    }
  }
  std::vector<Tensor> touched() const {
    std::vector<Tensor> all = parts;
    all.push_back(whole);
    return all;
  }
};

// Where the means are taken over: [tokens, features] or [channels, positions...].
struct Positions {
  std::size_t rows = 0, channels = 0, count = 0;
  bool channels_last = false;

  std::size_t index(std::size_t row, std::size_t channel, std::size_t position) const {
    const std::size_t within = channels_last ? position * channels + channel : channel * count + position;
    return row * channels * count + within;
  }
  template <typename Visit>
  void for_each_value(Visit visit) const {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t channel = 0; channel < channels; ++channel)
        for (std::size_t position = 0; position < count; ++position)
          visit(index(row, channel, position), row * channels + channel);
  }
};

}  // namespace

NodePlan make_reshape(PlanBuilder& builder, std::size_t node) {
  const Tensor source = builder.plain(builder.input(node));
  const memory::dims dims = batch_dims(builder.rows(), builder.graph().nodes[node].output_shape);
  return {builder.add_view(source, plain_desc(dims)), [&builder, node, desc = source.desc](const Gradient& incoming) {
            const Gradient gradient = plain_gradient(builder, incoming);
            builder.contribute(node, 0, {builder.add_view(gradient.tensor, desc), gradient.owned});
          }};
}

NodePlan make_permute(PlanBuilder& builder, std::size_t node) {
  const Shape& dims = builder.graph().nodes[node].integers("dims");
  std::vector<std::size_t> order = {0}, back(dims.size() + 1);
  for (const std::int64_t dimension : dims) order.push_back(static_cast<std::size_t>(dimension) + 1);
  for (std::size_t i = 0; i < order.size(); ++i) back[order[i]] = i;
  return {turned(builder, builder.input(node), order), [&builder, node, back](const Gradient& gradient) {
            builder.contribute(node, 0, {turned(builder, gradient.tensor, back), false});
          }};
}

NodePlan make_concat(PlanBuilder& builder, std::size_t node) {
  const memory::dims dims = batch_dims(builder.rows(), builder.graph().nodes[node].output_shape);
  const std::size_t inputs = builder.graph().nodes[node].inputs.size();
  Join join;
  for (std::size_t i = 0; i < inputs; ++i) join.parts.push_back(builder.plain(builder.input(node, i)));
  join.whole = builder.add_plain(dims);
  std::size_t axis = 1;  // the one where the output is longer
  while (axis + 1 < dims.size() && dims[axis] == join.parts[0].desc.dims()[axis]) ++axis;
  join.width = product_from(dims, axis);
  join.runs = join.whole.stored() / join.width;
  for (const Tensor& part : join.parts) join.widths.push_back(product_from(part.desc.dims(), axis));
  builder.step("concat", join.touched(), [join](const Pass&) {
    join.for_each_piece([](const float* part, float* whole, std::size_t count) { std::copy_n(part, count, whole); });
  });
  return {join.whole, [&builder, node, join](const Gradient& incoming) {
            Join parts = join;
            parts.whole = builder.plain(incoming.tensor);
            for (Tensor& part : parts.parts) part = builder.add_tensor(part.desc);
            builder.step("concat backward", parts.touched(), [parts](const Pass&) {
              parts.for_each_piece(
                  [](float* part, const float* whole, std::size_t count) { std::copy_n(whole, count, part); });
            });
            for (std::size_t i = 0; i < parts.parts.size(); ++i) builder.contribute(node, i, {parts.parts[i]});
          }};
}

NodePlan make_mean(PlanBuilder& builder, std::size_t node) {
  const Tensor source = builder.plain(builder.input(node));
  const Tensor target = builder.add_plain(batch_dims(builder.rows(), builder.graph().nodes[node].output_shape));
  Positions positions;
  positions.rows = builder.rows();
  positions.channels = target.stored() / positions.rows;
  positions.count = source.stored() / target.stored();
  positions.channels_last = source.desc.data.ndims == 3;
  const float share = 1.0f / static_cast<float>(positions.count);
  builder.step("mean", {source, target}, [=](const Pass&) {
    std::fill_n(target.floats(), target.stored(), 0.0f);
    positions.for_each_value(
        [&](std::size_t in, std::size_t out) { target.floats()[out] += share * source.floats()[in]; });
  });
  return {target, [&builder, node, positions, share, desc = source.desc](const Gradient& incoming) {
            const Tensor gradient = builder.plain(incoming.tensor), result = builder.add_tensor(desc);
            builder.step("mean backward", {gradient, result}, [=](const Pass&) {
              positions.for_each_value(
                  [&](std::size_t in, std::size_t out) { result.floats()[in] = share * gradient.floats()[out]; });
            });
            builder.contribute(node, 0, {result});
          }};
}

}  // namespace lathe::backend::onednn
