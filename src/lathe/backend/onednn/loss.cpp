#include "lathe/backend/onednn/loss.h"

#include <algorithm>
#include <cmath>

namespace lathe::backend::onednn {

bool Loss::knows(std::string_view name) {
  constexpr std::string_view kNames[] = {"cross_entropy", "mean_squared_error", "mean_absolute_error", "huber"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

double Loss::compute(const engine::Truth& truth, std::span<const float> outputs, double scale,
                     std::span<float> gradient) const {
  return truth.targets.empty() ? classify(outputs, truth.label, scale, gradient)
                               : regress(outputs, truth.targets, scale, gradient);
}

double Loss::classify(std::span<const float> outputs, std::size_t label, double scale,
                      std::span<float> gradient) const {
  const auto share = [&](std::size_t i) { return engine::cross_entropy_share(settings_, label, outputs.size(), i); };
  const double total = engine::log_sum_exp(outputs);
  double loss = 0, shares = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double part = share(i);
    shares += part;
    if (part != 0) loss += part * (total - outputs[i]);
  }
  for (std::size_t i = 0; i < gradient.size(); ++i)
    gradient[i] = static_cast<float>(scale * (shares * std::exp(outputs[i] - total) - share(i)));
  return loss;
}

double Loss::value(double difference) const {
  const double size = std::fabs(difference);
  if (settings_.name == "mean_squared_error") return difference * difference;
  if (settings_.name == "mean_absolute_error") return size;
  return size <= settings_.delta ? 0.5 * size * size : settings_.delta * (size - 0.5 * settings_.delta);
}

double Loss::derivative(double difference) const {
  if (settings_.name == "mean_squared_error") return 2 * difference;
  if (settings_.name == "mean_absolute_error") return difference > 0 ? 1 : (difference < 0 ? -1 : 0);
  return std::clamp(difference, -settings_.delta, settings_.delta);
}

double Loss::regress(std::span<const float> outputs, std::span<const float> targets, double scale,
                     std::span<float> gradient) const {
  const auto count = static_cast<double>(outputs.size());
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double difference = static_cast<double>(outputs[i]) - targets[i];
    sum += value(difference);
    if (!gradient.empty()) gradient[i] = static_cast<float>(scale / count * derivative(difference));
  }
  return sum / count;
}

}  // namespace lathe::backend::onednn
