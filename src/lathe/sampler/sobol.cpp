#include "lathe/sampler/sobol.h"

#include <fmt/format.h>

#include <bit>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/sampler/sobol_directions.h"

namespace lathe::sampler {

Sobol::Sobol(std::size_t dimensions, bool scramble, std::uint64_t seed) : shifts_(dimensions, 0) {
  if (dimensions > kSobolDimensions) {
    throw UserError("sampler", fmt::format("qmc_type = \"sobol\" serves up to {} parameters, and this space has {}; "
                                           "use qmc_type = \"halton\"",
                                           kSobolDimensions, dimensions));
  }
  for (std::size_t dimension = 0; dimension < dimensions; ++dimension) {
    const Directions plain = directions_of(dimension);
    directions_.push_back(scramble ? scrambled(plain, seed, dimension) : plain);
    if (scramble)
      shifts_[dimension] = RandomStream(seed, {dimension}, "sampler sobol shift").next_u64() >> (64 - kBits);
  }
}

Sobol::Directions Sobol::directions_of(std::size_t dimension) {
  Directions numbers{};  // m_i first, shifted to digits at the end
  if (dimension == 0) {
    numbers.fill(1);
  } else {
    const SobolPolynomial polynomial = sobol_polynomial(dimension);
    const std::size_t degree = polynomial.degree;
    for (std::size_t i = 0; i < kBits; ++i) {
      if (i < degree) {
        numbers[i] = polynomial.initial[i];
        continue;
      }
      numbers[i] = numbers[i - degree] ^ (numbers[i - degree] << degree);
      for (std::size_t k = 1; k < degree; ++k) {
        if ((polynomial.coefficients >> (degree - 1 - k)) & 1U) numbers[i] ^= numbers[i - k] << k;
      }
    }
  }
  for (std::size_t i = 0; i < kBits; ++i) numbers[i] <<= kBits - 1 - i;
  return numbers;
}

Sobol::Directions Sobol::scrambled(const Directions& directions, std::uint64_t seed, std::size_t dimension) {
  RandomStream stream(seed, {dimension}, "sampler sobol matrix");
  Directions result{};
  for (std::size_t digit = 0; digit < kBits; ++digit) {  // the most significant digit first
    const std::uint64_t own = std::uint64_t{1} << (kBits - 1 - digit);
    const std::uint64_t higher = ((std::uint64_t{1} << kBits) - 1) & ~(2 * own - 1);
    const std::uint64_t row = own | (stream.next_u64() & higher);
    for (std::size_t i = 0; i < kBits; ++i) {
      if (std::popcount(directions[i] & row) % 2 == 1) result[i] |= own;
    }
  }
  return result;
}

double Sobol::coordinate(std::uint64_t index, std::size_t dimension) const {
  std::uint64_t digits = shifts_[dimension];
  for (std::uint64_t gray = index ^ (index >> 1); gray != 0; gray &= gray - 1) {
    digits ^= directions_[dimension][static_cast<std::size_t>(std::countr_zero(gray)) % kBits];
  }
  return static_cast<double>(digits) * 0x1p-52;
}

}  // namespace lathe::sampler
