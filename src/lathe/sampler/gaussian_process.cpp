#include "lathe/sampler/gaussian_process.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/sampler/minimise.h"

namespace lathe::sampler {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Eigen::Index;

/// Parameters with more values are computed as they come.
constexpr std::int64_t kTabulated = 64;
constexpr double kLeastNoise = 1e-6;
constexpr double kLeastPivot = 1e-9;

/// Describes a normal prior of a logarithm.
struct Prior {
  double centre, deviation;

  double log_density(double value) const { return 0.5 * (value - centre) * slope(value); }
  double slope(double value) const { return -(value - centre) / (deviation * deviation); }
};

std::vector<Prior> priors(const Embedding& embedding) {
  std::vector<Prior> list;
  const auto parameters = static_cast<double>(embedding.parameters());
  for (const auto& coordinate : embedding.coordinates()) {
    list.push_back({std::log((coordinate.ordered ? 12.0 : 2.0) / parameters), 1.5});
  }
  list.push_back({0.0, 1.0});
  list.push_back({std::log(1e-4), 2.0});
  return list;
}

std::vector<double> to_logarithms(const Hyperparameters& hyperparameters) {
  std::vector<double> logarithms;
  for (const double weight : hyperparameters.weights) logarithms.push_back(std::log(weight));
  logarithms.push_back(std::log(hyperparameters.signal));
  logarithms.push_back(std::log(hyperparameters.noise));
  return logarithms;
}

Hyperparameters from_logarithms(const std::vector<double>& logarithms) {
  Hyperparameters hyperparameters;
  for (std::size_t i = 0; i + 2 < logarithms.size(); ++i) hyperparameters.weights.push_back(std::exp(logarithms[i]));
  hyperparameters.signal = std::exp(logarithms[logarithms.size() - 2]);
  hyperparameters.noise = std::exp(logarithms.back());
  return hyperparameters;
}

/// Computes log_posterior for one set of points and many hyperparameters.
class Evidence {
 public:
  Evidence(const Embedding& embedding, std::span<const std::vector<double>> points, std::span<const double> targets)
      : count_(static_cast<Index>(points.size())),
        priors_(priors(embedding)),
        targets_(Eigen::Map<const Vector>(targets.data(), static_cast<Index>(targets.size()))),
        distances_(count_ * (count_ - 1) / 2, static_cast<Index>(embedding.size())) {
    for (std::size_t j = 0; j < embedding.size(); ++j) {
      Index pair = 0;
      for (std::size_t a = 1; a < points.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) {
          distances_(pair++, static_cast<Index>(j)) = embedding.squared_distance(j, points[a][j], points[b][j]);
        }
      }
    }
  }

  double operator()(const std::vector<double>& logarithms, std::vector<double>* gradient) const {
    const Hyperparameters at = from_logarithms(logarithms);
    const Eigen::Map<const Vector> weights(at.weights.data(), distances_.cols());
    const Vector covariances = at.signal * (-(distances_ * weights)).array().exp();
    const Eigen::LLT<Matrix> factor(covariance_matrix(covariances, at.signal + at.noise + kLeastNoise));
    if (factor.info() != Eigen::Success) return -std::numeric_limits<double>::infinity();
    const Vector alpha = factor.solve(targets_);
    double value = -0.5 * targets_.dot(alpha) - factor.matrixLLT().diagonal().array().log().sum();
    for (std::size_t i = 0; i < priors_.size(); ++i) value += priors_[i].log_density(logarithms[i]);
    if (gradient != nullptr) differentiate(logarithms, at, covariances, factor, alpha, *gradient);
    return value;
  }

 private:
  Matrix covariance_matrix(const Vector& covariances, double diagonal) const {
    Matrix matrix(count_, count_);
    Index pair = 0;
    for (Index a = 0; a < count_; ++a) {
      for (Index b = 0; b < a; ++b) matrix(a, b) = covariances[pair++];
      matrix(a, a) = diagonal;
    }
    return matrix;
  }

