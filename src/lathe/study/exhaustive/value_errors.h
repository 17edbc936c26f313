#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/base/trial_state.h"

/// How far the means of candidates may lie from their expected values over new seeds and new rows.
namespace lathe::study {

/// Adds up what the rows of an evaluation said of a candidate in one objective, seed by seed: for each row its part in
/// the value (metric/row_parts.h).
class RowSums {
 public:
  void add(std::span<const float> parts);
  bool empty() const { return seeds_ == 0; }
  std::int64_t seeds() const { return seeds_; }
  /// Returns the mean over the seeds, row by row.
  std::vector<float> means() const;
  /// Returns the variance of a row's part from seed to seed, mean over the rows; NaN with one seed.
  double within() const;

 private:
  std::vector<float> sums_;
  double squares_ = 0;
  std::int64_t seeds_ = 0;
};

/// Holds the evaluations of one candidate so far.
struct Racer {
  std::vector<std::vector<double>> repeats;  ///< one vector of raced values per seed, as measured; all finite
  std::vector<RowSums> rows = {};            ///< one per value; none, or an empty one: not known row by row
  /// Standard errors of the values from the choice of the rows, taken as independent of all other candidates': used
  /// where `rows` are not known. 0 or NaN: none, or not known.
  std::vector<double> sampling_errors = {};
};

/// Estimates the errors of the means of one raced value. The value of a candidate with one seed on one row is its
/// expected value, plus an effect of the seed, an effect of the row, and what is left; seeds are drawn anew for each
/// candidate, rows are the same for all. The error of a mean over seeds and rows has hence a part of the seeds,
/// independent of other candidates, and one of the rows, whose covariances follow from the outcomes row by row. A
/// difference of two candidates is known better than the two of them, the more they agree on.
///
/// Few seeds estimate a variance badly: each candidate's is drawn towards what is usual among the candidates of about
/// the same mean (fit_variance_trend). Where one alone has outcomes its row error is its own; a candidate with one
/// seed, whose rows do not tell seed and row apart, borrows the usual ratio of both from the others.
class ValueErrors {
 public:
  /// `sign` is -1 where larger values are better: all that is returned are losses. `rows`: those of an evaluation.
  ValueErrors(std::span<const Racer> racers, std::size_t objective, double sign, std::int64_t rows);

  double mean(std::size_t i) const { return parts_[i].mean; }
  std::int64_t seeds(std::size_t i) const { return parts_[i].seeds; }
  /// Variance of the mean by the seeds, on these rows, and its degrees of freedom. NaN where nothing is known of it.
  double seed_variance(std::size_t i) const { return parts_[i].seed_variance; }
  double degrees(std::size_t i) const { return parts_[i].degrees; }
  /// Variance of the expected value by the rows; NaN where not known.
  double row_variance(std::size_t i) const { return parts_[i].row_variance; }
  /// Returns the covariance of the errors of two different candidates, 0 where one's outcomes are not known.
  double covariance(std::size_t i, std::size_t j) const;
  /// Returns the variance of the difference of two means by the rows; unknown parts count as 0.
  double row_variance_of_difference(std::size_t i, std::size_t j) const;
  /// Returns the degrees of freedom of all candidates together.
  double all_degrees() const { return all_degrees_; }

 private:
  struct Part {
    double mean = 0;
    std::int64_t seeds = 0;
    double seed_variance = 0, degrees = 0;
    double row_variance = 0;
    std::vector<float> outcomes = {};  // centred, mean over the seeds
  };

  void add_seed_variances(std::span<const Racer> racers, std::size_t objective, double sign);
  void add_row_variances(std::span<const Racer> racers, std::size_t objective);

  std::vector<Part> parts_;
  double rows_;
  double all_degrees_ = 0;
};

}  // namespace lathe::study
