#include <fmt/format.h>

#include <cmath>

#include "lathe/engine/optimizer.h"

namespace lathe::engine {
namespace {

constexpr double kSmoothing = 0.99;  // alpha of torch.optim.RMSprop

// Tieleman & Hinton 2012, lecture 6.5, as torch.optim.RMSprop, not centred and without momentum; weight decay is added
// to the gradient.
struct RmsProp {
  template <typename T>
  static void update(const OptimizerSettings& settings, const OptimizerStep& step, const UpdateSlice<T>& slice) {
    const T rate = static_cast<T>(step.learning_rate), decay = static_cast<T>(settings.weight_decay);
    const T smoothing = static_cast<T>(kSmoothing), rest = static_cast<T>(1 - kSmoothing);
    const T epsilon = static_cast<T>(settings.epsilon);
    for (std::size_t i = 0; i < slice.count; ++i) {
      T& value = slice.values[i];
      T& square = slice.moments[0][i];
      const T gradient = slice.gradients[i] + decay * value;
      square = smoothing * square + rest * gradient * gradient;
      value -= rate * gradient / (std::sqrt(square) + epsilon);
    }
  }
};

}  // namespace

OptimizerDeclaration rmsprop_optimizer() {
  return with_rule<RmsProp>(
      {.name = "rmsprop",
       .description = "gradients divided by their running root mean square, torch.optim.RMSprop",
       .options = {},
       .moments = [](const OptimizerSettings&) { return std::vector<std::string>{".square_avg"}; },
       .text =
           [](const OptimizerSettings& settings) {
             return fmt::format("rmsprop(weight_decay={}, alpha={}, epsilon={})", settings.weight_decay, kSmoothing,
                                settings.epsilon);
           }});
}

}  // namespace lathe::engine
