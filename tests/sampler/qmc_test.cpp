#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "lathe/base/error.h"
#include "lathe/sampler/halton.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/sobol.h"
#include "lathe/sampler/sobol_directions.h"
#include "sampler/golden_points.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

void expect_points(const PointSequence& sequence, const std::vector<std::array<double, 5>>& golden, double tolerance) {
  for (std::size_t index = 0; index < golden.size(); ++index) {
    for (std::size_t dimension = 0; dimension < 5; ++dimension) {
      EXPECT_NEAR(sequence.coordinate(index, dimension), golden[index][dimension], tolerance) << index;
    }
  }
}

/// Counts the points of a block of 2^bits points per interval of length 2^-bits.
std::vector<int> counts_of(const PointSequence& sequence, std::size_t dimension, int bits) {
  std::vector<int> counts(std::size_t{1} << bits, 0);
  for (std::uint64_t index = 0; index < counts.size(); ++index) {
    ++counts[static_cast<std::size_t>(std::ldexp(sequence.coordinate(index, dimension), bits))];
  }
  return counts;
}

TEST(Sobol, EqualsTheGoldenPoints) { expect_points(Sobol(5, false, 0), golden::kSobol, 0); }
TEST(Halton, EqualsTheGoldenPoints) { expect_points(Halton(5, false, 0), golden::kHalton, 1e-15); }

TEST(Sobol, EveryDimensionPutsOnePointInEachInterval) {
  const Sobol plain(kSobolDimensions, false, 0);
  const Sobol scrambled(kSobolDimensions, true, 5);
  for (std::size_t dimension = 0; dimension < kSobolDimensions; ++dimension) {
    EXPECT_EQ(counts_of(plain, dimension, 8), std::vector<int>(256, 1)) << dimension;
    EXPECT_EQ(counts_of(scrambled, dimension, 8), std::vector<int>(256, 1)) << dimension;
  }
}

TEST(Sobol, TableOfDirectionsIsWellFormed) {
  for (std::size_t dimension = 1; dimension < kSobolDimensions; ++dimension) {
    const SobolPolynomial polynomial = sobol_polynomial(dimension);
    ASSERT_EQ(polynomial.initial.size(), polynomial.degree);
    EXPECT_LT(polynomial.coefficients, 1U << (polynomial.degree - 1));
    for (std::size_t i = 0; i < polynomial.degree; ++i) {
      EXPECT_EQ(polynomial.initial[i] % 2, 1);
      EXPECT_LT(polynomial.initial[i], 2U << i);
    }
  }
  EXPECT_EQ(sobol_polynomial(kSobolDimensions - 1).degree, 11u);
}

TEST(Sobol, RefusesMoreDimensionsThanTheTableHas) {
  try {
    Sobol(338, false, 0);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "sampler: qmc_type = \"sobol\" serves up to 337 parameters, and this space has 338; use qmc_type = "
                 "\"halton\"");
  }
}

TEST(Halton, ScrambledPointsStayStratified) {
  const Halton scrambled(40, true, 3);
  EXPECT_EQ(counts_of(scrambled, 0, 10), std::vector<int>(1024, 1));
  std::vector<int> thirds(27, 0);
  for (std::uint64_t index = 0; index < 27; ++index) ++thirds[std::size_t(scrambled.coordinate(index, 1) * 27)];
  EXPECT_EQ(thirds, std::vector<int>(27, 1));
  EXPECT_NE(scrambled.coordinate(1, 39), Halton(40, true, 4).coordinate(1, 39));
}

std::unique_ptr<Sampler> qmc(const parameter::Space& space, const std::string& options, std::uint64_t seed = 1) {
  const config::Value table = config::parse_text(options, "study.toml");
  return make_sampler(
      {.name = "qmc", .seed = seed, .space = space, .directions = {Direction::kMinimize}, .options = &table});
}

TEST(Qmc, TrialTakesPointOfItsNumber) {
  const parameter::Space space({{"a", parameter::Integer{0, 15}}, {"b", parameter::Float{-1, 3}}});
  auto sampler = qmc(space, "scramble = false\n");
  EXPECT_EQ(sampler->ask(2), (Assignment{12, 0}));
  EXPECT_EQ(sampler->ask(1), (Assignment{8, 1}));
  EXPECT_EQ(qmc(space, "scramble = false\n", 9)->ask(3), (Assignment{4, 2}));
  EXPECT_NE(qmc(space, "", 1)->ask(3), qmc(space, "", 2)->ask(3));
}

TEST(Qmc, PassesOverTakenPoints) {
  auto sampler = qmc(parameter::Space::categorical({4}), "scramble = false\n");
  sampler->announce(0, {2});  // enqueued by hand: point 1
  EXPECT_EQ(sampler->ask(1), (Assignment{3}));
  sampler->announce(1, {3});
  EXPECT_EQ(sampler->ask(2), (Assignment{1}));
  sampler->announce(2, {1});
  EXPECT_EQ(sampler->ask(3), (Assignment{0}));
  sampler->announce(3, {0});
  EXPECT_EQ(sampler->ask(4), std::nullopt);
}

TEST(Qmc, HaltonServesManyParameters) {
  auto sampler = qmc(parameter::Space::categorical(std::vector<std::int64_t>(500, 3)), "qmc_type = \"halton\"\n");
  const auto trials = run_trials(
      *sampler, [](const Assignment&) { return std::vector<double>{0}; }, 30, 4);
  const auto visited = assignments(trials);
  EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 30u);
}

}  // namespace
}  // namespace lathe::sampler
