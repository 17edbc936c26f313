#include <fmt/format.h>

#include <cmath>

#include "lathe/engine/optimizer.h"

namespace lathe::engine {
namespace {

// Kingma & Ba 2015, algorithm 1, weight decay added to the gradient; with kDecoupled Loshchilov & Hutter 2019,
// algorithm 2, decay applied to the weights first.
template <bool kDecoupled>
struct Adam {
  template <typename T>
  static void update(const OptimizerSettings& settings, const OptimizerStep& step, const UpdateSlice<T>& slice) {
    const auto number = static_cast<double>(step.number);
    const double correction1 = 1 - std::pow(settings.beta1, number);
    const double correction2 = 1 - std::pow(settings.beta2, number);
    const T keep = static_cast<T>(1 - step.learning_rate * settings.weight_decay);
    const T decay = static_cast<T>(settings.weight_decay), root = static_cast<T>(std::sqrt(correction2));
    const T beta1 = static_cast<T>(settings.beta1), rest1 = static_cast<T>(1 - settings.beta1);
    const T beta2 = static_cast<T>(settings.beta2), rest2 = static_cast<T>(1 - settings.beta2);
    const T rate = static_cast<T>(step.learning_rate / correction1), epsilon = static_cast<T>(settings.epsilon);
    for (std::size_t i = 0; i < slice.count; ++i) {
      T& value = slice.values[i];
      T& mean = slice.moments[0][i];
      T& square = slice.moments[1][i];
      if constexpr (kDecoupled) value *= keep;
      const T gradient = kDecoupled ? slice.gradients[i] : slice.gradients[i] + decay * value;
      mean = beta1 * mean + rest1 * gradient;
      square = beta2 * square + rest2 * gradient * gradient;
      value -= rate * mean / (std::sqrt(square) / root + epsilon);
    }
  }
};

OptimizerDeclaration declared(const char* name, const char* description) {
  return {.name = name,
          .description = description,
          .options = {},
          .moments =
              [](const OptimizerSettings&) {
                return std::vector<std::string>{".exp_avg", ".exp_avg_sq"};
              },
          .text =
              [](const OptimizerSettings& settings) {
                return fmt::format("{}(weight_decay={}, beta1={}, beta2={}, epsilon={})", settings.name,
                                   settings.weight_decay, settings.beta1, settings.beta2, settings.epsilon);
              }};
}

}  // namespace

OptimizerDeclaration adam_optimizer() {
  return with_rule<Adam<false>>(declared("adam", "Adam, torch.optim.Adam: weight decay is added to the gradient"));
}

OptimizerDeclaration adamw_optimizer() {
  return with_rule<Adam<true>>(declared("adamw", "Adam with decoupled weight decay, torch.optim.AdamW"));
}

}  // namespace lathe::engine
