#include "lathe/sampler/parzen.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

constexpr std::size_t kFullWeight = 25;
constexpr std::int64_t kByteCodes = 255;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Sums of powers below this have lost terms to underflow.
constexpr double kLost = 1e-250;

using Points = std::vector<std::vector<double>>;

std::vector<double> normalised(std::vector<double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

double log_sum_exp(double left, double right) {
  const double largest = std::max(left, right);
  if (largest == -kInfinity) return largest;
  return largest + std::log1p(std::exp(std::min(left, right) - largest));
}

/// Optuna's sort leaves ties in the order of age up to 16 kernels. Beyond, its order is not defined: there the two
/// oldest kernels of a run take its ends. The newest bad trials then stay narrow in every parameter, and what lies
/// beside them is tried: on the problem int8 the best of 200 trials is five times better than with ties by age.
bool sorts_by_age(std::size_t kernels) { return kernels <= 16; }

/// Returns the index that `uniform` selects among cumulative weights; an entry without weight is never chosen.
std::size_t choose(const std::vector<double>& cumulative, double uniform) {
  const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), uniform);
  return static_cast<std::size_t>(found - cumulative.begin());
}

/// Sums in four lanes: quick, and the same everywhere.
double sum_in_lanes(const std::vector<double>& terms) {
  double lanes[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= terms.size(); i += 4) {
    for (std::size_t k = 0; k < 4; ++k) lanes[k] += terms[i + k];
  }
  for (; i < terms.size(); ++i) lanes[0] += terms[i];
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/// Computes e^x for x in [-708, 708] to 2e-16 relative error, in a form that compilers vectorise: 2^k e^r with a Taylor
/// series for |r| <= ln(2) / 2.
inline double exp_in_range(double x) {
  constexpr double kShift = 0x1.8p52;  // added to a small number it leaves the nearest integer in the low bits
  constexpr double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;
  const double shifted = x * std::numbers::log2e + kShift;
  const double k = shifted - kShift;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double series = r * (1.0 / 6227020800) + 1.0 / 479001600;
  series = series * r + 1.0 / 39916800;
  series = series * r + 1.0 / 3628800;
  series = series * r + 1.0 / 362880;
  series = series * r + 1.0 / 40320;
  series = series * r + 1.0 / 5040;
  series = series * r + 1.0 / 720;
  series = series * r + 1.0 / 120;
  series = series * r + 1.0 / 24;
  series = series * r + 1.0 / 6;
  series = series * r + 0.5;
  series = series * r + 1.0;
  series = series * r + 1.0;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(series) + (std::bit_cast<std::uint64_t>(shifted) << 52));
}

/// Multiplies factors by e^exponent. Below e^-600 that is next to nothing; if any is above e^600, all become infinite.
void multiply_by_exp(std::vector<double>& exponents, std::vector<double>& factors) {
  constexpr double kRange = 600;  // products with weights stay normal numbers: others are slow
  const std::size_t count = factors.size();
  double* exponent = exponents.data();
  double* factor = factors.data();
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = largest < exponent[i] ? exponent[i] : largest;
  if (!(largest < kRange)) {
    std::fill(factors.begin(), factors.end(), kInfinity);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) exponent[i] = exponent[i] < -kRange ? -kRange : exponent[i];
  for (std::size_t i = 0; i < count; ++i) factor[i] *= exp_in_range(exponent[i]);
}

