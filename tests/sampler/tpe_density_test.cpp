#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "lathe/sampler/parzen.h"
#include "lathe/sampler/truncated_normal.h"
#include "sampler/golden.h"
#include "sampler/parzen_data.h"

namespace lathe::sampler {
namespace {

using parameter::Distribution;

/// The parameters of the golden cases.
const std::map<std::string, Distribution>& golden_parameters() {
  static const std::map<std::string, Distribution> parameters{
      {"c", parameter::Space::categorical({6}).parameters().front().distribution},
      {"i", parameter::Integer{.low = 0, .high = 15}},
      {"s", parameter::Integer{.low = 8, .high = 64, .step = 8}},
      {"li", parameter::Integer{.low = 1, .high = 32, .log = true}},
      {"i200", parameter::Integer{.low = 0, .high = 199}},
      {"i1000", parameter::Integer{.low = 0, .high = 999}},
      {"li1000", parameter::Integer{.low = 1, .high = 1000, .log = true}},
      {"f", parameter::Float{.low = -1, .high = 2}},
      {"lf", parameter::Float{.low = 1e-4, .high = 1, .log = true}},
      {"fs", parameter::Float{.low = 0, .high = 1, .step = 0.25}}};
  return parameters;
}

struct GoldenCase {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<Distribution> distributions;
  ParzenRules rules;
  std::vector<std::vector<double>> observations, points;  ///< [parameter][row] codes
  std::vector<double> log_density;

