#include "lathe/backend/torch/optimizer.h"

#include <cmath>

namespace lathe::backend::libtorch {
namespace {

std::vector<at::Tensor> zeros_like(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> zeros;
  for (const at::Tensor& tensor : tensors) zeros.push_back(at::zeros_like(tensor));
  return zeros;
}

}  // namespace

void Optimizer::add(const at::Tensor& values, bool penalised) {
  const at::NoGradGuard no_gradients;
  values_.push_back(values);
  gradients_.push_back(at::zeros_like(values));
  values.mutable_grad() = gradients_.back();
  penalised_.push_back(penalised);
}

void Optimizer::set(const engine::OptimizerSettings& settings) {
  const at::NoGradGuard no_gradients;
  rule_.set(settings);
  clear_gradients();
  moments_.assign(rule_.moments(), {});
  for (std::vector<at::Tensor>& moments : moments_) moments = zeros_like(gradients_);
}

void Optimizer::clear_gradients() {
  if (!gradients_.empty()) at::_foreach_zero_(gradients_);
}

// A sum that is not finite has a term that is not, or terms whose sum is beyond float32: an overflow as well.
bool Optimizer::gradients_finite() const {
  std::vector<at::Tensor> sums;
  for (const at::Tensor& gradient : gradients_) sums.push_back(gradient.sum());
  return sums.empty() || at::isfinite(at::stack(sums)).all().item<bool>();
}

void Optimizer::add_penalties() {
  const engine::OptimizerSettings& settings = rule_.settings();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (!penalised_[i]) continue;
    if (settings.l1 != 0) gradients_[i].add_(at::sign(values_[i]), settings.l1);
    if (settings.l2 != 0) gradients_[i].add_(values_[i], 2 * settings.l2);
  }
}

// torch.optim.SGD with dampening 0.
void Optimizer::apply_sgd(const engine::OptimizerStep& step) {
  const engine::OptimizerSettings& settings = rule_.settings();
  if (settings.weight_decay != 0) at::_foreach_add_(gradients_, values_, settings.weight_decay);
  if (settings.momentum == 0) {
    at::_foreach_add_(values_, gradients_, -step.learning_rate);
    return;
  }
  const std::vector<at::Tensor>& buffers = moments_.at(0);
  at::_foreach_mul_(buffers, settings.momentum);
  at::_foreach_add_(buffers, gradients_, 1);
  if (settings.nesterov) at::_foreach_add_(gradients_, buffers, settings.momentum);
  at::_foreach_add_(values_, settings.nesterov ? gradients_ : buffers, -step.learning_rate);
}

// torch.optim.Adam (Kingma & Ba 2015, algorithm 1) and AdamW (Loshchilov & Hutter 2019, algorithm 2).
void Optimizer::apply_adam(const engine::OptimizerStep& step) {
  const engine::OptimizerSettings& settings = rule_.settings();
  const double correction1 = 1 - std::pow(settings.beta1, static_cast<double>(step.number));
  const double correction2 = 1 - std::pow(settings.beta2, static_cast<double>(step.number));
  if (settings.weight_decay != 0) {
    if (rule_.declaration().name == "adamw")
      at::_foreach_mul_(values_, 1 - step.learning_rate * settings.weight_decay);
    else
      at::_foreach_add_(gradients_, values_, settings.weight_decay);
  }
  const std::vector<at::Tensor>&means = moments_.at(0), &squares = moments_.at(1);
  at::_foreach_mul_(means, settings.beta1);
  at::_foreach_add_(means, gradients_, 1 - settings.beta1);
  at::_foreach_mul_(squares, settings.beta2);
  at::_foreach_addcmul_(squares, gradients_, gradients_, 1 - settings.beta2);
  std::vector<at::Tensor> roots = at::_foreach_sqrt(squares);
  at::_foreach_div_(roots, std::sqrt(correction2));
  at::_foreach_add_(roots, settings.epsilon);
  at::_foreach_addcdiv_(values_, means, roots, -step.learning_rate / correction1);
}

// Any other rule, by its own function: on the CPU, and with copies to and fro where the tensors are elsewhere.
void Optimizer::apply_other(const engine::OptimizerStep& step) {
  const engine::OptimizerSettings& settings = rule_.settings();
  const auto local = [](const at::Tensor& tensor) { return tensor.to(at::kCPU, at::kFloat).contiguous(); };
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const at::Tensor values = local(values_[i]), gradients = local(gradients_[i]);
    std::vector<at::Tensor> moments;
    engine::UpdateSlice<float> slice{.values = values.data_ptr<float>(),
                                     .gradients = gradients.data_ptr<float>(),
                                     .count = static_cast<std::size_t>(values.numel())};
    for (std::size_t k = 0; k < moments_.size(); ++k) {
      moments.push_back(local(moments_[k][i]));
      slice.moments.at(k) = moments.back().data_ptr<float>();
    }
    rule_.declaration().update_floats(settings, step, slice);
    values_[i].copy_(values);
    for (std::size_t k = 0; k < moments_.size(); ++k) moments_[k][i].copy_(moments[k]);
  }
}

void Optimizer::apply(double learning_rate, double scale) {
  if (values_.empty()) return;
  const at::NoGradGuard no_gradients;
  if (scale != 1) at::_foreach_mul_(gradients_, 1 / scale);
  const engine::OptimizerStep& step = rule_.next(learning_rate);
  const std::string& name = rule_.declaration().name;
  add_penalties();
  if (name == "sgd")
    apply_sgd(step);
  else if (name == "adam" || name == "adamw")
    apply_adam(step);
  else
    apply_other(step);
  clear_gradients();
}

}  // namespace lathe::backend::libtorch
