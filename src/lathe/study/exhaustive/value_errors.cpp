#include "lathe/study/exhaustive/value_errors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "lathe/base/check.h"
#include "lathe/study/exhaustive/variance_prior.h"

namespace lathe::study {
namespace {

// Adds up squared deviations from the mean; exactly 0 for equal values.
double squares_about_mean(const std::vector<double>& values, double& mean) {
  double shift = 0;
  for (const double value : values) shift += value - values.front();
  mean = values.front() + shift / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares;
}

// Adds up products, in an order that does not depend on the machine: 16 sums side by side.
double product(const std::vector<float>& left, const std::vector<float>& right) {
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> sums{};
  double total = 0;
  std::size_t i = 0;
  for (std::size_t block = 0; i + kLanes <= left.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += left[i + lane] * right[i + lane];
    if (++block % 64 != 0) continue;
    for (float& sum : sums) total += std::exchange(sum, 0.0f);
  }
  for (const float sum : sums) total += sum;
  for (; i < left.size(); ++i) total += left[i] * right[i];
  return total;
}

void centre(std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += value;
  const auto mean = static_cast<float>(sum / static_cast<double>(values.size()));
  for (float& value : values) value -= mean;
}

double sample_covariance(const std::vector<float>& left, const std::vector<float>& right) {
  return product(left, right) / static_cast<double>(left.size() - 1);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

const RowSums* row_sums(const Racer& racer, std::size_t objective) {
  const bool known = objective < racer.rows.size() && !racer.rows[objective].empty();
  return known ? &racer.rows[objective] : nullptr;
}

}  // namespace

void RowSums::add(std::span<const float> parts) {
  if (seeds_ == 0) sums_.assign(parts.size(), 0);
  LATHE_CHECK_EQ(parts.size(), sums_.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sums_[i] += parts[i];
    squares_ += static_cast<double>(parts[i]) * static_cast<double>(parts[i]);
  }
  ++seeds_;
}

std::vector<float> RowSums::means() const {
  std::vector<float> means(sums_.size());
  for (std::size_t i = 0; i < means.size(); ++i) means[i] = sums_[i] / static_cast<float>(seeds_);
  return means;
}

double RowSums::within() const {
  if (seeds_ < 2) return std::nan("");
  const auto seeds = static_cast<double>(seeds_);
  const double squares = squares_ - product(sums_, sums_) / seeds;
  return std::max(squares, 0.0) / (static_cast<double>(sums_.size()) * (seeds - 1));
}

ValueErrors::ValueErrors(std::span<const Racer> racers, std::size_t objective, double sign, std::int64_t rows)
    : parts_(racers.size()), rows_(static_cast<double>(std::max<std::int64_t>(rows, 1))) {
  add_seed_variances(racers, objective, sign);
  add_row_variances(racers, objective);
}

void ValueErrors::add_seed_variances(std::span<const Racer> racers, std::size_t objective, double sign) {
  std::vector<double> squares(racers.size()), degrees(racers.size()), means(racers.size());
  for (std::size_t i = 0; i < racers.size(); ++i) {
    std::vector<double> values;
    for (const std::vector<double>& repeat : racers[i].repeats) {
      LATHE_CHECK(std::isfinite(repeat[objective]), "racer {} objective {}", i, objective);
      values.push_back(sign * repeat[objective]);
    }
    squares[i] = squares_about_mean(values, means[i]);
    degrees[i] = static_cast<double>(values.size()) - 1;
    all_degrees_ += degrees[i];
    parts_[i].mean = means[i];
    parts_[i].seeds = static_cast<std::int64_t>(values.size());
  }
  const std::vector<VariancePrior> priors = fit_variance_trend(squares, degrees, means);
  for (std::size_t i = 0; i < racers.size(); ++i) {
    Part& part = parts_[i];
    part.degrees = priors[i].degrees + degrees[i];
    const double variance = (priors[i].degrees * priors[i].variance + squares[i]) / part.degrees;
    part.seed_variance = part.degrees > 0 ? variance / static_cast<double>(part.seeds) : std::nan("");
  }
}

void ValueErrors::add_row_variances(std::span<const Racer> racers, std::size_t objective) {
  std::vector<double> totals(racers.size(), 0.0), ratios;
  for (std::size_t i = 0; i < racers.size(); ++i) {
    const RowSums* sums = row_sums(racers[i], objective);
    if (sums == nullptr) continue;
    Part& part = parts_[i];
    part.outcomes = sums->means();
    centre(part.outcomes);
    totals[i] = sample_covariance(part.outcomes, part.outcomes);
    const double within = sums->within();
    const double single = totals[i] + within * (1 - 1 / static_cast<double>(sums->seeds()));  // of one seed
    if (single > 0) ratios.push_back(within / single);
  }
  std::erase_if(ratios, [](double ratio) { return !std::isfinite(ratio); });
  const double usual = ratios.empty() ? 0 : median(ratios);
  for (std::size_t i = 0; i < racers.size(); ++i) {
    const RowSums* sums = row_sums(racers[i], objective);
    const double given = objective < racers[i].sampling_errors.size() ? racers[i].sampling_errors[objective] : 0;
    parts_[i].row_variance = given * given;
    if (sums == nullptr) continue;
    const double within = sums->seeds() > 1 ? sums->within() : usual * totals[i];
    parts_[i].row_variance = std::max(totals[i] - within / static_cast<double>(sums->seeds()), 0.0) / rows_;
  }
}

double ValueErrors::covariance(std::size_t i, std::size_t j) const {
  const std::vector<float>&left = parts_[i].outcomes, &right = parts_[j].outcomes;
  if (left.size() < 2 || left.size() != right.size()) return 0;
  const double most = std::sqrt(parts_[i].row_variance * parts_[j].row_variance);
  return std::clamp(sample_covariance(left, right) / rows_, -most, most);
}

double ValueErrors::row_variance_of_difference(std::size_t i, std::size_t j) const {
  const auto known = [](double variance) { return std::isfinite(variance) ? variance : 0; };
  const double apart = known(parts_[i].row_variance) + known(parts_[j].row_variance);
  return apart > 0 ? std::max(apart - 2 * covariance(i, j), 0.0) : 0;
}

}  // namespace lathe::study
