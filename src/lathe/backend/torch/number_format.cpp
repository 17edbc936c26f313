#include "lathe/backend/torch/number_format.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "lathe/base/check.h"

namespace lathe::backend::libtorch {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Computes fixed point in one tensor; constants are numbers.
struct InPlaceOperations {
  at::Tensor multiply(const at::Tensor& a, double b) const { return at::mul(a, b); }
  at::Tensor multiply(at::Tensor&& a, double b) const { return a.mul_(b); }
  at::Tensor round(at::Tensor&& a) const { return a.round_(); }
  at::Tensor clamp(at::Tensor&& a, double low, double high) const { return a.clamp_(low, high); }
};

// Rounds half to even onto the codes of a fixed-point format; the gradient passes unchanged (Bengio et al. 2013,
// arXiv:1308.3432).
struct FixedPoint : torch::autograd::Function<FixedPoint> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, double scale, double inverse, double low,
                            double high) {
    return quant::fixed_point(InPlaceOperations(), x, scale, inverse, low, high);
  }
  static variable_list backward(AutogradContext*, const variable_list& gradients) {
    return {gradients[0], at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// Any other format. Its NumberFormat outlives the graph of the step.
struct AnyFormat : torch::autograd::Function<AnyFormat> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::int64_t address) {
    const auto* format = reinterpret_cast<const NumberFormat*>(address);
    if (format->changes_gradients()) context->save_for_backward({x});
    context->saved_data["format"] = address;
    return format->run(format->quantizer().arithmetic().value, x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto* format = reinterpret_cast<const NumberFormat*>(context->saved_data["format"].toInt());
    if (!format->changes_gradients()) return {gradients[0], at::Tensor()};
    const at::Tensor slope = format->run(format->quantizer().slope(), context->get_saved_variables()[0]);
    return {at::mul(gradients[0], slope), at::Tensor()};
  }
};

/// Computes formulas with tensors; every result has the bits of the same operation on floats.
class TensorOperations {
 public:
  using Value = at::Tensor;
  using V = const at::Tensor&;

  explicit TensorOperations(const at::TensorOptions& options) : options_(options) {}

  Value constant(double, float single) const { return at::full({}, single, options_); }
  Value add(V a, V b) const { return at::add(a, b); }
  Value subtract(V a, V b) const { return at::sub(a, b); }
  Value multiply(V a, V b) const { return at::mul(a, b); }
  Value divide(V a, V b) const { return at::div(a, b); }
  Value absolute(V a) const { return at::abs(a); }
  Value round(V a) const { return at::round(a); }
  Value floor(V a) const { return at::floor(a); }
  Value exponent(V a) const {
    return at::abs(a).contiguous().view(at::kInt).bitwise_right_shift(kMantissaBits).sub(kBias).to(at::kFloat);
  }
  Value scale(V a, V b) const {
    const at::Tensor half = at::floor(at::mul(b, 0.5));
    return at::mul(at::mul(a, power_of_two(half)), power_of_two(at::sub(b, half)));
  }
  Value select_less(V a, V b, V c, V d) const { return at::where(at::lt(a, b), c, d); }

 private:
  static constexpr std::int64_t kMantissaBits = 23, kBias = 127;

  static at::Tensor power_of_two(V exponent) {
    return exponent.to(at::kInt).add(kBias).bitwise_left_shift(kMantissaBits).view(at::kFloat);
  }

  at::TensorOptions options_;
};

}  // namespace

NumberFormat::NumberFormat(const quant::Format& format, const Shape& shape, const at::Device& device)
    : scale_(quant::integer_scale(format)),
      quantizer_(quant::make_quantizer(format)),
      rank_(static_cast<std::int64_t>(shape.size())) {
  const quant::Arithmetic& arithmetic = quantizer_->arithmetic();
  for (const std::vector<double>& numbers : arithmetic.channel_constants) {
    std::vector<std::int64_t> beside(
        numbers.size() == 1 ? 0 : static_cast<std::size_t>(rank_ - arithmetic.granularity.axis), 1);
    if (numbers.size() > 1) beside.front() = static_cast<std::int64_t>(numbers.size());
    constants_.push_back(
        at::tensor(std::vector<float>(numbers.begin(), numbers.end()), at::kFloat).reshape(beside).to(device));
  }
}

at::Tensor NumberFormat::apply(const at::Tensor& x) const {
  const at::Tensor floats = x.to(at::kFloat);
  if (!scale_) return AnyFormat::apply(floats, reinterpret_cast<std::int64_t>(this));
  return FixedPoint::apply(floats, static_cast<double>(scale_->scale), static_cast<double>(scale_->inverse),
                           static_cast<double>(scale_->low), static_cast<double>(scale_->high));
}

at::Tensor NumberFormat::run(const quant::Formula& formula, const at::Tensor& x) const {
  quant::Arguments<at::Tensor> arguments{x, {}, {}};
  if (formula.reads(quant::Operation::kBlockMaximum)) arguments.block_maximum = block_maximum(x);
  for (std::size_t i = 0; i < constants_.size(); ++i) arguments.channel[i] = constants_[i];
  return formula.run(TensorOperations(x.options()), arguments);
}

at::Tensor NumberFormat::block_maximum(const at::Tensor& x) const {
  const quant::Granularity& granularity = quantizer_->arithmetic().granularity;
  const bool in_blocks = granularity.kind == quant::Granularity::Kind::kBlock;
  const auto block_rank = static_cast<std::int64_t>(granularity.block.size());
  at::Tensor maximum = at::abs(x);
  maximum = at::where(at::isnan(maximum), at::zeros({}, x.options()), maximum);
  for (std::int64_t from_end = 1; from_end <= rank_; ++from_end) {
    const std::int64_t dimension = x.dim() - from_end, size = x.size(dimension);
    std::int64_t extent = size;
    if (in_blocks)
      extent = from_end > block_rank ? 1 : granularity.block[static_cast<std::size_t>(block_rank - from_end)];
    if (extent == 1) continue;
    if (extent >= size) {
      maximum = maximum.amax(dimension, true);
      continue;
    }
    const std::int64_t blocks = (size + extent - 1) / extent;
    std::vector<std::int64_t> padding(static_cast<std::size_t>(2 * from_end), 0);
    padding.back() = blocks * extent - size;
    std::vector<std::int64_t> apart = maximum.sizes().vec();
    apart[static_cast<std::size_t>(dimension)] = blocks;
    apart.insert(apart.begin() + dimension + 1, extent);
    const at::Tensor largest = at::constant_pad_nd(maximum, padding, 0).reshape(apart).amax(dimension + 1);
    maximum = at::repeat_interleave(largest, extent, dimension).narrow(dimension, 0, size);
  }
  return maximum;
}

}  // namespace lathe::backend::libtorch