  std::size_t count() const { return observations.front().size(); }
  /// With more than 16 numbers Optuna sorts ties in no defined order, and from 25 on weights differ.
  bool is_defined() const {
    if ((rules.revision_3_1 && rules.joint) || count() < 25) return true;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::set<double> different(observations[i].begin(), observations[i].end());
      if (parameters[i] != "c" && different.size() < count()) return false;
    }
    return true;
  }
};

std::vector<GoldenCase> golden_cases() {
  std::ifstream file(std::string(LATHE_SOURCE_DIR) + "/tests/golden/tpe_cases.json");
  std::vector<GoldenCase> cases;
  for (const auto& entry : nlohmann::json::parse(file)) {
    if (entry["kind"] != "density") continue;
    GoldenCase golden;
    golden.parameters = entry["parameters"].get<std::vector<std::string>>();
    golden.rules = {.revision_3_1 = entry["revision"] == "3.1",
                    .joint = entry["joint"].get<bool>(),
                    .parameters = golden.parameters.size()};
    golden.log_density = entry["log_density"].get<std::vector<double>>();
    for (const std::string& name : golden.parameters) {
      golden.distributions.push_back(golden_parameters().at(name));
      const auto codes = [&](const char* key) {
        std::vector<double> list;
        for (const double value : entry[key][name]) {
          list.push_back(*parameter::code_of_internal(golden.distributions.back(), value));
        }
        return list;
      };
      golden.observations.push_back(codes("observations"));
      golden.points.push_back(codes("points"));
      golden.name += name + " ";
    }
    golden.name += entry["revision"].get<std::string>() + " n=" + std::to_string(golden.count());
    cases.push_back(std::move(golden));
  }
  return cases;
}

TEST(ParzenMixture, EqualsOptunasDensitiesOfBothRevisions) {
  int checked = 0;
  for (const GoldenCase& golden : golden_cases()) {
    if (!golden.is_defined()) continue;
    const ParzenData data(golden.distributions, golden.observations, golden.rules.revision_3_1);
    const auto densities = data.mixture(golden.rules).log_density(golden.points);
    for (std::size_t k = 0; k < densities.size(); ++k) {
      EXPECT_NEAR(densities[k], golden.log_density[k], 1e-12) << golden.name;
    }
    ++checked;
  }
  EXPECT_EQ(checked, 88);
}

TEST(ParzenMarginal, EqualsOptunasDensitiesOfBothRevisions) {
  int checked = 0;
  for (const GoldenCase& golden : golden_cases()) {
    const ParzenAxis axis(golden.distributions.front(), golden.rules.revision_3_1);
    if (golden.parameters.size() > 1 || !has_byte_codes(axis) || !golden.is_defined()) continue;
    const ParzenData data(golden.distributions, golden.observations, golden.rules.revision_3_1);
    const ParzenMarginal marginal(axis, data.counts(), golden.rules);
    for (std::size_t k = 0; k < golden.log_density.size(); ++k) {
      EXPECT_NEAR(marginal.log_density(golden.points.front()[k]), golden.log_density[k], 1e-12) << golden.name;
    }
    ++checked;
  }
  EXPECT_EQ(checked, 44);
}

TEST(ParzenMixture, EqualsOptunasCategoricalDensities) {
  for (const golden::Density& density : golden::kDensities) {
    std::vector<std::vector<double>> rows(1), points(1);
    rows[0].assign(density.observations.begin(), density.observations.end());
    points[0].assign(density.points.begin(), density.points.end());
    const ParzenData data({golden_parameters().at("c")}, rows);
    const auto densities = data.mixture({}).log_density(points);
    const ParzenMarginal marginal(data.axis(0), data.counts(), {});
    for (std::size_t k = 0; k < densities.size(); ++k) {
      EXPECT_NEAR(densities[k], density.log_density[k], 1e-12);
      EXPECT_NEAR(marginal.log_density(points[0][k]), density.log_density[k], 1e-12);
    }
  }
}

TEST(ParzenMixture, JointDensityIsTheSumOverKernels) {
  const std::vector<std::vector<double>> columns{{0, 1, 0, 0}, {1, 1, 2, 1}, {3, 0, 3, 3}};
  std::vector<Distribution> distributions;
  const auto space = parameter::Space::categorical({2, 3, 4});
  for (const auto& parameter : space.parameters()) {
    distributions.push_back(parameter.distribution);
  }
  const ParzenData data(distributions, columns);
  const std::vector<double> weights = recency_weights(4);
  const std::vector<double> sizes{2, 3, 4};
  double total = 0;
  for (double a = 0; a < 2; ++a) {
    for (double b = 0; b < 3; ++b) {
      for (double c = 0; c < 4; ++c) {
        const std::vector<std::vector<double>> point{{a}, {b}, {c}};
        double expected = weights.back() / 24;
        for (std::size_t row = 0; row < 4; ++row) {
          double product = weights[row];
          for (std::size_t d = 0; d < 3; ++d) {
            product *= (1.0 / 5 + (columns[d][row] == point[d][0] ? 1 : 0)) / (1 + sizes[d] / 5);
          }
          expected += product;
        }
        const double density = data.mixture({.joint = true, .parameters = 3}).log_density(point).front();
        EXPECT_NEAR(density, std::log(expected), 1e-12);
        total += std::exp(density);
      }
    }
  }
  EXPECT_NEAR(total, 1.0, 1e-12);
}

/// Far more parameters than the range of a double allows factors for.
TEST(ParzenMixture, HasDensitiesOfVeryManyParameters) {
  constexpr std::size_t kParameters = 400;
  const std::vector<Distribution> choices(kParameters, golden_parameters().at("c"));
  const ParzenData data(choices, std::vector<std::vector<double>>(kParameters, {0, 1}));
  const std::vector<std::vector<double>> same(kParameters, {1.0}), other(kParameters, {2.0});
  const ParzenMixture mixture = data.mixture({.joint = true, .parameters = kParameters});
  EXPECT_NEAR(mixture.log_density(same).front(), std::log(1.0 / 3) + kParameters * std::log(4.0 / 9), 1e-9);
  const double inner = std::log(1.0 / 9) * kParameters;
  const double prior = -std::log(6.0) * kParameters;
  EXPECT_NEAR(mixture.log_density(other).front(), prior - std::log(3.0) + std::log1p(2 * std::exp(inner - prior)),
              1e-9);

  const std::vector<Distribution> numbers(kParameters, golden_parameters().at("f"));
  const ParzenData many(numbers, std::vector<std::vector<double>>(kParameters, std::vector<double>(40, 0.5)));
  const auto density = many.mixture({.joint = true, .parameters = kParameters})
                           .log_density(std::vector<std::vector<double>>(kParameters, {0.5}));
  EXPECT_TRUE(std::isfinite(density.front()));
  EXPECT_GT(density.front(), 0);
}

/// What is drawn must have the density that is computed: a chi-squared test over cells of equal width.
void expect_draws_follow(const std::string& name, const ParzenData& data, const ParzenRules& rules) {
  SCOPED_TRACE(name);
  constexpr int kDraws = 40000;
  const Distribution& distribution = golden_parameters().at(name);
  const auto size = parameter::size(distribution);
  const std::size_t cells = size ? static_cast<std::size_t>(*size) : 20;
  const ParzenAxis& axis = data.axis(0);
  const ParzenMixture mixture = data.mixture(rules);
  std::vector<double> expected(cells, 0), seen(cells, 0);
  const auto cell_of = [&](double code) {
    if (size) return static_cast<std::size_t>(code);
    const double share = (axis.position(code) - axis.low()) / axis.width();
    return std::min(static_cast<std::size_t>(share * static_cast<double>(cells)), cells - 1);
  };
  if (size) {
    for (std::size_t i = 0; i < cells; ++i) expected[i] = std::exp(mixture.log_density({{static_cast<double>(i)}})[0]);
  } else {
    constexpr int kFine = 4000;
    for (int i = 0; i < kFine; ++i) {
      const double at = axis.low() + (i + 0.5) / kFine * axis.width();
      const double code = name == "lf" ? std::exp(at) : at;
      expected[cell_of(code)] += std::exp(mixture.log_density({{code}})[0]) * axis.width() / kFine;
    }
  }
  EXPECT_NEAR(std::accumulate(expected.begin(), expected.end(), 0.0), 1, 1e-3);
  RandomStream stream(1, {0}, "test");
  for (int i = 0; i < kDraws; ++i) {
    double code = 0;
    mixture.draw(stream, std::span(&code, 1));
    ++seen[cell_of(code)];
  }
  double chi_squared = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    const double mean = expected[i] * kDraws;
    chi_squared += (seen[i] - mean) * (seen[i] - mean) / mean;
  }
  EXPECT_LT(chi_squared, static_cast<double>(cells) + 5 * std::sqrt(2.0 * static_cast<double>(cells)));

