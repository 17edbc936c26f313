#include "lathe/study/exhaustive/shrinkage.h"

#include <algorithm>
#include <cmath>

namespace lathe::study {
namespace {

// Deviation of the kernel, as a share of the candidates.
constexpr double kWidth = 0.2;
// Least variance of the true values around their line, as a share of that of the errors.
constexpr double kLeastSpread = 0.1;

// Returns the ranks of values in [0, 1), equal ones sharing theirs.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> ranks;
  for (const double value : values) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
    const auto middle = static_cast<double>((first - sorted.begin()) + (last - sorted.begin()) - 1) / 2;
    ranks.push_back(middle / static_cast<double>(values.size()));
  }
  return ranks;
}

// Holds how the line through a candidate's neighbours follows from their values, and how near they are.
struct Smoother {
  Matrix shares, weights;
};

// Solves a symmetric system of few equations by elimination; a small ridge keeps it regular.
std::vector<double> solved(std::vector<std::vector<double>> rows, std::vector<double> right) {
  const std::size_t size = right.size();
  const double ridge = 1e-9 * rows[0][0];
  for (std::size_t i = 0; i < size; ++i) rows[i][i] += ridge;
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = i + 1; j < size; ++j) {
      const double factor = rows[j][i] / rows[i][i];
      for (std::size_t k = i; k < size; ++k) rows[j][k] -= factor * rows[i][k];
      right[j] -= factor * right[i];
    }
  for (std::size_t i = size; i-- > 0;) {
    for (std::size_t k = i + 1; k < size; ++k) right[i] -= rows[i][k] * right[k];
    right[i] /= rows[i][i];
  }
  return right;
}

Smoother smoother_of(const std::vector<std::vector<double>>& ranks, std::size_t size) {
  Smoother smoother{Matrix(size), Matrix(size)};
  const std::size_t terms = ranks.size() + 1;
  std::vector<double> term(terms);
  for (std::size_t i = 0; i < size; ++i) {
    const auto describe = [&](std::size_t j) {
      double squares = 0;
      term[0] = 1;
      for (std::size_t c = 0; c < ranks.size(); ++c) {
        term[c + 1] = ranks[c][j] - ranks[c][i];
        squares += term[c + 1] * term[c + 1];
      }
      return std::exp(-0.5 * squares / (kWidth * kWidth));
    };
    std::vector<std::vector<double>> rows(terms, std::vector<double>(terms));
    for (std::size_t j = 0; j < size; ++j) {
      smoother.weights.at(i, j) = describe(j);
      for (std::size_t a = 0; a < terms; ++a)
        for (std::size_t b = 0; b < terms; ++b) rows[a][b] += smoother.weights.at(i, j) * term[a] * term[b];
    }
    std::vector<double> here(terms);
    here[0] = 1;
    const std::vector<double> solution = solved(std::move(rows), std::move(here));
    for (std::size_t j = 0; j < size; ++j) {
      describe(j);
      double share = 0;
      for (std::size_t a = 0; a < terms; ++a) share += solution[a] * term[a];
      smoother.shares.at(i, j) = smoother.weights.at(i, j) * share;
    }
  }
  return smoother;
}

double dot(std::span<const double> left, std::span<const double> right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) sum += left[i] * right[i];
  return sum;
}

// Returns the variance of the true values around their line, where each candidate is.
std::vector<double> spreads_of(const Smoother& smoother, const std::vector<double>& residuals,
                               const Matrix& covariance) {
  const std::size_t size = residuals.size();
  std::vector<double> excess(size), freedom(size), spreads(size);
  for (std::size_t i = 0; i < size; ++i) {
    std::vector<double> left(size);  // the residual as a sum of values
    for (std::size_t j = 0; j < size; ++j) left[j] = (i == j ? 1.0 : 0.0) - smoother.shares.at(i, j);
    double noise = 0;
    for (std::size_t j = 0; j < size; ++j) noise += left[j] * dot(covariance.row(j), left);
    excess[i] = residuals[i] * residuals[i] - noise;
    freedom[i] = dot(left, left);
  }
  for (std::size_t i = 0; i < size; ++i) {
    double errors = 0, weights = 0;
    for (std::size_t j = 0; j < size; ++j) {
      errors += smoother.weights.at(i, j) * covariance.at(j, j);
      weights += smoother.weights.at(i, j);
    }
    const double estimate = dot(smoother.weights.row(i), excess) / dot(smoother.weights.row(i), freedom);
    spreads[i] = std::max(estimate, kLeastSpread * errors / weights);
  }
  return spreads;
}

// Solves L x = right for each column of `right`, in place.
void solve_lower(const Matrix& lower, Matrix& right) {
  for (std::size_t i = 0; i < lower.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const double factor = lower.at(i, k);
      for (std::size_t j = 0; j < right.size(); ++j) right.at(i, j) -= factor * right.at(k, j);
    }
    const double pivot = lower.at(i, i);
    for (double& value : right.row(i)) value = pivot > 0 ? value / pivot : 0;
  }
}

}  // namespace

Matrix cholesky(const Matrix& matrix) {
  constexpr double kRounding = 1e-10;
  const std::size_t size = matrix.size();
  Matrix lower(size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double rest = matrix.at(i, j) - dot(lower.row(i).first(j), lower.row(j).first(j));
      if (i == j)
        lower.at(i, i) = rest > kRounding * matrix.at(i, i) ? std::sqrt(rest) : 0;
      else
        lower.at(i, j) = lower.at(j, j) > 0 ? rest / lower.at(j, j) : 0;
    }
  }
  return lower;
}

Belief shrink(const std::vector<double>& means, const Matrix& covariance,
              const std::vector<std::vector<double>>& costs) {
  const std::size_t size = means.size();
  std::vector<std::vector<double>> ranks;
  for (const std::vector<double>& cost : costs) ranks.push_back(ranks_of(cost));
  const Smoother smoother = smoother_of(ranks, size);
  std::vector<double> residuals(size);
  for (std::size_t i = 0; i < size; ++i) residuals[i] = means[i] - dot(smoother.shares.row(i), means);
  const std::vector<double> spreads = spreads_of(smoother, residuals, covariance);
  Matrix all = covariance;
  for (std::size_t i = 0; i < size; ++i) all.at(i, i) += spreads[i];
  // With S = errors, A = S + spreads = L L^T: means x - S A^-1 (x - line), covariance S - S A^-1 S.
  const Matrix lower = cholesky(all);
  Matrix solution = covariance;  // L^-1 S
  solve_lower(lower, solution);
  Matrix scaled(size);  // L^-1 (x - line) in the first column
  for (std::size_t i = 0; i < size; ++i) scaled.at(i, 0) = residuals[i];
  solve_lower(lower, scaled);
  Belief belief{means, covariance};
  for (std::size_t k = 0; k < size; ++k)
    for (std::size_t i = 0; i < size; ++i) {
      const double left = solution.at(k, i);
      belief.means[i] -= left * scaled.at(k, 0);
      for (std::size_t j = 0; j < size; ++j) belief.covariance.at(i, j) -= left * solution.at(k, j);
    }
  return belief;
}

}  // namespace lathe::study
