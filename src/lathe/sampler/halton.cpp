#include "lathe/sampler/halton.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "lathe/base/random.h"

namespace lathe::sampler {
namespace {

constexpr double kPrecisionBits = 54;
const double kBelowOne = std::nextafter(1.0, 0.0);

std::vector<std::uint32_t> first_primes(std::size_t count) {
  std::vector<std::uint32_t> primes;
  for (std::uint32_t candidate = 2; primes.size() < count; ++candidate) {
    const bool composite = std::any_of(primes.begin(), primes.end(), [&](std::uint32_t prime) {
      return prime <= candidate / prime && candidate % prime == 0;
    });
    if (!composite) primes.push_back(candidate);
  }
  return primes;
}

}  // namespace

Halton::Halton(std::size_t dimensions, bool scramble, std::uint64_t seed) : bases_(first_primes(dimensions)) {
  if (!scramble) return;
  for (std::size_t dimension = 0; dimension < dimensions; ++dimension) {
    const std::uint32_t base = bases_[dimension];
    digits_.push_back(static_cast<std::size_t>(std::ceil(kPrecisionBits / std::log2(base))));
    auto& table = permutations_.emplace_back(digits_.back() * base);
    for (std::size_t digit = 0; digit < digits_.back(); ++digit) {
      RandomStream stream(seed, {dimension, digit}, "sampler halton");
      random_permutation(stream, std::span(table).subspan(digit * base, base));
    }
  }
}

double Halton::coordinate(std::uint64_t index, std::size_t dimension) const {
  if (!permutations_.empty()) return scrambled_coordinate(index, dimension);
  const std::uint64_t base = bases_[dimension];
  double weight = 1.0 / static_cast<double>(base);
  double sum = 0;
  for (; index != 0; index /= base, weight /= static_cast<double>(base)) {
    sum += static_cast<double>(index % base) * weight;
  }
  return std::min(sum, kBelowOne);
}

double Halton::scrambled_coordinate(std::uint64_t index, std::size_t dimension) const {
  const std::uint64_t base = bases_[dimension];
  const auto& table = permutations_[dimension];
  double weight = 1.0 / static_cast<double>(base);
  double sum = 0;
  for (std::size_t digit = 0; digit < digits_[dimension]; ++digit) {
    sum += static_cast<double>(table[digit * base + index % base]) * weight;
    index /= base;
    weight /= static_cast<double>(base);
  }
  return std::min(sum, kBelowOne);
}

}  // namespace lathe::sampler
