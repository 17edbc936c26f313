#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/sampler/parzen.h"

namespace lathe::sampler {
namespace {

/// Returns the index that `uniform` selects among weights that sum to 1.
std::size_t choose(const std::vector<double>& weights, double uniform) {
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    if (uniform < weights[i]) return i;
    uniform -= weights[i];
  }
  return weights.size() - 1;
}

}  // namespace

ParzenMarginal::ParzenMarginal(const ParzenAxis& axis, const ParzenCounts& counts, const ParzenRules& rules)
    : axis_(&axis) {
  if (axis.is_fixed()) return;
  axis.is_numeric() ? fit_numbers(counts, rules) : fit_choices(counts);
}

void ParzenMarginal::fit_choices(const ParzenCounts& counts) {
  const auto kernels = static_cast<double>(std::accumulate(counts.counts.begin(), counts.counts.end(), std::size_t{1}));
  const auto choices = static_cast<double>(counts.weights.size());
  const double background = (1.0 - counts.prior_weight) / (kernels + choices) + counts.prior_weight / choices;
  masses_.reserve(counts.weights.size());
  for (const double weight : counts.weights) masses_.push_back(background + weight * kernels / (kernels + choices));
}

void ParzenMarginal::fit_numbers(const ParzenCounts& counts, const ParzenRules& rules) {
  std::vector<ParzenRun> runs;
  std::vector<double> weights;
  std::size_t total = 0;
  for (std::size_t code = 0; code < counts.counts.size(); ++code) {
    if (counts.counts[code] == 0) continue;
    total += counts.counts[code];
    runs.push_back({axis_->position(static_cast<double>(code)), counts.counts[code]});
    weights.push_back(counts.weights[code] / static_cast<double>(counts.counts[code]));
  }
  const std::vector<ParzenWidths> widths = axis_->kernel_widths(runs, total, rules);
  const auto add = [&](double mean, double sigma, double weight) {
    kernels_.push_back(axis_->kernel(mean, sigma));
    weights_.push_back(weight);
  };
  for (std::size_t i = 0; i < runs.size(); ++i) {
    add(runs[i].position, widths[i].first, weights[i]);
    if (runs[i].count > 1) add(runs[i].position, widths[i].last, weights[i]);
    if (runs[i].count > 2) add(runs[i].position, widths[i].middle, weights[i] * static_cast<double>(runs[i].count - 2));
  }
  kernels_.push_back(axis_->prior());
  weights_.push_back(counts.prior_weight);
  known_.assign(counts.counts.size(), std::numeric_limits<double>::quiet_NaN());
}

/// Inverts the distribution function, with 32 random bits each.
void ParzenMarginal::draw_choices(RandomStream& stream, std::span<double> codes) const {
  constexpr std::size_t kBatch = 64;
  std::array<std::uint32_t, kBatch> numbers;
  for (std::size_t start = 0; start < codes.size(); start += kBatch) {
    const std::size_t count = std::min(kBatch, codes.size() - start);
    stream.fill(std::span(numbers).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      const double uniform = numbers[i] * 0x1p-32;
      double bound = 0;
      std::size_t code = 0;
      for (std::size_t choice = 0; choice + 1 < masses_.size(); ++choice) {
        bound += masses_[choice];
        code += uniform >= bound ? 1 : 0;
      }
      codes[start + i] = static_cast<double>(code);
    }
  }
}

void ParzenMarginal::draw(RandomStream& stream, std::span<double> codes) const {
  if (!axis_->is_fixed() && !axis_->is_numeric()) return draw_choices(stream, codes);
  for (double& code : codes) {
    const std::size_t kernel = axis_->is_fixed() ? 0 : choose(weights_, stream.uniform());
    code = axis_->draw(axis_->is_fixed() ? axis_->prior() : kernels_[kernel], stream);
  }
}

double ParzenMarginal::log_density(double code) const {
  if (axis_->is_fixed()) return 0;
  if (!axis_->is_numeric()) return std::log(masses_[static_cast<std::size_t>(code)]);
  double& known = known_[static_cast<std::size_t>(code)];
  if (std::isnan(known)) {
    double sum = 0;
    for (std::size_t i = 0; i < kernels_.size(); ++i) sum += weights_[i] * axis_->density(code, kernels_[i]);
    known = std::log(sum);
  }
  return known;
}

}  // namespace lathe::sampler
