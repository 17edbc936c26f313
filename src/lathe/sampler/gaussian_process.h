#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lathe/sampler/embedding.h"

namespace lathe::sampler {

/// Holds the parameters of the covariance
///   k(x, y) = signal * exp(-sum_j weight_j d_j(x, y)) + noise [x is y],
/// d_j the squared distances of Embedding: a product of Hamming (diffusion) kernels over categorical parameters and
/// squared exponentials over numeric ones, one weight each (automatic relevance determination).
struct Hyperparameters {
  std::vector<double> weights;  ///< one per coordinate
  double signal = 1;
  double noise = 1e-3;
};

/// Returns the hyperparameters that a fit starts from: the centre of their priors.
Hyperparameters default_hyperparameters(const Embedding& embedding);

/// Computes the logarithm of (marginal likelihood times prior) up to a constant. Priors are log-normal: each weight
/// around 2 / (number of parameters) for Hamming and 6 times that for positions, standard deviation 1.5; signal around
/// 1 with 1; noise around 1e-4 with 2. `gradient`, unless null, becomes the derivatives by the logarithms of weights,
/// signal and noise. `points` are embedded, `targets` of mean about 0 and variance about 1.
double log_posterior(const Embedding& embedding, std::span<const std::vector<double>> points,
                     std::span<const double> targets, const Hyperparameters& hyperparameters,
                     std::vector<double>* gradient);

/// Maximises log_posterior by L-BFGS from `start`. Deterministic.
Hyperparameters fit(const Embedding& embedding, std::span<const std::vector<double>> points,
                    std::span<const double> targets, const Hyperparameters& start, int iterations);

/// Predicts from observations with given hyperparameters. Rasmussen and Williams, "Gaussian Processes for Machine
/// Learning", algorithm 2.1; the Cholesky factor grows by a row per point, so that its bits do not depend on when
/// predictions were asked for.
class GaussianProcess {
 public:
  GaussianProcess(const parameter::Space& space, const Embedding& embedding, Hyperparameters hyperparameters);

  /// Adds a point. O(n^2).
  void add(const std::vector<double>& places);
  /// Forgets all points but the first `count`.
  void truncate(std::size_t count);
  /// Sets what was observed at the first targets.size() points. Points behind them have no value yet: they leave the
  /// mean alone and narrow the variance, as if they were observed where the mean predicts (kriging believer).
  void set_targets(std::span<const double> targets);
  /// Returns the means at the points with targets: y - noise K^-1 y, what was observed without its noise.
  std::vector<double> smoothed(std::span<const double> targets) const;
  /// Tabulates what predictions need; after the last point, before the first query.
  void prepare();

  std::size_t size() const { return points_.size(); }
  /// Holds what is known of the function at one assignment.
  struct Query {
    std::vector<double> covariances;  ///< with all points
    std::vector<double> factors;      ///< scratch
    double mean = 0;
    double variance_bound = 0;  ///< at least the variance; from the nearest point alone
  };
  /// Fills a query. O(n parameters).
  void query(const parameter::Assignment& assignment, Query& query) const;
  /// Returns the variance of the function (without noise) there. O(n^2).
  double variance(const Query& query) const;

 private:
  void grow();
  void fill_factors(std::size_t parameter, double code, std::span<double> factors) const;

  const Embedding* embedding_;
  Hyperparameters hyperparameters_;
  std::vector<std::vector<double>> points_;
  std::size_t stride_ = 0;
  std::vector<double> factor_;               ///< [stride, stride] lower triangle, column by column
  std::vector<double> alpha_;                ///< one per target
  std::vector<std::size_t> table_sizes_;     ///< per parameter; 0: too many values to tabulate
  std::vector<std::vector<double>> tables_;  ///< [size + 1, points] factors; the last row is of kInactive
};

}  // namespace lathe::sampler
