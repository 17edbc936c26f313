#include <algorithm>
#include <cmath>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

struct LayerNorm {
  std::size_t rows = 0, size = 0;
  float epsilon = 0;
  Tensor source, target, weight, bias;
  Tensor mean, inverse;  // of each row; inverse: 1 / sqrt(variance of the population + eps)
};

// Ba et al. 2016 (arXiv:1607.06450), over the last dimension.
void normalise(const LayerNorm& norm, std::size_t row) {
  const float* values = norm.source.floats() + row * norm.size;
  float* results = norm.target.floats() + row * norm.size;
  const float *weight = norm.weight.floats(), *bias = norm.bias.floats();
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < norm.size; ++i) sum += values[i];
  const float mean = sum / static_cast<float>(norm.size);
#pragma omp simd reduction(+ : squares)
  for (std::size_t i = 0; i < norm.size; ++i) squares += (values[i] - mean) * (values[i] - mean);
  const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(norm.size) + norm.epsilon);
  for (std::size_t i = 0; i < norm.size; ++i) results[i] = (values[i] - mean) * inverse * weight[i] + bias[i];
  norm.mean.floats()[row] = mean;
  norm.inverse.floats()[row] = inverse;
}

void differentiate(const LayerNorm& norm, const float* gradients, float* results, std::size_t row) {
  const float* values = norm.source.floats() + row * norm.size;
  const float* gradient = gradients + row * norm.size;
  float* result = results + row * norm.size;
  const float* weight = norm.weight.floats();
  const float mean = norm.mean.floats()[row], inverse = norm.inverse.floats()[row];
  float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
  for (std::size_t i = 0; i < norm.size; ++i) {
    sum += gradient[i] * weight[i];
    product += gradient[i] * weight[i] * ((values[i] - mean) * inverse);
  }
  const float share = 1.0f / static_cast<float>(norm.size);
  for (std::size_t i = 0; i < norm.size; ++i)
    result[i] = inverse * (gradient[i] * weight[i] - sum * share - (values[i] - mean) * inverse * product * share);
}

// Columns are shared out among the threads.
void sum_gradients(const LayerNorm& norm, const float* gradients, float* weight, float* bias) {
  in_parallel(norm.size, 64, [&](std::size_t begin, std::size_t end) {
    std::fill(weight + begin, weight + end, 0.0f);
    std::fill(bias + begin, bias + end, 0.0f);
    for (std::size_t row = 0; row < norm.rows; ++row) {
      const float *values = norm.source.floats() + row * norm.size, *gradient = gradients + row * norm.size;
      const float mean = norm.mean.floats()[row], inverse = norm.inverse.floats()[row];
      for (std::size_t i = begin; i < end; ++i) {
        weight[i] += gradient[i] * ((values[i] - mean) * inverse);
        bias[i] += gradient[i];
      }
    }
  });
}

template <typename Work>
void for_each_row(const LayerNorm& norm, Work work) {
  in_parallel(norm.rows, std::max<std::size_t>(kGrain / norm.size, 1), [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) work(row);
  });
}

}  // namespace

NodePlan make_layer_norm(PlanBuilder& builder, std::size_t node) {
  const Parameter& weight = builder.plain_parameter(node, "weight");
  const Parameter& bias = builder.plain_parameter(node, "bias");
  LayerNorm norm;
  norm.source = builder.plain(builder.input(node));
  norm.size = weight.stored();
  norm.rows = norm.source.stored() / norm.size;
  norm.epsilon = static_cast<float>(builder.graph().nodes[node].number("eps"));
  norm.target = builder.add_tensor(norm.source.desc);
  norm.weight = weight.effective;
  norm.bias = bias.effective;
  norm.mean = builder.add_plain({static_cast<memory::dim>(norm.rows)});
  norm.inverse = builder.add_plain({static_cast<memory::dim>(norm.rows)});
  builder.step("layer norm", {norm.source, norm.target, norm.mean, norm.inverse},
               [norm](const Pass&) { for_each_row(norm, [&](std::size_t row) { normalise(norm, row); }); });
  return {norm.target, [&builder, node, norm, &weight, &bias](const Gradient& incoming) {
            const Tensor gradient = builder.plain(incoming.tensor), result = builder.add_tensor(norm.source.desc);
            const Tensor made = builder.add_tensor(norm.weight.desc), shift = builder.add_tensor(norm.bias.desc);
            builder.step("layer norm backward", {norm.source, norm.mean, norm.inverse, gradient, result, made, shift},
                         [=](const Pass&) {
                           sum_gradients(norm, gradient.floats(), made.floats(), shift.floats());
                           for_each_row(norm, [&](std::size_t row) {
                             differentiate(norm, gradient.floats(), result.floats(), row);
                           });
                         });
            builder.add_small_gradient(weight, made);
            builder.add_small_gradient(bias, shift);
            builder.contribute(node, 0, {result});
          }};
}

}  // namespace lathe::backend::onednn