/// Counts on how many axes the rows have the choices of a point.
template <typename Count>
class Matches {
 public:
  explicit Matches(std::size_t rows) : counts_(rows) {}
  void clear() { std::fill(counts_.begin(), counts_.end(), Count{0}); }
  void add(const std::uint8_t* codes, std::uint8_t wanted) {
    Count* counts = counts_.data();
    const std::size_t rows = counts_.size();
    for (std::size_t i = 0; i < rows; ++i) counts[i] = static_cast<Count>(counts[i] + (codes[i] == wanted));
  }
  void add(const double* positions, double wanted) {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      counts_[i] = static_cast<Count>(counts_[i] + (positions[i] == wanted));
    }
  }
  std::size_t most() const {
    Count most = 0;
    for (const Count count : counts_) most = std::max(most, count);
    return most;
  }
  std::size_t most(std::span<const double> weights) const {
    Count most = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] > 0) most = std::max(most, counts_[i]);
    }
    return most;
  }
  /// Sums weight * base ^ (matches - most).
  double weighted_sum(std::span<const double> weights, const std::vector<double>& powers) const {
    double sums[4] = {0, 0, 0, 0};
    std::size_t i = 0;
    for (; i + 4 <= weights.size(); i += 4) {
      for (std::size_t k = 0; k < 4; ++k) sums[k] += weights[i + k] * powers[counts_[i + k]];
    }
    for (; i < weights.size(); ++i) sums[0] += weights[i] * powers[counts_[i]];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
  Count operator[](std::size_t row) const { return counts_[row]; }

 private:
  std::vector<Count> counts_;
};

/// Returns base ^ (i - most) for i = 0 .. most.
std::vector<double> powers_below(double base, std::size_t most) {
  std::vector<double> powers(most + 1, 1.0);
  for (std::size_t i = most; i-- > 0;) powers[i] = powers[i + 1] / base;
  return powers;
}

}  // namespace

std::vector<double> recency_weights(std::size_t n) {
  std::vector<double> weights(n + 1, 1.0);
  if (n < kFullWeight) return normalised(std::move(weights));
  const std::size_t ramp = n - kFullWeight;
  const double start = 1.0 / static_cast<double>(n);
  for (std::size_t i = 0; i < ramp; ++i) {
    const double share = ramp == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(ramp - 1);
    weights[i] = start + share * (1.0 - start);
  }
  return normalised(std::move(weights));
}

std::vector<double> equal_weights(std::size_t n) { return normalised(std::vector<double>(n + 1, 1.0)); }

bool has_byte_codes(const ParzenAxis& axis) { return axis.size() > 0 && axis.size() <= kByteCodes; }

/// Evaluates a mixture at some points, relative to the prior kernel.
class ParzenMixture::Sum {
 public:
  Sum(const ParzenMixture& mixture, const Points& points) : mixture_(mixture), points_(points) {
    for (std::size_t axis = 0; axis < mixture.sample_.axes.size(); ++axis) sort_axis(axis);
    log_base_ = 0;
    for (const std::size_t axis : choices_) {
      const auto size = static_cast<double>(mixture.sample_.axes[axis]->size());
      log_base_ += std::log(size / (kernels() + size));
    }
  }

  std::vector<double> log_ratios() { return choices_.size() <= 255 ? run<std::uint8_t>() : run<std::uint16_t>(); }

 private:
  double kernels() const { return static_cast<double>(mixture_.sample_.count + 1); }
  std::span<const double> weights() const { return mixture_.sample_.weights; }

  void sort_axis(std::size_t axis) {
    const ParzenAxis& line = *mixture_.sample_.axes[axis];
    if (line.is_fixed()) return;
    if (!line.is_numeric()) {
      choices_.push_back(axis);
    } else if (has_byte_codes(line)) {
      tables_.push_back(axis);
      ratios_.emplace_back(static_cast<std::size_t>(line.size()));
    } else {
      (line.is_smooth() ? smooth_ : cells_).push_back(axis);
    }
  }

  template <typename Count>
  std::vector<double> run() {
    std::vector<double> results;
    Matches<Count> matches(weights().size());
    factors_.resize(weights().size());
    for (std::size_t point = 0; point < points_.front().size(); ++point) {
      matches.clear();
      for (const std::size_t axis : choices_) add_matches(matches, axis, points_[axis][point]);
      std::size_t most = matches.most();
      double sum = sum_of(matches, most, point);
      if (sum < kLost) sum = sum_of(matches, most = matches.most(weights()), point);
      const double log_sum = std::log(sum) + log_base_ + static_cast<double>(most) * std::log(kernels() + 1);
      results.push_back(log_sum_exp(std::log(mixture_.sample_.prior_weight), log_sum));
    }
    return results;
  }

