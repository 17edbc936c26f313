#include "lathe/sampler/parzen.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

constexpr std::size_t kFullWeight = 25;

std::vector<double> normalised(std::vector<double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

double log_sum_exp(std::span<const double> terms) {
  const double largest = *std::max_element(terms.begin(), terms.end());
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
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

ParzenMixture::ParzenMixture(std::vector<std::int64_t> sizes, const std::vector<const Assignment*>& rows,
                             std::vector<double> weights)
    : sizes_(std::move(sizes)), columns_(sizes_.size()), weights_(std::move(weights)), cumulative_(weights_.size()) {
  LATHE_CHECK_EQ(weights_.size(), rows.size() + 1);
  std::partial_sum(weights_.begin(), weights_.end(), cumulative_.begin());
  const auto kernels = static_cast<double>(weights_.size());
  log_match_ = std::log(kernels + 1);
  for (std::size_t dimension = 0; dimension < sizes_.size(); ++dimension) {
    const auto choices = static_cast<double>(sizes_[dimension]);
    log_base_ -= std::log(kernels + choices);
    log_prior_ -= std::log(choices);
    for (const Assignment* row : rows) columns_[dimension].push_back(static_cast<std::int32_t>((*row)[dimension]));
  }
}

std::size_t ParzenMixture::kernel(double uniform) const {
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform * cumulative_.back());
  return std::min(static_cast<std::size_t>(found - cumulative_.begin()), weights_.size() - 1);
}

Assignment ParzenMixture::draw(RandomStream& stream) const {
  const std::size_t chosen = kernel(stream.uniform());
  const bool is_prior = chosen + 1 == weights_.size();
  const auto kernels = static_cast<double>(weights_.size());
  Assignment assignment(sizes_.size());
  for (std::size_t dimension = 0; dimension < sizes_.size(); ++dimension) {
    const auto choices = static_cast<std::uint64_t>(sizes_[dimension]);
    const double own_share = kernels / (kernels + static_cast<double>(choices));
    const bool own = stream.uniform() < own_share && !is_prior;
    const auto other = static_cast<std::int32_t>(stream.below(choices));
    assignment[dimension] = own ? columns_[dimension][chosen] : other;
  }
  return assignment;
}

double ParzenMixture::log_density(const Assignment& assignment) const {
  const std::size_t observations = weights_.size() - 1;
  std::vector<std::uint16_t> matches(observations, 0);
  for (std::size_t dimension = 0; dimension < sizes_.size(); ++dimension) {
    const std::int32_t* column = columns_[dimension].data();
    const auto wanted = static_cast<std::int32_t>(assignment[dimension]);
    for (std::size_t i = 0; i < observations; ++i)
      matches[i] = static_cast<std::uint16_t>(matches[i] + (column[i] == wanted));
  }
  std::vector<double> weight_of(sizes_.size() + 1, 0.0);
  for (std::size_t i = 0; i < observations; ++i) weight_of[matches[i]] += weights_[i];
  std::vector<double> terms{std::log(weights_.back()) + log_prior_};
  for (std::size_t count = 0; count < weight_of.size(); ++count) {
    if (weight_of[count] > 0)
      terms.push_back(std::log(weight_of[count]) + log_base_ + static_cast<double>(count) * log_match_);
  }
  return log_sum_exp(terms);
}

std::vector<double> ParzenMixture::marginal(std::size_t dimension) const {
  const auto kernels = static_cast<double>(weights_.size());
  const auto choices = static_cast<double>(sizes_[dimension]);
  const double background = (1.0 - weights_.back()) / (kernels + choices) + weights_.back() / choices;
  std::vector<double> density(static_cast<std::size_t>(sizes_[dimension]), 0.0);
  for (std::size_t i = 0; i + 1 < weights_.size(); ++i)
    density[static_cast<std::size_t>(columns_[dimension][i])] += weights_[i];
  for (double& mass : density) mass = background + mass * kernels / (kernels + choices);
  return density;
}

}  // namespace lathe::sampler
