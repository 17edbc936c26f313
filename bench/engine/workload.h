#pragma once

#include <cstdint>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

/// What all programs of the engine suite share: the same rows and the same networks.
namespace bench {

inline constexpr std::size_t kRows = 200000, kFeatures = 16, kClasses = 5;
inline constexpr double kLearningRate = 1e-2;

/// Holds 200,000 rows of 16 standard normal features whose labels a fixed rule gives, in shuffled order.
struct Workload {
  std::vector<float> features = std::vector<float>(kRows * kFeatures);
  std::vector<std::int32_t> labels = std::vector<std::int32_t>(kRows);
  std::vector<std::uint32_t> order = std::vector<std::uint32_t>(kRows);

  Workload() {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    for (float& value : features) value = normal(generator);
    for (std::size_t i = 0; i < kRows; ++i) {
      const float* x = features.data() + i * kFeatures;
      for (std::size_t k = 1; k < kClasses; ++k)
        if (x[k] + x[k + 5] > x[labels[i]] + x[labels[i] + 5]) labels[i] = static_cast<std::int32_t>(k);
    }
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t i = kRows; i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
  }
};

/// Describes a network: batch norm and ReLU on the input or not, widths of the linear layers, ReLU between them, and on
/// the logits or not; bits of weights and activations, 0 for float.
struct Network {
  bool input_batch_norm = false;
  std::vector<std::int64_t> widths;
  bool relu_on_logits = false;
  std::int64_t weight_bits = 0, activation_bits = 0;

  bool quantized() const { return weight_bits > 0; }
};

/// Reads a network's name: `jsc-three-linear-layers`, `jsc-three-linear-layers-x6` (hidden widths times six), or the
/// widths of a chain without batch norm (`16-64-32-32-5`); `:w6a4` behind it asks for 6-bit weights and 4-bit data.
inline Network network(const std::string& name) {
  const std::size_t colon = name.find(':');
  const std::string shape = name.substr(0, colon);
  Network result;
  if (shape == "jsc-three-linear-layers") {
    result = {true, {16, 16, 16, 5}, true};
  } else if (shape == "jsc-three-linear-layers-x6") {
    result = {true, {16, 96, 96, 5}, true};
  } else {
    std::istringstream widths(shape);
    for (std::string width; std::getline(widths, width, '-');) result.widths.push_back(std::stoll(width));
  }
  if (colon != std::string::npos) {
    const std::size_t data = name.find('a', colon);
    result.weight_bits = std::stoll(name.substr(colon + 2, data - colon - 2));
    result.activation_bits = std::stoll(name.substr(data + 1));
  }
  return result;
}

}  // namespace bench
