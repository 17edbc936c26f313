#include <fmt/format.h>

#include <cmath>

#include "lathe/engine/optimizer.h"

namespace lathe::engine {
namespace {

// Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12, 2011,
// as torch.optim.Adagrad without decay of the learning rate; weight decay is added to the gradient.
struct Adagrad {
  template <typename T>
  static void update(const OptimizerSettings& settings, const OptimizerStep& step, const UpdateSlice<T>& slice) {
    const T rate = static_cast<T>(step.learning_rate), decay = static_cast<T>(settings.weight_decay);
    const T epsilon = static_cast<T>(settings.epsilon);
    for (std::size_t i = 0; i < slice.count; ++i) {
      T& value = slice.values[i];
      T& sum = slice.moments[0][i];
      const T gradient = slice.gradients[i] + decay * value;
      sum += gradient * gradient;
      value -= rate * gradient / (std::sqrt(sum) + epsilon);
    }
  }
};

}  // namespace

OptimizerDeclaration adagrad_optimizer() {
  return with_rule<Adagrad>(
      {.name = "adagrad",
       .description = "gradients divided by the root of the sum of their squares, torch.optim.Adagrad",
       .options = {},
       .moments = [](const OptimizerSettings&) { return std::vector<std::string>{".sum"}; },
       .text =
           [](const OptimizerSettings& settings) {
             return fmt::format("adagrad(weight_decay={}, epsilon={})", settings.weight_decay, settings.epsilon);
           }});
}

}  // namespace lathe::engine
