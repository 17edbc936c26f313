#include <algorithm>
#include <memory>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/threads.h"
#include "lathe/engine/dropout.h"
#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

namespace lathe::backend::onednn {
namespace {

// Returns all inputs of a node in one layout: that of the first which is not row-major.
std::vector<Tensor> inputs_alike(PlanBuilder& builder, std::size_t node) {
  const std::size_t count = builder.graph().nodes[node].inputs.size();
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < count; ++i) inputs.push_back(builder.in_floats(builder.input(node, i)));
  const auto blocked = std::find_if(inputs.begin(), inputs.end(), [](const Tensor& t) { return !is_plain(t.desc); });
  const memory::desc layout = blocked == inputs.end() ? inputs[0].desc : blocked->desc;
  for (Tensor& input : inputs) input = builder.in_layout(input, layout);
  return inputs;
}

using Combine = void (*)(float* target, const float* source, std::size_t count);

void add(float* target, const float* source, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) target[i] += source[i];
}

void multiply(float* target, const float* source, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) target[i] *= source[i];
}

// Adds a step that combines values from the first to the last, part by part, so that a part stays in the cache.
void add_combination(PlanBuilder& builder, const char* kind, const std::vector<Tensor>& sources, const Tensor& target,
                     Combine combine) {
  std::vector<Tensor> touched = sources;
  touched.push_back(target);
  builder.step(kind, touched, [=](const Pass&) {
    in_parallel(target.stored(), kGrain, [&](std::size_t from, std::size_t to) {
      for (std::size_t begin = from; begin < to; begin += kGrain) {
        const std::size_t count = std::min(kGrain, to - begin);
        std::copy_n(sources[0].floats() + begin, count, target.floats() + begin);
        for (std::size_t i = 1; i < sources.size(); ++i)
          combine(target.floats() + begin, sources[i].floats() + begin, count);
      }
    });
  });
}

// Adds the gradient of factor `which`: the incoming one times all other factors.
void add_factor_gradient(PlanBuilder& builder, std::size_t node, const std::vector<Tensor>& factors, std::size_t which,
                         const Tensor& gradient) {
  std::vector<Tensor> sources = {gradient};
  for (std::size_t i = 0; i < factors.size(); ++i)
    if (i != which) sources.push_back(factors[i]);
  const Tensor result = builder.add_tensor(gradient.desc);
  add_combination(builder, "product backward", sources, result, multiply);
  builder.contribute(node, which, {result});
}

void draw(const engine::DropoutMask& mask, std::size_t row, std::size_t width, std::uint8_t* kept) {
  for (std::size_t quad = 0; quad * 4 < width; ++quad) {
    const auto keeps = mask.keeps_quad(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(quad));
    for (std::size_t i = 0; i < 4 && quad * 4 + i < width; ++i) kept[quad * 4 + i] = keeps[i] ? 1 : 0;
  }
}

void apply(const std::uint8_t* kept, float scale, const float* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = kept[i] != 0 ? from[i] * scale : 0.0f;
}

std::uint8_t* bytes_of(const Tensor& mask) { return static_cast<std::uint8_t*>(mask.values.get_data_handle()); }

}  // namespace

NodePlan make_add(PlanBuilder& builder, std::size_t node) {
  const std::vector<Tensor> inputs = inputs_alike(builder, node);
  const Tensor target = builder.add_tensor(inputs[0].desc);
  add_combination(builder, "sum", inputs, target, add);
  return {target, [&builder, node, count = inputs.size()](const Gradient& gradient) {
            for (std::size_t i = 0; i < count; ++i)
              if (builder.wants_gradient(node, i)) builder.contribute(node, i, {gradient.tensor, false});
          }};
}

NodePlan make_mul(PlanBuilder& builder, std::size_t node) {
  const std::vector<Tensor> factors = inputs_alike(builder, node);
  const Tensor target = builder.add_tensor(factors[0].desc);
  add_combination(builder, "product", factors, target, multiply);
  return {target, [&builder, node, factors](const Gradient& incoming) {
            const Tensor gradient = builder.in_layout(incoming.tensor, factors[0].desc);
            for (std::size_t i = 0; i < factors.size(); ++i)
              if (builder.wants_gradient(node, i)) add_factor_gradient(builder, node, factors, i, gradient);
          }};
}

