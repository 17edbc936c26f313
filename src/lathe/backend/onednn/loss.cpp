#include "lathe/backend/onednn/loss.h"

#include <algorithm>
#include <cmath>

namespace lathe::backend::onednn {
namespace {

double log_sum_exp(std::span<const float> outputs) {
  const double largest = *std::max_element(outputs.begin(), outputs.end());
  double sum = 0;
  for (const float output : outputs) sum += std::exp(output - largest);
  return largest + std::log(sum);
}

}  // namespace

bool Loss::knows(std::string_view name) {
  constexpr std::string_view kNames[] = {"cross_entropy", "mean_squared_error", "mean_absolute_error", "huber"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Returns how much of -log softmax(outputs)[i] the loss holds: label_smoothing is spread evenly over the classes, each
// times its own weight, as torch.nn.CrossEntropyLoss does it.
double Loss::share(std::size_t label, std::size_t classes, std::size_t i) const {
  const double weight = settings_.class_weights.empty() ? 1.0 : settings_.class_weights[i];
  const double spread = settings_.label_smoothing / static_cast<double>(classes);
  return weight * (spread + (i == label ? 1 - settings_.label_smoothing : 0.0));
}

double Loss::classify(std::span<const float> outputs, std::size_t label, double scale,
                      std::span<float> gradient) const {
  const double total = log_sum_exp(outputs);
  const std::size_t classes = outputs.size();
  double loss = 0, shares = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    const double part = share(label, classes, i);
    shares += part;
    if (part != 0) loss += part * (total - outputs[i]);
  }
  for (std::size_t i = 0; i < gradient.size(); ++i)
    gradient[i] = static_cast<float>(scale * (shares * std::exp(outputs[i] - total) - share(label, classes, i)));
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
