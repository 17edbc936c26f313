#include "lathe/sampler/parzen_axis.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lathe/sampler/truncated_normal.h"

namespace lathe::sampler {
namespace {

constexpr std::int64_t kTabulated = 4096;
constexpr double kInverseRootTwoPi = 0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;

/// Returns the widths of one run between the positions of its neighbours; `first` and `last` tell whether the run holds
/// the first and the last of all kernels, whose outer gaps do not count.
ParzenWidths gaps_of_run(const ParzenRun& run, double before, double after, bool first, bool last) {
  const double left = run.position - before;
  const double right = after - run.position;
  if (run.count > 1) return {.first = first ? 0 : left, .middle = 0, .last = last ? 0 : right};
  if (first && last) return {.first = std::max(left, right)};
  if (first) return {.first = right};
  if (last) return {.first = left};
  return {.first = std::max(left, right)};
}

}  // namespace

ParzenAxis::ParzenAxis(const parameter::Distribution& distribution, bool revision_3_1)
    : numeric_(parameter::is_numeric(distribution)),
      density_per_sigma_(!revision_3_1),
      size_(parameter::size(distribution).value_or(0)) {
  if (!numeric_) {
    fixed_ = size_ == 1;
    return;
  }
  if (const auto* range = std::get_if<parameter::Integer>(&distribution)) {
    first_value_ = static_cast<double>(range->low);
    last_value_ = static_cast<double>(range->high);
    step_ = static_cast<double>(range->step);
    log_ = range->log;
    smooth_ = log_ && revision_3_1;
  } else {
    const auto& number = std::get<parameter::Float>(distribution);
    first_value_ = number.low;
    last_value_ = number.high;
    step_ = number.step.value_or(0.0);
    log_ = number.log;
    smooth_ = !number.step;
  }
  fixed_ = first_value_ == last_value_;
  low_ = on_axis(first_value_ - 0.5 * step_);
  high_ = on_axis(last_value_ + 0.5 * step_);
  for (std::int64_t code = 0; code < std::min(size_, kTabulated); ++code) {
    positions_.push_back(on_axis(value(static_cast<double>(code))));
  }
  if (!fixed_) prior_ = kernel(0.5 * (low_ + high_), width());
}

double ParzenAxis::value(double code) const { return step_ > 0 ? first_value_ + code * step_ : code; }

double ParzenAxis::on_axis(double value) const { return log_ ? std::log(value) : value; }

double ParzenAxis::position(double code) const {
  if (!numeric_) return code;
  if (step_ > 0 && code < static_cast<double>(positions_.size())) return positions_[static_cast<std::size_t>(code)];
  return on_axis(value(code));
}

NormalKernel ParzenAxis::kernel(double mean, double sigma) const {
  double scale = 1 / normal_mass((low_ - mean) / sigma, (high_ - mean) / sigma);
  if (smooth_) scale *= density_per_sigma_ ? kInverseRootTwoPi / sigma : kInverseRootTwoPi;
  return {mean, sigma, scale};
}

double ParzenAxis::log_peak(double sigma) const {
  return density_per_sigma_ ? std::log(kInverseRootTwoPi / sigma) : std::log(kInverseRootTwoPi);
}

double ParzenAxis::log_mass(double mean, double sigma) const {
  const double mass = normal_mass((low_ - mean) / sigma, (high_ - mean) / sigma);
  return mass == 1 ? 0 : std::log(mass);
}

double ParzenAxis::density(double code, const NormalKernel& kernel) const {
  if (smooth_) {
    const double z = (position(code) - kernel.mean) / kernel.sigma;
    return kernel.scale * std::exp(-0.5 * z * z);
  }
  const double left = std::max(on_axis(value(code) - 0.5 * step_), low_);
  const double right = std::min(on_axis(value(code) + 0.5 * step_), high_);
  return kernel.scale * normal_mass((left - kernel.mean) / kernel.sigma, (right - kernel.mean) / kernel.sigma);
}

double ParzenAxis::draw(const NormalKernel& kernel, RandomStream& stream) const {
  if (fixed_) return size_ == 0 ? first_value_ : 0;
  const double drawn = truncated_normal(kernel.mean, kernel.sigma, low_, high_, stream.uniform());
  const double number = log_ ? std::exp(drawn) : drawn;
  if (step_ == 0) return std::clamp(number, first_value_, last_value_);
  return std::clamp(std::round((number - first_value_) / step_), 0.0, static_cast<double>(size_ - 1));
}

std::vector<ParzenWidths> ParzenAxis::kernel_widths(const std::vector<ParzenRun>& runs, std::size_t count,
                                                    const ParzenRules& rules) const {
  const auto kernels = static_cast<double>(count + 1);
  const double smallest = width() / std::min(100.0, 1 + kernels);
  const auto clipped = [&](double gap) { return std::clamp(gap, smallest, width()); };
  if (rules.revision_3_1 && rules.joint) {
    const double exponent = -1.0 / static_cast<double>(rules.parameters + 4);
    const double sigma =
        clipped(0.2 * std::pow(static_cast<double>(std::max<std::size_t>(count, 1)), exponent) * width());
    return std::vector<ParzenWidths>(runs.size(), {sigma, sigma, sigma});
  }
  // In revision 3.1 the mean of the prior is one more neighbour: it stands after `place` runs.
  const double middle = prior_.mean;
  std::size_t place = runs.size() + 1;
  if (rules.revision_3_1) {
    place =
        static_cast<std::size_t>(std::upper_bound(runs.begin(), runs.end(), middle,
                                                  [](double at, const ParzenRun& run) { return at < run.position; }) -
                                 runs.begin());
  }
  std::vector<ParzenWidths> widths;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    double before = i == 0 ? low_ : runs[i - 1].position;
    double after = i + 1 == runs.size() ? high_ : runs[i + 1].position;
    if (place == i) before = middle;
    if (place == i + 1) after = middle;
    const bool first = i == 0 && place != 0;
    const bool last = i + 1 == runs.size() && place != runs.size();
    const ParzenWidths gaps = gaps_of_run(runs[i], before, after, first, last);
    widths.push_back({clipped(gaps.first), clipped(gaps.middle), clipped(gaps.last)});
  }
  return widths;
}

}  // namespace lathe::sampler