// Any number format: samples are shared out to the threads, which changes no bit.
NodePlan make_any_quantize(PlanBuilder& builder, std::size_t node) {
  const std::shared_ptr<const quant::Quantizer> quantizer =
      quant::make_quantizer(builder.graph().nodes[node].format("format"));
  const Shape& shape = builder.graph().nodes[node].output_shape;
  const std::size_t rows = builder.rows(), width = static_cast<std::size_t>(element_count(shape));
  const Tensor source = builder.plain(builder.input(node)), target = builder.add_tensor(source.desc);
  builder.step("quantize", {source, target}, [=](const Pass&) {
    in_parallel(rows, 1, [&](std::size_t begin, std::size_t end) {
      const auto count = static_cast<std::int64_t>(end - begin);
      quantizer->quantize(quant::TensorView<const float>::batch(source.floats() + begin * width, count, shape),
                          quant::TensorView<float>::batch(target.floats() + begin * width, count, shape));
    });
  });
  return {target, [=, &builder](const Gradient& incoming) {
            if (!quantizer->changes_gradients()) return builder.contribute(node, 0, incoming);
            const Tensor gradient = builder.writable(incoming, source.desc);
            builder.step("quantize backward", {source, gradient}, [=](const Pass&) {
              in_parallel(rows, 1, [&](std::size_t begin, std::size_t end) {
                const auto count = static_cast<std::int64_t>(end - begin);
                quantizer->pass_gradient(
                    quant::TensorView<const float>::batch(source.floats() + begin * width, count, shape),
                    quant::TensorView<float>::batch(gradient.floats() + begin * width, count, shape));
              });
            });
            builder.contribute(node, 0, {gradient});
          }};
}

// Fixed point. The gradient passes straight through (Bengio et al. 2013, arXiv:1308.3432).
NodePlan make_quantize(PlanBuilder& builder, std::size_t node) {
  const auto fixed = quant::integer_scale(builder.graph().nodes[node].format("format"));
  if (!fixed) return make_any_quantize(builder, node);
  const quant::IntegerScale scale = *fixed;
  const Tensor source = builder.in_floats(builder.input(node)), target = builder.add_tensor(source.desc);
  builder.step("quantize", {source, target}, [=](const Pass&) {
    const float* from = source.floats();
    float* to = target.floats();
    in_parallel(source.stored(), kGrain, [=](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) to[i] = scale(from[i]);
    });
  });
  return {target, [&builder, node](const Gradient& gradient) { builder.contribute(node, 0, gradient); }};
}

NodePlan make_dropout(PlanBuilder& builder, std::size_t node) {
  const Tensor source = builder.plain(builder.input(node)), target = builder.add_tensor(source.desc);
  const Tensor kept = builder.add_tensor(plain_desc(source.desc.dims(), memory::data_type::u8));
  const std::size_t rows = builder.rows(), width = source.stored() / rows;
  const double probability = builder.graph().nodes[node].number("p");
  builder.step("dropout", {source, target, kept}, [=](const Pass& pass) {
    const engine::DropoutMask mask(pass.dropout_seed, node, probability);
    const auto scale = static_cast<float>(mask.scale());
    in_parallel(rows, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) draw(mask, row, width, bytes_of(kept) + row * width);
      apply(bytes_of(kept) + begin * width, scale, source.floats() + begin * width, target.floats() + begin * width,
            (end - begin) * width);
    });
  });
  return {target, [&builder, node, kept, desc = source.desc, probability](const Gradient& incoming) {
            const Tensor gradient = builder.writable(incoming, desc);
            const auto scale = static_cast<float>(engine::DropoutMask(0, node, probability).scale());
            builder.step("dropout backward", {gradient, kept}, [=](const Pass&) {
              apply(bytes_of(kept), scale, gradient.floats(), gradient.floats(), gradient.stored());
            });
            builder.contribute(node, 0, {gradient});
          }};
}

}  // namespace lathe::backend::onednn
