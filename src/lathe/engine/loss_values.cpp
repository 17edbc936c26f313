#include "lathe/engine/loss_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace lathe::engine {
namespace {

double cross_entropy(const LossSettings& loss, const Truth& truth, std::span<const double> logits) {
  const double total = log_sum_exp(logits);
  if (loss.plain()) return total - logits[truth.label];
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    sum += cross_entropy_share(loss, truth.label, logits.size(), i) * (total - logits[i]);
  return sum;
}

double square(const LossSettings&, double difference) { return difference * difference; }
double absolute(const LossSettings&, double difference) { return std::fabs(difference); }

// Huber 1964, Annals of Mathematical Statistics 35, as torch.nn.HuberLoss scales it.
double huber(const LossSettings& loss, double difference) {
  const double magnitude = std::fabs(difference);
  return magnitude <= loss.delta ? 0.5 * difference * difference : loss.delta * (magnitude - 0.5 * loss.delta);
}

// A loss that is the mean over the outputs of `error(output - target)`.
template <double (*error)(const LossSettings&, double)>
double mean_error(const LossSettings& loss, const Truth& truth, std::span<const double> outputs) {
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) sum += error(loss, outputs[i] - truth.targets[i]);
  return sum / static_cast<double>(outputs.size());
}

}  // namespace

LossValue find_loss_value(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, LossValue>, 4> kValues{
      {{"cross_entropy", cross_entropy},
       {"mean_squared_error", mean_error<square>},
       {"mean_absolute_error", mean_error<absolute>},
       {"huber", mean_error<huber>}}};
  const auto found =
      std::find_if(kValues.begin(), kValues.end(), [&](const auto& value) { return value.first == name; });
  return found == kValues.end() ? nullptr : found->second;
}

}  // namespace lathe::engine
