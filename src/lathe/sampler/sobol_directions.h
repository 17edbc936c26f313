#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lathe::sampler {

/// Dimensions that the table of direction numbers holds: all primitive polynomials up to degree 11.
constexpr std::size_t kSobolDimensions = 337;

/// Holds what the direction numbers of one dimension are made from.
struct SobolPolynomial {
  std::size_t degree = 0;
  std::uint32_t coefficients = 0;          ///< the inner ones, the highest power first, as bits
  std::span<const std::uint16_t> initial;  ///< m_1 ... m_degree
};

/// Returns the entry of `dimension`, 1 .. kSobolDimensions - 1 (dimension 0 is van der Corput's sequence and has none),
/// of the table new-joe-kuo-6 (Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections",
/// SIAM J. Sci. Comput. 30, 2008).
SobolPolynomial sobol_polynomial(std::size_t dimension);

}  // namespace lathe::sampler
