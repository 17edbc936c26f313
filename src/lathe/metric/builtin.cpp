#include "lathe/metric/metric.h"

namespace lathe::metric {

#define ENTRY(declare) MetricKind declare();
#include "lathe/metric/builtin.def"
#undef ENTRY

namespace {

std::vector<MetricKind> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/metric/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const ir::GraphCosts* TrialFacts::costs() const {
  if (graph == nullptr) return nullptr;
  if (!known_costs) known_costs = ir::costs(*graph, batch_size);
  return &*known_costs;
}

const engine::State* TrialFacts::weights() const {
  if (!fetch_weights) return nullptr;
  if (!known_weights) known_weights = fetch_weights();
  return &*known_weights;
}

const Registry<MetricKind>& metric_kinds() {
  static const Registry<MetricKind> registry("metric", listed(), Spelling::kLoose);
  return registry;
}

const MetricKind* find_metric(std::string_view name) { return metric_kinds().find(name); }

}  // namespace lathe::metric