  /// dL/dtheta = trace((alpha alpha^T - K^-1) dK/dtheta) / 2; a pair stands for two equal entries.
  void differentiate(const std::vector<double>& logarithms, const Hyperparameters& at, const Vector& covariances,
                     const Eigen::LLT<Matrix>& factor, const Vector& alpha, std::vector<double>& gradient) const {
    const Matrix inverse = factor.solve(Matrix::Identity(count_, count_));
    Vector slopes(covariances.size());
    Index pair = 0;
    for (Index a = 1; a < count_; ++a) {
      for (Index b = 0; b < a; ++b, ++pair) slopes[pair] = (alpha[a] * alpha[b] - inverse(a, b)) * covariances[pair];
    }
    const double trace = alpha.squaredNorm() - inverse.trace();
    const Vector by_weight = distances_.transpose() * slopes;
    gradient.resize(logarithms.size());
    for (std::size_t j = 0; j < at.weights.size(); ++j) gradient[j] = -at.weights[j] * by_weight[static_cast<Index>(j)];
    gradient[at.weights.size()] = slopes.sum() + 0.5 * at.signal * trace;
    gradient[at.weights.size() + 1] = 0.5 * at.noise * trace;
    for (std::size_t i = 0; i < priors_.size(); ++i) gradient[i] += priors_[i].slope(logarithms[i]);
  }

  Index count_;
  std::vector<Prior> priors_;
  Vector targets_;
  Matrix distances_;  ///< [pairs, coordinates], pairs (1, 0), (2, 0), (2, 1), ...
};

using FactorMap = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;

FactorMap factor_of(const std::vector<double>& factor, std::size_t size, std::size_t stride) {
  return {factor.data(), static_cast<Index>(size), static_cast<Index>(size),
          Eigen::OuterStride<>(static_cast<Index>(stride))};
}

}  // namespace

Hyperparameters default_hyperparameters(const Embedding& embedding) {
  std::vector<double> centres;
  for (const Prior& prior : priors(embedding)) centres.push_back(prior.centre);
  return from_logarithms(centres);
}

double log_posterior(const Embedding& embedding, std::span<const std::vector<double>> points,
                     std::span<const double> targets, const Hyperparameters& hyperparameters,
                     std::vector<double>* gradient) {
  return Evidence(embedding, points, targets)(to_logarithms(hyperparameters), gradient);
}

Hyperparameters fit(const Embedding& embedding, std::span<const std::vector<double>> points,
                    std::span<const double> targets, const Hyperparameters& start, int iterations) {
  const Evidence evidence(embedding, points, targets);
  const Differentiable loss = [&](const std::vector<double>& logarithms, std::vector<double>& gradient) {
    const double value = evidence(logarithms, &gradient);
    for (double& slope : gradient) slope = -slope;
    return -value;
  };
  return from_logarithms(minimise(loss, to_logarithms(start), iterations, 1e-3));
}

GaussianProcess::GaussianProcess(const parameter::Space& space, const Embedding& embedding,
                                 Hyperparameters hyperparameters)
    : embedding_(&embedding), hyperparameters_(std::move(hyperparameters)) {
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    const auto values = space.size(i);
    table_sizes_.push_back(values && *values <= kTabulated ? static_cast<std::size_t>(*values) : 0);
  }
}

void GaussianProcess::grow() {
  const std::size_t stride = std::max<std::size_t>(64, 2 * stride_);
  std::vector<double> factor(stride * stride);
  for (std::size_t column = 0; column < points_.size(); ++column) {
    std::copy_n(factor_.begin() + static_cast<std::ptrdiff_t>(column * stride_), points_.size(),
                factor.begin() + static_cast<std::ptrdiff_t>(column * stride));
  }
  factor_ = std::move(factor);
  stride_ = stride;
}

void GaussianProcess::add(const std::vector<double>& places) {
  if (points_.size() == stride_) grow();
  const std::size_t n = points_.size();
  Vector row(static_cast<Index>(n));
  for (std::size_t i = 0; i < n; ++i) {
    double exponent = 0;
    for (std::size_t j = 0; j < places.size(); ++j) {
      exponent += hyperparameters_.weights[j] * embedding_->squared_distance(j, places[j], points_[i][j]);
    }
    row[static_cast<Index>(i)] = hyperparameters_.signal * std::exp(-exponent);
  }
  if (n > 0) factor_of(factor_, n, stride_).triangularView<Eigen::Lower>().solveInPlace(row);
  for (std::size_t i = 0; i < n; ++i) factor_[i * stride_ + n] = row[static_cast<Index>(i)];
  const double pivot = hyperparameters_.signal + hyperparameters_.noise + kLeastNoise - row.squaredNorm();
  factor_[n * stride_ + n] = std::sqrt(std::max(pivot, kLeastPivot));
  points_.push_back(places);
}

