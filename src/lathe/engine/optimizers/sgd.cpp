#include <fmt/format.h>

#include "lathe/engine/optimizer.h"

namespace lathe::engine {
namespace {

// torch.optim.SGD with dampening 0; without momentum nothing is kept.
struct Sgd {
  template <typename T>
  static void update(const OptimizerSettings& settings, const OptimizerStep& step, const UpdateSlice<T>& slice) {
    const T rate = static_cast<T>(step.learning_rate), decay = static_cast<T>(settings.weight_decay);
    const T momentum = static_cast<T>(settings.momentum);
    for (std::size_t i = 0; i < slice.count; ++i) {
      T change = slice.gradients[i] + decay * slice.values[i];
      if (settings.momentum != 0) {
        T& buffer = slice.moments[0][i];
        buffer = momentum * buffer + change;
        change = settings.nesterov ? change + momentum * buffer : buffer;
      }
      slice.values[i] -= rate * change;
    }
  }
};

}  // namespace

OptimizerDeclaration sgd_optimizer() {
  return with_rule<Sgd>({.name = "sgd",
                         .description = "stochastic gradient descent, torch.optim.SGD without dampening",
                         .options = {"momentum", "nesterov"},
                         .problem = [](const OptimizerSettings& settings) -> std::optional<SettingProblem> {
                           if (!settings.nesterov || settings.momentum != 0) return std::nullopt;
                           return SettingProblem{"nesterov", "needs a momentum above 0"};
                         },
                         .moments =
                             [](const OptimizerSettings& settings) {
                               return settings.momentum != 0 ? std::vector<std::string>{".momentum_buffer"}
                                                             : std::vector<std::string>{};
                             },
                         .text =
                             [](const OptimizerSettings& settings) {
                               return fmt::format("sgd(weight_decay={}, momentum={}, nesterov={})",
                                                  settings.weight_decay, settings.momentum, settings.nesterov);
                             }});
}

}  // namespace lathe::engine
