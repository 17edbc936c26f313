#pragma once

#include <span>
#include <vector>

/// Small dense linear algebra and the estimate of true values from noisy ones: what front_probability.h draws from.
namespace lathe::study {

/// Holds a square matrix, row by row.
class Matrix {
 public:
  explicit Matrix(std::size_t size) : size_(size), values_(size * size, 0.0) {}
  std::size_t size() const { return size_; }
  double& at(std::size_t row, std::size_t column) { return values_[row * size_ + column]; }
  double at(std::size_t row, std::size_t column) const { return values_[row * size_ + column]; }
  std::span<double> row(std::size_t index) { return std::span(values_).subspan(index * size_, size_); }
  std::span<const double> row(std::size_t index) const { return std::span(values_).subspan(index * size_, size_); }

 private:
  std::size_t size_;
  std::vector<double> values_;
};

/// Returns the lower triangle L with L L^T = matrix. What rounding leaves of a direction without variance counts as 0.
Matrix cholesky(const Matrix& matrix);

/// Holds what is believed of true values: a normal distribution.
struct Belief {
  std::vector<double> means;
  Matrix covariance;
};

/// Returns what is to be believed of the true values of candidates near a front, of which `means` with errors of
/// `covariance` are measured. Candidates of like cost are alike: their true values lie around a line, fitted locally to
/// the measured ones by the ranks of `costs` ([cost][candidate]; none: around their mean), with a variance that is
/// estimated from the residuals, at least a tenth of that of the errors. Without this the best of many measured values
/// would be taken at its word, which is more luck than merit (Efron, "Tweedie's formula and selection bias", JASA
/// 106(496), 2011; Stein's estimator with a local mean).
Belief shrink(const std::vector<double>& means, const Matrix& covariance,
              const std::vector<std::vector<double>>& costs);

}  // namespace lathe::study
