#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/engine/tensor_name.h"
#include "lathe/metric/metric.h"
#include "lathe/quant/quantizer.h"

namespace lathe::metric {
namespace {

/// Holds how many values there are, and how many of them are 0.
struct Zeros {
  std::int64_t zeros = 0, all = 0;
};

// Adds the values of a tensor as the network computes with them.
void add(const ir::Parameter& parameter, const engine::NamedTensor& tensor, Zeros& count) {
  std::vector<float> values = tensor.values;
  if (parameter.format)
    quant::make_quantizer(*parameter.format)
        ->quantize(std::span<const float>(tensor.values), std::span<float>(values), tensor.shape);
  count.zeros += std::count(values.begin(), values.end(), 0.0f);
  count.all += static_cast<std::int64_t>(values.size());
}

std::optional<double> share_of_zeros(const TrialFacts& facts) {
  if (facts.graph == nullptr || facts.weights() == nullptr) return {};
  Zeros count;
  auto tensor = facts.weights()->begin();
  for (const ir::Node& node : facts.graph->nodes) {
    for (const ir::Parameter& parameter : node.parameters) {
      LATHE_CHECK_EQ(tensor->name, engine::tensor_name(node, parameter));
      if (engine::is_penalised(parameter)) add(parameter, *tensor, count);
      ++tensor;
    }
  }
  return count.all == 0 ? 0 : static_cast<double>(count.zeros) / static_cast<double>(count.all);
}

}  // namespace

MetricKind weight_sparsity_metric() {
  return {.name = "weight_sparsity",
          .aliases = {"sparsity", "zero_weights"},
          .unit = "",
          .description =
              "share of the weights of the layers that are 0 in their number formats: multipliers that an "
              "unrolled design does without",
          .larger_is_better = true,
          .hardware = true,
          .source = Source::kWeights,
          .highest = 1,
          .compute = share_of_zeros};
}

}  // namespace lathe::metric