  if (!has_byte_codes(axis)) return;
  const ParzenMarginal marginal(axis, data.counts(), rules);
  std::fill(seen.begin(), seen.end(), 0);
  std::vector<double> drawn(kDraws);
  marginal.draw(stream, drawn);
  for (const double code : drawn) ++seen[static_cast<std::size_t>(code)];
  for (std::size_t i = 0; i < cells; ++i) {
    EXPECT_NEAR(seen[i] / kDraws, std::exp(marginal.log_density(static_cast<double>(i))), 0.015);
  }
}

TEST(ParzenMixture, DrawsFollowTheDensity) {
  for (const auto& [name, distribution] : golden_parameters()) {
    RandomStream stream(5, {0}, "observations");
    std::vector<double> observations;
    for (int i = 0; i < 12; ++i) {
      const auto size = parameter::size(distribution);
      if (size) {
        observations.push_back(static_cast<double>(stream.below(static_cast<std::uint64_t>(*size))));
      } else {
        const auto& range = std::get<parameter::Float>(distribution);
        observations.push_back(range.low + (range.high - range.low) * stream.uniform());
      }
    }
    expect_draws_follow(name, ParzenData({distribution}, {observations}), {});
  }
}

TEST(TruncatedNormal, MassAgreesWithTheErrorFunction) {
  EXPECT_NEAR(normal_mass(-1, 1), 0.6826894921370859, 1e-15);
  EXPECT_NEAR(normal_mass(5, 6) / 2.856649842341562e-07, 1, 1e-12);
  EXPECT_NEAR(normal_mass(-6, -5) / 2.856649842341562e-07, 1, 1e-12);
  double sum = 0;
  for (int i = 0; i < 1000; ++i) sum += normal_mass(2 + i * 5e-7, 2 + (i + 1) * 5e-7);
  EXPECT_NEAR(sum / normal_mass(2, 2.0005), 1, 1e-11);
  EXPECT_EQ(normal_mass(-50, 50), 1);
}

TEST(TruncatedNormal, QuantileInvertsTheTail) {
  for (const double tail : {1e-200, 1e-20, 1e-5, 0.01, 0.0242, 0.3, 0.5}) {
    const double z = normal_upper_quantile(tail);
    EXPECT_NEAR(0.5 * std::erfc(z / std::sqrt(2.0)) / tail, 1, 1e-9) << tail;
  }
}

TEST(TruncatedNormal, StaysInItsInterval) {
  for (const double uniform : {0.0, 1e-17, 0.3, 0.999, 1 - 1e-16}) {
    for (const double mean : {0.0, 0.5, 1.0}) {
      for (const double sigma : {0.01, 1.0}) {
        const double drawn = truncated_normal(mean, sigma, 0, 1, uniform);
        EXPECT_GE(drawn, 0);
        EXPECT_LE(drawn, 1);
      }
    }
  }
  EXPECT_NEAR(truncated_normal(0.5, 0.1, 0, 1, 0.5), 0.5, 1e-12);
}

TEST(RecencyWeights, RiseForTheOldAndStayForTheNew) {
  const auto weights = recency_weights(30);
  EXPECT_NEAR(weights[29] / weights[0], 30, 1e-9);
  EXPECT_DOUBLE_EQ(weights[5], weights[30]);
  EXPECT_DOUBLE_EQ(weights[4], weights[30]);
  EXPECT_LT(weights[3], weights[4]);
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-12);
}

}  // namespace
}  // namespace lathe::sampler