  template <typename Count>
  void add_matches(Matches<Count>& matches, std::size_t axis, double code) const {
    const ParzenColumn& column = mixture_.sample_.columns[axis];
    if (column.codes != nullptr) {
      matches.add(column.codes, static_cast<std::uint8_t>(code));
    } else {
      matches.add(column.positions, code);
    }
  }

  template <typename Count>
  double sum_of(const Matches<Count>& matches, std::size_t most, std::size_t point) {
    // Rows that are left out may match better than `most`; their weight is zero.
    std::vector<double> powers = powers_below(kernels() + 1, most);
    powers.resize(std::max(powers.size(), choices_.size() + 1), 0.0);
    if (tables_.empty() && smooth_.empty() && cells_.empty()) return matches.weighted_sum(weights(), powers);
    for (std::size_t row = 0; row < factors_.size(); ++row) factors_[row] = weights()[row] * powers[matches[row]];
    for (std::size_t i = 0; i < tables_.size(); ++i) multiply_table(i, points_[tables_[i]][point]);
    for (const std::size_t axis : cells_) multiply_cells(axis, points_[axis][point]);
    if (!smooth_.empty()) multiply_smooth(point);
    return sum_in_lanes(factors_);
  }

  void multiply_table(std::size_t i, double code) {
    const Kernels& kernels = mixture_.kernels_[tables_[i]];
    std::vector<double>& ratios = ratios_[i][static_cast<std::size_t>(code)];
    if (ratios.empty()) {
      const ParzenAxis& axis = *mixture_.sample_.axes[tables_[i]];
      const double prior = axis.density(code, axis.prior());
      for (const NormalKernel& kernel : kernels.distinct) {
        ratios.push_back(kernel.scale == 0 ? 0 : axis.density(code, kernel) / prior);
      }
    }
    const std::uint16_t* classes = kernels.classes.data();
    for (std::size_t row = 0; row < factors_.size(); ++row) factors_[row] *= ratios[classes[row]];
  }

  void multiply_cells(std::size_t index, double code) {
    const ParzenAxis& axis = *mixture_.sample_.axes[index];
    const double prior = axis.density(code, axis.prior());
    for (std::size_t row = 0; row < factors_.size(); ++row) {
      if (weights()[row] > 0) factors_[row] *= axis.density(code, mixture_.kernel(index, row)) / prior;
    }
  }

  void multiply_smooth(std::size_t point) {
    exponents_ = mixture_.log_scale_;
    for (const std::size_t index : smooth_) {
      const ParzenAxis& axis = *mixture_.sample_.axes[index];
      const double log_prior = std::log(axis.density(points_[index][point], axis.prior()));
      const double position = axis.position(points_[index][point]);
      const double* means = mixture_.kernels_[index].means.data();
      const double* inverse_sigmas = mixture_.kernels_[index].inverse_sigmas.data();
      double* exponents = exponents_.data();
      for (std::size_t row = 0; row < exponents_.size(); ++row) {
        const double z = (position - means[row]) * inverse_sigmas[row];
        exponents[row] -= 0.5 * z * z + log_prior;
      }
    }
    multiply_by_exp(exponents_, factors_);
  }

  const ParzenMixture& mixture_;
  const Points& points_;
  std::vector<std::size_t> choices_, tables_, smooth_, cells_;  ///< axes by the kind of their kernels
  std::vector<std::vector<std::vector<double>>> ratios_;        ///< [tables][code][distinct kernel]
  std::vector<double> factors_, exponents_;                     ///< [rows]
  double log_base_ = 0;
};