void GaussianProcess::truncate(std::size_t count) { points_.resize(std::min(count, points_.size())); }

void GaussianProcess::set_targets(std::span<const double> targets) {
  LATHE_CHECK(targets.size() <= points_.size(), "{} targets for {} points", targets.size(), points_.size());
  alpha_.assign(targets.begin(), targets.end());
  Eigen::Map<Vector> alpha(alpha_.data(), static_cast<Index>(alpha_.size()));
  const FactorMap factor = factor_of(factor_, alpha_.size(), stride_);
  factor.triangularView<Eigen::Lower>().solveInPlace(alpha);
  factor.transpose().triangularView<Eigen::Upper>().solveInPlace(alpha);
}

std::vector<double> GaussianProcess::smoothed(std::span<const double> targets) const {
  LATHE_CHECK_EQ(targets.size(), alpha_.size());
  std::vector<double> means(targets.begin(), targets.end());
  for (std::size_t i = 0; i < means.size(); ++i) means[i] -= (hyperparameters_.noise + kLeastNoise) * alpha_[i];
  return means;
}

void GaussianProcess::prepare() {
  tables_.assign(table_sizes_.size(), {});
  for (std::size_t i = 0; i < table_sizes_.size(); ++i) {
    if (table_sizes_[i] == 0) continue;
    std::vector<double>& table = tables_[i];
    table.resize((table_sizes_[i] + 1) * size());
    for (std::size_t code = 0; code <= table_sizes_[i]; ++code) {
      const double value = code == table_sizes_[i] ? parameter::kInactive : static_cast<double>(code);
      fill_factors(i, value, std::span(table).subspan(code * size(), size()));
    }
  }
}

/// Computes what one parameter multiplies the covariances with all points by.
void GaussianProcess::fill_factors(std::size_t parameter, double code, std::span<double> factors) const {
  const auto [first, last] = embedding_->range(parameter);
  std::fill(factors.begin(), factors.end(), 0.0);
  for (std::size_t j = first; j < last; ++j) {
    const double place = embedding_->place(j, code);
    const double weight = hyperparameters_.weights[j];
    for (std::size_t i = 0; i < factors.size(); ++i) {
      factors[i] -= weight * embedding_->squared_distance(j, place, points_[i][j]);
    }
  }
  for (double& factor : factors) factor = std::exp(factor);
}

void GaussianProcess::query(const parameter::Assignment& assignment, Query& query) const {
  query.covariances.assign(size(), hyperparameters_.signal);
  double* covariances = query.covariances.data();
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const double* factors = nullptr;
    if (table_sizes_[i] == 0) {
      query.factors.resize(size());
      fill_factors(i, assignment[i], query.factors);
      factors = query.factors.data();
    } else {
      const bool active = assignment[i] != parameter::kInactive;
      factors = tables_[i].data() + (active ? static_cast<std::size_t>(assignment[i]) : table_sizes_[i]) * size();
    }
    for (std::size_t point = 0; point < size(); ++point) covariances[point] *= factors[point];
  }
  const Eigen::Map<const Vector> vector(covariances, static_cast<Index>(size()));
  const auto told = static_cast<Index>(alpha_.size());
  query.mean = vector.head(told).dot(Eigen::Map<const Vector>(alpha_.data(), told));
  const double nearest = size() == 0 ? 0 : vector.maxCoeff();
  const double total = hyperparameters_.signal + hyperparameters_.noise + kLeastNoise;
  query.variance_bound = hyperparameters_.signal - nearest * nearest / total;
}

double GaussianProcess::variance(const Query& query) const {
  Vector solved = Eigen::Map<const Vector>(query.covariances.data(), static_cast<Index>(size()));
  factor_of(factor_, size(), stride_).triangularView<Eigen::Lower>().solveInPlace(solved);
  return std::max(hyperparameters_.signal - solved.squaredNorm(), 1e-12 * hyperparameters_.signal);
}

}  // namespace lathe::sampler
