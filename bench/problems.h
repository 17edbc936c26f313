#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/base/trial_state.h"
#include "lathe/parameter/space.h"

namespace lathe::bench {

/// Describes a problem for samplers. Every objective is minimised; two of them are judged by the hypervolume that they
/// dominate below a reference point. A point without values fails.
struct Problem {
  std::string name;
  parameter::Space space;
  std::vector<Direction> directions;
  std::function<std::vector<double>(const parameter::Assignment&)> evaluate;
  double optimum = 0;  ///< exact: the least value; the hypervolume of the whole front
  std::vector<double> reference = {1, 1};
};

/// Returns the hash of (problem, row, column) as a number in [0, 1).
inline double hash_uniform(std::uint64_t problem, std::uint64_t row, std::uint64_t column) {
  std::uint64_t word = ((problem << 32) | (row << 16) | column) + 0x9e3779b97f4a7c15U;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
  return static_cast<double>((word ^ (word >> 31)) >> 11) * 0x1p-53;
}

namespace detail {

inline std::size_t index(double code) { return static_cast<std::size_t>(code); }

inline parameter::Categorical integers(std::int64_t count) {
  parameter::Categorical list;
  for (std::int64_t i = 0; i < count; ++i) list.choices.emplace_back(i);
  return list;
}

inline Problem separable() {
  const auto evaluate = [](const parameter::Assignment& x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += static_cast<double>(i + 1) / 78.0 * hash_uniform(1, i, index(x[i]));
    }
    return std::vector{sum};
  };
  return {"sep12",
          parameter::Space::categorical(std::vector<std::int64_t>(12, 6)),
          {Direction::kMinimize},
          evaluate,
          0.15960498102006629};
}

inline Problem ring_of_pairs() {
  const auto evaluate = [](const parameter::Assignment& x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += hash_uniform(2, i, 6 * index(x[i]) + index(x[(i + 1) % x.size()]));
    }
    return std::vector{sum / 12.0};
  };
  return {"nk12",
          parameter::Space::categorical(std::vector<std::int64_t>(12, 6)),
          {Direction::kMinimize},
          evaluate,
          0.07792954172684495};
}

constexpr std::size_t kLayers = 6;
constexpr std::array kMultipliers{0.25, 0.5, 0.75, 1.0, 1.25, 1.5};
constexpr std::array<std::int64_t, 6> kBits{2, 3, 4, 6, 8, 16};

constexpr std::array kWork{4.0, 8.0, 8.0, 6.0, 6.0, 2.0};

/// Adds what a layer of this width multiplier and so many bits loses.
inline void add_layer_error(std::size_t layer, double width, std::int64_t bits, double& error) {
  constexpr std::array kCapacity{0.15, 0.10, 0.12, 0.20, 0.25, 0.30};
  constexpr std::array kSensitivity{0.20, 0.15, 0.10, 0.10, 0.15, 0.30};
  constexpr std::array kNoise{4.0, 0.5, 0.1, 0.2, 1.0, 3.0};
  error += kSensitivity[layer] * (kCapacity[layer] / (width + kCapacity[layer]));
  error += kNoise[layer] * (1.0 / static_cast<double>(std::int64_t{1} << bits)) / (0.5 + width);
}

/// Returns (error, cost) of six layers' width multipliers, then bits.
inline std::vector<double> error_and_cost(const parameter::Assignment& x) {
  double error = 0.05;
  double cost = 0;
  double before = 1;
  for (std::size_t layer = 0; layer < kLayers; ++layer) {
    const double width = kMultipliers[index(x[layer])];
    const std::int64_t bits = kBits[index(x[kLayers + layer])];
    add_layer_error(layer, width, bits, error);
    if (layer > 0) error += 0.05 * ((width - before) * (width - before));
    cost += kWork[layer] * before * width * static_cast<double>(bits) / 8.0;
    before = width;
  }
  return {error, cost / 34.0};
}

inline parameter::Space channels_and_bits(const std::array<double, 6>& multipliers) {
  std::vector<parameter::Parameter> parameters;
  parameter::Categorical widths, bits;
  for (const double width : multipliers) widths.choices.emplace_back(width);
  for (const std::int64_t count : kBits) bits.choices.emplace_back(count);
  for (std::size_t layer = 0; layer < kLayers; ++layer) parameters.push_back({"m" + std::to_string(layer), widths});
  for (std::size_t layer = 0; layer < kLayers; ++layer) parameters.push_back({"b" + std::to_string(layer), bits});
  return parameter::Space(std::move(parameters));
}

inline Problem channels() {
  const auto evaluate = [](const parameter::Assignment& x) {
    const std::vector<double> both = error_and_cost(x);
    const double over = both[1] / 0.25 - 1.0;
    return std::vector{both[0] + (over > 0 ? 2.0 * over : 0.0)};
  };
  return {"chan6", channels_and_bits(kMultipliers), {Direction::kMinimize}, evaluate, 0.34299838266572141};
}

inline Problem channels_two_objectives() {
  return {"chan6mo",
          channels_and_bits(kMultipliers),
          {Direction::kMinimize, Direction::kMinimize},
          error_and_cost,
          0.67127557239554136};
}