ParzenMixture::ParzenMixture(ParzenSample sample, const ParzenRules& rules)
    : sample_(std::move(sample)), kernels_(sample_.axes.size()), cumulative_(sample_.weights.size()) {
  LATHE_CHECK_EQ(sample_.axes.size(), sample_.columns.size());
  std::partial_sum(sample_.weights.begin(), sample_.weights.end(), cumulative_.begin());
  log_scale_.assign(sample_.weights.size(), 0.0);
  for (std::size_t i = 0; i < sample_.axes.size(); ++i) {
    const ParzenAxis& axis = *sample_.axes[i];
    if (!axis.is_numeric() || axis.is_fixed()) continue;
    has_byte_codes(axis) ? fit_classes(i, rules) : fit_rows(i, rules);
  }
}

void ParzenMixture::fit_classes(std::size_t index, const ParzenRules& rules) {
  const ParzenAxis& axis = *sample_.axes[index];
  const std::uint8_t* codes = sample_.columns[index].codes;
  const std::size_t rows = sample_.weights.size();
  struct Members {
    std::size_t count = 0, first = 0, second = 0, last = 0;
  };
  std::vector<Members> members(256);
  for (std::size_t row = 0; row < rows; ++row) {
    if (sample_.weights[row] == 0) continue;
    Members& at = members[codes[row]];
    if (at.count++ == 0) at.first = row;
    if (at.count == 2) at.second = row;
    at.last = row;
  }
  std::vector<ParzenRun> runs;
  std::vector<std::size_t> code_of_run;
  for (std::size_t code = 0; code < static_cast<std::size_t>(axis.size()); ++code) {
    if (members[code].count == 0) continue;
    runs.push_back({axis.position(static_cast<double>(code)), members[code].count});
    code_of_run.push_back(code);
  }
  Kernels& kernels = kernels_[index];
  kernels.classes.assign(codes, codes + rows);
  kernels.distinct.assign(256, {.scale = 0});
  const std::vector<ParzenWidths> widths = axis.kernel_widths(runs, sample_.count, rules);
  const auto set_apart = [&](std::size_t row, double mean, double sigma) {
    kernels.classes[row] = static_cast<std::uint16_t>(kernels.distinct.size());
    kernels.distinct.push_back(axis.kernel(mean, sigma));
  };
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Members& at = members[code_of_run[i]];
    const double usual = at.count == 1 ? widths[i].first : widths[i].middle;
    kernels.distinct[code_of_run[i]] = axis.kernel(runs[i].position, usual);
    if (at.count == 1) continue;
    if (widths[i].first != usual) set_apart(at.first, runs[i].position, widths[i].first);
    if (widths[i].last != usual)
      set_apart(sorts_by_age(sample_.count) ? at.last : at.second, runs[i].position, widths[i].last);
  }
}

void ParzenMixture::fit_rows(std::size_t index, const ParzenRules& rules) {
  const ParzenAxis& axis = *sample_.axes[index];
  const double* positions = sample_.columns[index].positions;
  std::vector<ParzenRun> runs;
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t row : sample_.columns[index].order) {
    if (sample_.weights[row] == 0) continue;
    if (runs.empty() || runs.back().position != positions[row]) runs.push_back({positions[row], 0});
    ++runs.back().count;
    rows.push_back(row);
  }
  Kernels& kernels = kernels_[index];
  kernels.means.assign(sample_.weights.size(), axis.prior().mean);
  kernels.inverse_sigmas.assign(sample_.weights.size(), 1 / axis.prior().sigma);
  const std::vector<ParzenWidths> widths = axis.kernel_widths(runs, sample_.count, rules);
  double last_sigma = 0, log_peak = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (std::size_t k = 0; k < runs[i].count; ++k) {
      const bool last = k > 0 && k == (sorts_by_age(sample_.count) ? runs[i].count - 1 : 1);
      const double sigma = k == 0 ? widths[i].first : last ? widths[i].last : widths[i].middle;
      const std::uint32_t row = rows[next++];
      kernels.means[row] = runs[i].position;
      kernels.inverse_sigmas[row] = 1 / sigma;
      if (!axis.is_smooth()) continue;
      if (sigma != last_sigma) log_peak = axis.log_peak(last_sigma = sigma);
      log_scale_[row] += log_peak - axis.log_mass(runs[i].position, sigma);
    }
  }
}

