#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/sampler/parzen_axis.h"

namespace lathe::sampler {

/// Returns the weights of n observations (oldest first) and of the prior, normalised: all equal below 25; else the
/// newest 25 weigh 1 and the older ones rise linearly from 1/n to 1.
std::vector<double> recency_weights(std::size_t n);
/// Returns n + 1 equal normalised weights.
std::vector<double> equal_weights(std::size_t n);

/// Tells whether the codes of an axis are kept as bytes.
bool has_byte_codes(const ParzenAxis& axis);

/// Shows the observations of one parameter.
struct ParzenColumn {
  const std::uint8_t* codes = nullptr;        ///< [rows] where has_byte_codes
  const double* positions = nullptr;          ///< [rows] otherwise: ParzenAxis::position
  std::span<const std::uint32_t> order = {};  ///< for numbers without byte codes: rows ascending by position, ties by
                                              ///< row; it may name rows that are left out
};

/// Shows observations and their weights. Rows are in the order of their age, oldest first.
struct ParzenSample {
  std::vector<const ParzenAxis*> axes = {};
  std::vector<ParzenColumn> columns = {};  ///< one per axis
  std::span<const double> weights = {};    ///< [rows] 0: the row is left out
  double prior_weight = 1;                 ///< together with `weights` this sums to 1
  std::size_t count = 0;                   ///< rows that are not left out
};

/// Estimates a density over the joint values of some parameters as the tree-structured Parzen estimator does (Bergstra
/// et al., NeurIPS 2011; Watanabe, arXiv 2304.11127, with prior weight 1): a mixture with one kernel per observation
/// and a wide prior kernel; kernels are products over the parameters. With K kernels and C choices a kernel gives
/// choice c the mass (1/K + [c is its own]) / (1 + C/K); for numbers see ParzenAxis. Equal to Optuna's densities to
/// rounding. Keeps pointers to the sample's columns and axes.
class ParzenMixture {
 public:
  ParzenMixture(ParzenSample sample, const ParzenRules& rules);

  /// Draws one kernel and from it one code per axis.
  void draw(RandomStream& stream, std::span<double> codes) const;
  /// Returns the natural logarithms of the joint density at points; `points[axis][i]` is the code of point i.
  std::vector<double> log_density(const std::vector<std::vector<double>>& points) const;

 private:
  /// Holds the kernels of one numeric axis.
  struct Kernels {
    std::vector<std::uint16_t> classes;         ///< [rows] byte codes: index into `distinct`
    std::vector<NormalKernel> distinct;         ///< byte codes: by code, then those of other widths
    std::vector<double> means, inverse_sigmas;  ///< [rows] otherwise
  };
  class Sum;

  void fit_classes(std::size_t axis, const ParzenRules& rules);
  void fit_rows(std::size_t axis, const ParzenRules& rules);
  std::size_t draw_row(double uniform) const;
  double draw_choice(std::size_t axis, std::size_t row, RandomStream& stream) const;
  NormalKernel kernel(std::size_t axis, std::size_t row) const;
  double log_prior(const std::vector<std::vector<double>>& points, std::size_t point) const;
  double log_density_slowly(const std::vector<std::vector<double>>& points, std::size_t point) const;
  double log_component(const std::vector<std::vector<double>>& points, std::size_t point, std::size_t row) const;

  ParzenSample sample_;
  std::vector<Kernels> kernels_;    ///< one per axis
  std::vector<double> log_scale_;   ///< [rows] summed over the smooth axes without byte codes
  std::vector<double> cumulative_;  ///< [rows]
};

/// Summarises the observations of one parameter with few values.
struct ParzenCounts {
  std::vector<double> weights;      ///< [values] sums of the weights; with the prior's they sum to 1
  std::vector<std::size_t> counts;  ///< [values]
  double prior_weight = 1;
};

/// Estimates the density of one parameter with few values from sums over its observations: the same mixture as
/// ParzenMixture, but that observations at one value share their weight evenly (their widths differ, and which is whose
/// is a matter of how ties are sorted).
class ParzenMarginal {
 public:
  ParzenMarginal(const ParzenAxis& axis, const ParzenCounts& counts, const ParzenRules& rules);
  /// Draws codes that are independent of each other.
  void draw(RandomStream& stream, std::span<double> codes) const;
  double log_density(double code) const;

 private:
  void fit_choices(const ParzenCounts& counts);
  void fit_numbers(const ParzenCounts& counts, const ParzenRules& rules);
  void draw_choices(RandomStream& stream, std::span<double> codes) const;

  const ParzenAxis* axis_;
  std::vector<double> masses_;         ///< [values] of choices
  std::vector<NormalKernel> kernels_;  ///< of numbers, the prior last
  std::vector<double> weights_;        ///< of the kernels
  mutable std::vector<double> known_;  ///< [values] log densities that were asked for; NaN: not yet
};

}  // namespace lathe::sampler
