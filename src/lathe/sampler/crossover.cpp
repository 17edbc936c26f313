#include "lathe/sampler/crossover.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

constexpr double kSmallestGap = 1e-10;

Genes uniform_crossover(std::span<const Genes> parents, const CrossoverSettings& settings, RandomStream& stream) {
  Genes child(parents[0].size());
  for (std::size_t i = 0; i < child.size(); ++i) {
    child[i] = stream.uniform() < settings.swapping_prob ? parents[0][i] : parents[1][i];
  }
  return child;
}

Genes blend_crossover(std::span<const Genes> parents, const CrossoverSettings& settings, RandomStream& stream) {
  Genes child(parents[0].size());
  for (std::size_t i = 0; i < child.size(); ++i) {
    const auto [low, high] = std::minmax(parents[0][i], parents[1][i]);
    const double margin = settings.alpha * (high - low);
    child[i] = low - margin + (high - low + 2 * margin) * stream.uniform();
  }
  return child;
}

/// Returns how far a child of simulated binary crossover lies from the middle of its parents, in gaps between them;
/// `room` is the parent's distance from the bound on this side.
double bounded_spread(double gap, double room, double eta, double uniform) {
  const double alpha = 2 - std::pow(1 + 2 * room / gap, -(eta + 1));
  const double power = 1 / (eta + 1);
  if (uniform <= 1 / alpha) return std::pow(uniform * alpha, power);
  return std::pow(1 / (2 - uniform * alpha), power);
}

Genes simulated_binary_crossover(std::span<const Genes> parents, const CrossoverSettings& settings,
                                 RandomStream& stream) {
  Genes child(parents[0].size());
  const bool second_child = stream.uniform() < 0.5;
  for (std::size_t i = 0; i < child.size(); ++i) {
    const auto [low, high] = std::minmax(parents[0][i], parents[1][i]);
    const double gap = std::max(high - low, kSmallestGap);
    const double uniform = stream.uniform();
    const bool crossed = stream.uniform() < 0.5;
    const bool swapped = stream.uniform() < 0.5;
    const bool upper = second_child != swapped;
    if (!crossed) {
      child[i] = parents[upper ? 1 : 0][i];
    } else if (upper) {
      child[i] = 0.5 * (low + high + bounded_spread(gap, 1 - high, settings.eta, uniform) * gap);
    } else {
      child[i] = 0.5 * (low + high - bounded_spread(gap, low, settings.eta, uniform) * gap);
    }
  }
  return child;
}

Genes simplex_crossover(std::span<const Genes> parents, const CrossoverSettings&, RandomStream& stream) {
  const std::size_t genes = parents[0].size();
  const double expansion = std::sqrt(static_cast<double>(genes) + 2);
  const auto vertex = [&](std::size_t parent, std::size_t i) {
    double centre = 0;
    for (const Genes& other : parents) centre += other[i] / static_cast<double>(parents.size());
    return centre + expansion * (parents[parent][i] - centre);
  };
  Genes offset(genes, 0.0);
  for (std::size_t k = 1; k < parents.size(); ++k) {
    const double share = std::pow(stream.uniform(), 1 / static_cast<double>(k));
    for (std::size_t i = 0; i < genes; ++i) offset[i] = share * (vertex(k - 1, i) - vertex(k, i) + offset[i]);
  }
  Genes child(genes);
  for (std::size_t i = 0; i < genes; ++i) child[i] = vertex(parents.size() - 1, i) + offset[i];
  return child;
}

double dot(const Genes& left, const Genes& right) {
  return std::inner_product(left.begin(), left.end(), right.begin(), 0.0);
}

/// Takes away what lies along `axis`.
Genes orthogonal_part(Genes vector, const Genes& axis) {
  const double length = dot(axis, axis);
  if (length == 0) return vector;
  const double along = dot(vector, axis) / length;
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] -= along * axis[i];
  return vector;
}

Genes unimodal_normal_crossover(std::span<const Genes> parents, const CrossoverSettings&, RandomStream& stream) {
  const std::size_t genes = parents[0].size();
  Genes axis(genes), to_third(genes), noise(genes);
  for (std::size_t i = 0; i < genes; ++i) {
    axis[i] = parents[1][i] - parents[0][i];
    to_third[i] = parents[2][i] - parents[0][i];
  }
  const Genes away = orthogonal_part(to_third, axis);
  const double distance = std::sqrt(dot(away, away));
  const double along = 0.5 * stream.normal();
  for (double& value : noise) value = 0.35 / std::sqrt(static_cast<double>(genes)) * stream.normal();
  noise = orthogonal_part(noise, axis);
  Genes child(genes);
  for (std::size_t i = 0; i < genes; ++i) {
    child[i] = 0.5 * (parents[0][i] + parents[1][i]) + along * axis[i] + distance * noise[i];
  }
  return child;
}

Genes varied_binary_crossover(std::span<const Genes> parents, const CrossoverSettings& settings, RandomStream& stream) {
  Genes child(parents[0].size());
  for (std::size_t i = 0; i < child.size(); ++i) {
    const bool swapped = stream.uniform() < 0.5;
    const double first = parents[swapped ? 1 : 0][i];
    const double second = parents[swapped ? 0 : 1][i];
    const double u = std::max(stream.uniform(), kSmallestGap);
    const double beta = std::pow(1 / (2 * (u <= 0.5 ? u : 1 - u)), 1 / (settings.eta + 1));
    const double inner = stream.uniform() < 0.5 ? 1 + beta : 3 - beta;
    const double outer = 2 - inner;
    child[i] = u <= 0.5 ? 0.5 * (inner * first + outer * second) : 0.5 * (outer * first + inner * second);
  }
  return child;
}

}  // namespace

const std::vector<Crossover>& crossovers() {
  static const std::vector<Crossover> list{
      {"uniform", 2, uniform_crossover}, {"blxalpha", 2, blend_crossover},       {"sbx", 2, simulated_binary_crossover},
      {"spx", 3, simplex_crossover},     {"undx", 3, unimodal_normal_crossover}, {"vsbx", 2, varied_binary_crossover}};
  return list;
}

const Crossover& crossover(const std::string& name) {
  const auto found = std::find_if(crossovers().begin(), crossovers().end(),
                                  [&](const Crossover& candidate) { return candidate.name == name; });
  LATHE_CHECK(found != crossovers().end(), "crossover {}", name);
  return *found;
}

}  // namespace lathe::sampler
