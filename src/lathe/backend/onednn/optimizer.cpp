#include "lathe/backend/onednn/optimizer.h"

#include <atomic>
#include <cmath>
#include <vector>

#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

using engine::OptimizerDeclaration;
using engine::OptimizerSettings;
using engine::OptimizerStep;

// What every rule adds to the gradient.
struct Penalty {
  float l1 = 0, twice_l2 = 0, decay = 0;

  float operator()(float gradient, float value) const {
    const float sign = value > 0 ? 1.0f : (value < 0 ? -1.0f : 0.0f);
    return gradient + l1 * sign + twice_l2 * value + decay * value;
  }
};

struct Sgd {
  Penalty penalty;
  float rate, momentum;
  bool nesterov;

  // Without momentum the moments are not touched.
  void operator()(float& value, float gradient, float* buffer) const {
    float step = penalty(gradient, value);
    if (buffer != nullptr) {
      *buffer = momentum * *buffer + step;
      step = nesterov ? step + momentum * *buffer : *buffer;
    }
    value -= rate * step;
  }
};

// Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2 (keep: what the decay leaves of a weight).
struct Adam {
  Penalty penalty;
  float keep, beta1, beta2, rest1, rest2, rate, root_correction, epsilon;

  void operator()(float& value, float gradient, float& mean, float& square) const {
    const float added = penalty(gradient, value);
    value *= keep;
    mean = beta1 * mean + rest1 * added;
    square = beta2 * square + rest2 * added * added;
    value -= rate * mean / (std::sqrt(square) * root_correction + epsilon);
  }
};

Penalty penalty_of(const OptimizerSettings& settings, bool penalised) {
  Penalty penalty;
  if (penalised) penalty = {static_cast<float>(settings.l1), static_cast<float>(2 * settings.l2), 0};
  if (settings.name != "adamw") penalty.decay = static_cast<float>(settings.weight_decay);
  return penalty;
}

Adam adam_of(const OptimizerSettings& settings, const OptimizerStep& step, bool penalised) {
  const auto count = static_cast<double>(step.number);
  const double correction1 = 1 - std::pow(settings.beta1, count), correction2 = 1 - std::pow(settings.beta2, count);
  const bool decoupled = settings.name == "adamw";
  return {.penalty = penalty_of(settings, penalised),
          .keep = static_cast<float>(decoupled ? 1 - step.learning_rate * settings.weight_decay : 1.0),
          .beta1 = static_cast<float>(settings.beta1),
          .beta2 = static_cast<float>(settings.beta2),
          .rest1 = static_cast<float>(1 - settings.beta1),
          .rest2 = static_cast<float>(1 - settings.beta2),
          .rate = static_cast<float>(step.learning_rate / correction1),
          .root_correction = static_cast<float>(1 / std::sqrt(correction2)),
          .epsilon = static_cast<float>(settings.epsilon)};
}

// A number times 0 is 0 unless it is infinite or none.
bool all_finite(const float* values, std::size_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < count; ++i) sum += values[i] * 0.0f;
  return sum == 0;
}

// Calls `change(i)` for all values, a part at a time, and checks the part while it is in the cache.
template <typename Change>
bool update_all(const UpdateBlock& block, Change change) {
  std::atomic<bool> finite = true;
  in_parallel(block.count, kGrain, [&](std::size_t from, std::size_t to) {
    for (std::size_t begin = from; begin < to; begin += kGrain) {
      const std::size_t end = begin + kGrain < to ? begin + kGrain : to;
      change(begin, end);
      if (!all_finite(block.values + begin, end - begin)) finite = false;
    }
  });
  return finite;
}

bool apply_sgd(const Sgd& rule, bool with_momentum, const UpdateBlock& block) {
  return update_all(block, [&](std::size_t begin, std::size_t end) {
    if (with_momentum)
      for (std::size_t i = begin; i < end; ++i) rule(block.values[i], block.gradients[i], &block.moments1[i]);
    else
      for (std::size_t i = begin; i < end; ++i) rule(block.values[i], block.gradients[i], nullptr);
  });
}

bool apply_adam(const Adam& rule, const UpdateBlock& block) {
  return update_all(block, [&](std::size_t begin, std::size_t end) {
    const Adam local = rule;
    float* values = block.values;
    const float* gradients = block.gradients;
    float *means = block.moments1, *squares = block.moments2;
#pragma omp simd
    for (std::size_t i = begin; i < end; ++i) local(values[i], gradients[i], means[i], squares[i]);
  });
}

// Any other rule, by its own function; penalties go into a copy of the gradients.
bool apply_other(const OptimizerDeclaration& rule, const OptimizerSettings& settings, const OptimizerStep& step,
                 const UpdateBlock& block) {
  Penalty penalty = penalty_of(settings, block.penalised);
  penalty.decay = 0;
  return update_all(block, [&](std::size_t begin, std::size_t end) {
    std::vector<float> gradients(end - begin);
    for (std::size_t i = begin; i < end; ++i) gradients[i - begin] = penalty(block.gradients[i], block.values[i]);
    rule.update_floats(settings, step,
                       {.values = block.values + begin,
                        .gradients = gradients.data(),
                        .moments = {block.moments1 + begin, block.moments2 + begin},
                        .count = end - begin});
  });
}

}  // namespace

bool apply_update(const OptimizerDeclaration& rule, const OptimizerSettings& settings, const OptimizerStep& step,
                  const UpdateBlock& block) {
  if (rule.name == "adam" || rule.name == "adamw") return apply_adam(adam_of(settings, step, block.penalised), block);
  if (rule.name != "sgd") return apply_other(rule, settings, step, block);
  const Sgd sgd{.penalty = penalty_of(settings, block.penalised),
                .rate = static_cast<float>(step.learning_rate),
                .momentum = static_cast<float>(settings.momentum),
                .nesterov = settings.nesterov};
  return apply_sgd(sgd, settings.momentum != 0, block);
}

}  // namespace lathe::backend::onednn
