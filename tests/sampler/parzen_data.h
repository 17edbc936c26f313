#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "lathe/parameter/space.h"
#include "lathe/sampler/parzen.h"

namespace lathe::sampler {

/// Holds observations for Parzen mixtures, weighted by age. Mixtures point into it.
class ParzenData {
 public:
  /// `codes[parameter][row]`, oldest first.
  ParzenData(const std::vector<parameter::Distribution>& distributions, const std::vector<std::vector<double>>& codes,
             bool revision_3_1 = false)
      : weights_(recency_weights(codes.front().size())),
        bytes_(codes.size()),
        positions_(codes.size()),
        orders_(codes.size()) {
    prior_weight_ = weights_.back();
    weights_.pop_back();
    for (std::size_t i = 0; i < codes.size(); ++i) {
      axes_.emplace_back(parameter::checked(distributions[i]), revision_3_1);
      for (const double code : codes[i]) {
        bytes_[i].push_back(static_cast<std::uint8_t>(code < 0 ? 0 : code));
        positions_[i].push_back(axes_.back().position(code));
      }
      orders_[i].resize(codes[i].size());
      std::iota(orders_[i].begin(), orders_[i].end(), std::uint32_t{0});
      std::stable_sort(orders_[i].begin(), orders_[i].end(),
                       [&](auto left, auto right) { return positions_[i][left] < positions_[i][right]; });
    }
  }

  const ParzenAxis& axis(std::size_t i) const { return axes_[i]; }

  ParzenMixture mixture(const ParzenRules& rules) const {
    ParzenSample sample{.weights = weights_, .prior_weight = prior_weight_, .count = weights_.size()};
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      sample.axes.push_back(&axes_[i]);
      const bool bytes = has_byte_codes(axes_[i]);
      sample.columns.push_back({bytes ? bytes_[i].data() : nullptr, positions_[i].data(), orders_[i]});
    }
    return ParzenMixture(std::move(sample), rules);
  }

  /// Summarises the first parameter.
  ParzenCounts counts() const {
    const auto size = static_cast<std::size_t>(axes_.front().size());
    ParzenCounts counts{std::vector<double>(size), std::vector<std::size_t>(size), prior_weight_};
    for (std::size_t row = 0; row < weights_.size(); ++row) {
      counts.weights[bytes_.front()[row]] += weights_[row];
      ++counts.counts[bytes_.front()[row]];
    }
    return counts;
  }

 private:
  std::vector<ParzenAxis> axes_;
  std::vector<double> weights_;
  double prior_weight_ = 1;
  std::vector<std::vector<std::uint8_t>> bytes_;
  std::vector<std::vector<double>> positions_;
  std::vector<std::vector<std::uint32_t>> orders_;
};

}  // namespace lathe::sampler
