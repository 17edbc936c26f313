#include "lathe/backend/torch/loss.h"

#include <algorithm>
#include <array>

#include "lathe/base/check.h"

namespace lathe::backend::libtorch {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"cross_entropy", "mean_squared_error", "mean_absolute_error",
                                                    "huber"};

}  // namespace

bool Loss::knows(std::string_view name) { return std::find(kNames.begin(), kNames.end(), name) != kNames.end(); }

Loss::Loss(const engine::LossSettings& settings, const Place& place) : settings_(settings) {
  LATHE_CHECK(knows(settings.name), "loss {} has no torch kernel", settings.name);
  if (settings.class_weights.empty()) return;
  const std::vector<float> weights(settings.class_weights.begin(), settings.class_weights.end());
  class_weights_ = at::tensor(weights).to(place.device());
}

// PyTorch spreads label_smoothing evenly over the classes, each times its own weight.
at::Tensor Loss::cross_entropy(const at::Tensor& outputs, const at::Tensor& labels) const {
  const at::Tensor logarithms = at::log_softmax(outputs, 1);
  const at::Tensor of_label = at::nll_loss(logarithms, labels, class_weights_, at::Reduction::None);
  const double smoothing = settings_.label_smoothing;
  if (smoothing == 0) return of_label;
  const at::Tensor weighted = class_weights_.defined() ? at::mul(logarithms, class_weights_) : logarithms;
  const at::Tensor of_all = weighted.sum(1).neg();
  return at::add(of_label.mul(1 - smoothing), of_all, smoothing / static_cast<double>(outputs.size(1)));
}

at::Tensor Loss::each(const at::Tensor& outputs, const Batch& batch) const {
  if (settings_.name == "cross_entropy") return cross_entropy(outputs, batch.labels);
  if (settings_.name == "mean_squared_error") return at::mse_loss(outputs, batch.targets, at::Reduction::None).mean(1);
  if (settings_.name == "mean_absolute_error") return at::l1_loss(outputs, batch.targets, at::Reduction::None).mean(1);
  return at::huber_loss(outputs, batch.targets, at::Reduction::None, settings_.delta).mean(1);
}

}  // namespace lathe::backend::libtorch