/// Makes the space of depth 2 .. 8 and per layer an operation, a width, and a kernel under operations 0 and 1. A layer
/// stands under the depth, and a kernel under its operation.
inline parameter::Space conditional_space() {
  std::vector<parameter::Parameter> parameters{{"depth", parameter::Integer{.low = 2, .high = 8}}};
  for (std::size_t layer = 0; layer < 8; ++layer) {
    std::vector<bool> deep_enough(7);
    for (std::size_t depth = 0; depth < 7; ++depth) deep_enough[depth] = depth + 2 > layer;
    const std::string suffix = std::to_string(layer);
    const std::size_t operation = parameters.size();
    parameters.push_back({"op" + suffix, integers(4), parameter::Condition{0, deep_enough}});
    parameters.push_back({"w" + suffix, integers(4), parameter::Condition{0, deep_enough}});
    parameters.push_back({"k" + suffix, integers(3), parameter::Condition{operation, {true, true, false, false}}});
  }
  return parameter::Space(std::move(parameters));
}

inline Problem conditional() {
  const auto evaluate = [](const parameter::Assignment& x) {
    const std::size_t depth = index(x[0]) + 2;
    double sum = 0;
    for (std::size_t layer = 0; layer < depth; ++layer) {
      const double kernel = x[3 + 3 * layer];
      const std::size_t column = 12 * index(x[1 + 3 * layer]) + 3 * index(x[2 + 3 * layer]);
      sum += 0.2 + 0.8 * hash_uniform(5, layer, column + (kernel == parameter::kInactive ? 0 : index(kernel)));
    }
    return std::vector{1.0 / (1.0 + sum) + 0.05 * static_cast<double>(depth)};
  };
  return {"cond8", conditional_space(), {Direction::kMinimize}, evaluate, 0.40358989148693769};
}

inline Problem integers_near_a_point() {
  std::vector<parameter::Parameter> parameters;
  for (std::size_t i = 0; i < 8; ++i) {
    parameters.push_back({"x" + std::to_string(i), parameter::Integer{.low = 0, .high = 15}});
  }
  const auto evaluate = [](const parameter::Assignment& x) {
    std::vector<double> away(x.size());
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      away[i] = x[i] - static_cast<double>(static_cast<int>(16.0 * hash_uniform(6, i, 0)));
      sum += away[i] * away[i];
    }
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const double difference = away[i] - away[i + 1];
      sum += 0.5 * (difference * difference);
    }
    return std::vector{sum / 1800.0};
  };
  return {"int8", parameter::Space(std::move(parameters)), {Direction::kMinimize}, evaluate, 0};
}

/// Makes a network that diverges beyond a rate which falls with its width and grows with two choices: 52 % of the
/// points fail, and the best ones lie at the border, since a larger rate is better up to there.
inline Problem best_at_the_edge() {
  std::vector<parameter::Parameter> parameters{{"rate", parameter::Integer{.low = 0, .high = 63}},
                                               {"width", parameter::Integer{.low = 0, .high = 15}}};
  for (std::size_t i = 0; i < 6; ++i) parameters.push_back({"c" + std::to_string(i), integers(4)});
  const auto evaluate = [](const parameter::Assignment& x) {
    if (x[0] > 28.0 - x[1] + 3.0 * x[2] + 3.0 * x[3]) return std::vector<double>{};
    double loss = 0;
    for (std::size_t i = 0; i < 6; ++i) loss += 0.05 * hash_uniform(7, i, index(x[2 + i]));
    const double narrow = (15.0 - x[1]) / 15.0;
    return std::vector{loss + 0.6 * (1.0 - x[0] / 64.0) + 0.3 * (narrow * narrow)};
  };
  return {"edge8", parameter::Space(std::move(parameters)), {Direction::kMinimize}, evaluate, 0.4134273247361402};
}

/// Makes a network of six layers whose widths and bits trade error against cost, and that fits the memory only where no
/// two neighbours are both wide: 52 % of the points fail, and the most accurate ones lie at the border.
inline Problem fits_the_memory() {
  static constexpr std::array kWidths{0.25, 0.5, 1.0, 2.0, 4.0, 8.0};
  const auto evaluate = [](const parameter::Assignment& x) {
    double error = 0.05;
    double cost = 0;
    double before = 1;
    for (std::size_t layer = 0; layer < kLayers; ++layer) {
      const double width = kWidths[index(x[layer])];
      if (before * width > 8.0) return std::vector<double>{};
      const std::int64_t count = kBits[index(x[kLayers + layer])];
      add_layer_error(layer, width, count, error);
      cost += kWork[layer] * before * width * static_cast<double>(count) / 8.0;
      before = width;
    }
    return std::vector{error, cost / 200.0};
  };
  return {
      "fit6mo", channels_and_bits(kWidths), {Direction::kMinimize, Direction::kMinimize}, evaluate, 0.833542126831268};
}

}  // namespace detail

/// Returns problems of which a part of the points fails.
inline std::vector<Problem> failing_problems() { return {detail::best_at_the_edge(), detail::fits_the_memory()}; }

/// Returns the six synthetic problems that published figures of other samplers exist for: integer hashes and + - * / on
/// doubles in a fixed order alone, the same bits wherever multiply and add are not fused.
inline std::vector<Problem> problems() {
  return {detail::separable(),   detail::ring_of_pairs(),         detail::channels(),
          detail::conditional(), detail::integers_near_a_point(), detail::channels_two_objectives()};
}

}  // namespace lathe::bench
