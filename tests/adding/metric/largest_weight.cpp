#include <algorithm>
#include <cmath>

#include "lathe/engine/backend.h"
#include "lathe/metric/metric.h"

namespace lathe::metric {
namespace {

std::optional<double> largest_magnitude(const TrialFacts& facts) {
  if (facts.graph == nullptr || facts.weights() == nullptr) return {};
  double largest = 0;
  auto tensor = facts.weights()->begin();
  for (const ir::Node& node : facts.graph->nodes) {
    for (const ir::Parameter& parameter : node.parameters) {
      if (engine::is_penalised(parameter))
        for (const float value : tensor->values) largest = std::max(largest, std::fabs(static_cast<double>(value)));
      ++tensor;
    }
  }
  return largest;
}

}  // namespace

// Declares the largest magnitude of the weights of layers: how many bits before the binary point they need.
MetricKind largest_weight_metric() {
  return {.name = "largest_weight",
          .aliases = {},
          .unit = "",
          .description = "largest magnitude of the weights of the layers, before they are quantised",
          .larger_is_better = false,
          .hardware = true,
          .source = Source::kWeights,
          .compute = largest_magnitude};
}

}  // namespace lathe::metric