std::size_t ParzenMixture::draw_row(double uniform) const { return choose(cumulative_, uniform); }

NormalKernel ParzenMixture::kernel(std::size_t axis, std::size_t row) const {
  if (row >= sample_.weights.size()) return sample_.axes[axis]->prior();
  const Kernels& kernels = kernels_[axis];
  if (!kernels.classes.empty()) return kernels.distinct[kernels.classes[row]];
  return sample_.axes[axis]->kernel(kernels.means[row], 1 / kernels.inverse_sigmas[row]);
}

double ParzenMixture::draw_choice(std::size_t axis, std::size_t row, RandomStream& stream) const {
  const auto size = static_cast<std::uint64_t>(sample_.axes[axis]->size());
  const auto kernels = static_cast<double>(sample_.count + 1);
  const bool own = stream.uniform() < kernels / (kernels + static_cast<double>(size));
  const auto other = static_cast<double>(stream.below(size));
  if (!own || row >= sample_.weights.size()) return other;
  const ParzenColumn& column = sample_.columns[axis];
  return column.codes != nullptr ? static_cast<double>(column.codes[row]) : column.positions[row];
}

void ParzenMixture::draw(RandomStream& stream, std::span<double> codes) const {
  const std::size_t row = draw_row(stream.uniform());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const ParzenAxis& axis = *sample_.axes[i];
    if (axis.is_fixed()) {
      codes[i] = axis.draw(axis.prior(), stream);
    } else {
      codes[i] = axis.is_numeric() ? axis.draw(kernel(i, row), stream) : draw_choice(i, row, stream);
    }
  }
}

double ParzenMixture::log_prior(const Points& points, std::size_t point) const {
  double total = 0;
  for (std::size_t i = 0; i < sample_.axes.size(); ++i) {
    const ParzenAxis& axis = *sample_.axes[i];
    if (axis.is_fixed()) continue;
    total += axis.is_numeric() ? std::log(axis.density(points[i][point], axis.prior()))
                               : -std::log(static_cast<double>(axis.size()));
  }
  return total;
}

double ParzenMixture::log_component(const Points& points, std::size_t point, std::size_t row) const {
  double total = std::log(sample_.weights[row]);
  const auto kernels = static_cast<double>(sample_.count + 1);
  for (std::size_t i = 0; i < sample_.axes.size(); ++i) {
    const ParzenAxis& axis = *sample_.axes[i];
    if (axis.is_fixed()) continue;
    if (axis.is_numeric()) {
      total += std::log(axis.density(points[i][point], kernel(i, row)));
      continue;
    }
    const ParzenColumn& column = sample_.columns[i];
    const double own = column.codes != nullptr ? static_cast<double>(column.codes[row]) : column.positions[row];
    total +=
        std::log((1 / kernels + (own == points[i][point] ? 1 : 0)) / (1 + static_cast<double>(axis.size()) / kernels));
  }
  return total;
}

double ParzenMixture::log_density_slowly(const Points& points, std::size_t point) const {
  double total = std::log(sample_.prior_weight) + log_prior(points, point);
  for (std::size_t row = 0; row < sample_.weights.size(); ++row) {
    if (sample_.weights[row] > 0) total = log_sum_exp(total, log_component(points, point, row));
  }
  return total;
}

std::vector<double> ParzenMixture::log_density(const Points& points) const {
  std::vector<double> densities = Sum(*this, points).log_ratios();
  for (std::size_t point = 0; point < densities.size(); ++point) {
    // Products of very many axes may leave the range of a double.
    densities[point] = std::isfinite(densities[point]) ? densities[point] + log_prior(points, point)
                                                       : log_density_slowly(points, point);
  }
  return densities;
}

}  // namespace lathe::sampler
