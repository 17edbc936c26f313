#include "lathe/engine/batch_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "lathe/base/error.h"
#include "lathe/ir/op.h"

namespace lathe::engine {
namespace {

std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

void check_positive(const char* key, std::int64_t value) {
  if (value <= 0) throw UserError(key, fmt::format("must be at least 1; got {}", value));
}

const ir::Node* coupling_node(const ir::Graph& graph) {
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [](const ir::Node& node) { return ir::op_of(node).couples_batch; });
  return found == graph.nodes.end() ? nullptr : &*found;
}

void check_coupled(const ir::Node& node, std::int64_t batch_size, std::int64_t rows) {
  if (batch_size == 1 || rows == 1)
    throw UserError("batch_size", fmt::format("node {} ({}) needs at least 2 rows in a training batch; got {}",
                                              node.name, node.op, std::min(batch_size, rows)));
}

std::int64_t steps_of(const BatchPlan& plan, std::int64_t batches) {
  return batches / plan.batches * plan.steps_per_epoch + divide_up(batches % plan.batches, plan.accumulate);
}

// More epochs than any run can take; keeps the number of batches within 64 bits.
constexpr std::int64_t kMostEpochs = 1'000'000'000;

}  // namespace

std::int64_t BatchPlan::batches_in(std::int64_t epoch) const {
  return std::clamp<std::int64_t>(total_batches - epoch * batches, 0, batches);
}

BatchPlan plan_batches(const TrainSettings& settings, const ir::Graph& graph, std::int64_t train_rows) {
  check_positive("batch_size", settings.batch_size);
  check_positive("max_epochs", settings.max_epochs);
  check_positive("accumulate_grad_batches", settings.accumulate_grad_batches);
  if (train_rows <= 0) throw DataError("the data set has no training rows");

  BatchPlan plan;
  plan.rows = train_rows;
  plan.batch_size = std::min(settings.batch_size, train_rows);
  plan.accumulate = settings.accumulate_grad_batches;
  plan.batches = divide_up(train_rows, plan.batch_size);
  if (const ir::Node* node = coupling_node(graph)) {
    check_coupled(*node, settings.batch_size, train_rows);
    if (train_rows % plan.batch_size == 1) --plan.batches;
  }
  plan.steps_per_epoch = divide_up(plan.batches, plan.accumulate);
  plan.total_batches = plan.batches * std::min(settings.max_epochs, kMostEpochs);
  if (settings.num_samples) {
    const std::int64_t samples = std::max<std::int64_t>(*settings.num_samples, 1);
    const std::int64_t epochs = std::min(samples / train_rows, kMostEpochs);
    const std::int64_t rest = std::min(plan.batches, divide_up(samples % train_rows, plan.batch_size));
    plan.total_batches = std::min(plan.total_batches, epochs * plan.batches + rest);
  }
  plan.total_steps = steps_of(plan, plan.total_batches);
  if (settings.max_steps) {
    check_positive("max_steps", *settings.max_steps);
    plan.total_steps = std::min(plan.total_steps, *settings.max_steps);
  }
  return plan;
}

std::int64_t planned_steps(const TrainSettings& settings, const ir::Graph& graph, std::int64_t train_rows) {
  return plan_batches(settings, graph, train_rows).total_steps;
}

std::int64_t largest_batch(const TrainSettings& settings, const ir::Graph& graph, std::int64_t train_rows) {
  const BatchPlan plan = plan_batches(settings, graph, train_rows);
  const std::int64_t last = plan.batches - 1;
  return std::max(plan.batch_size, plan.end(last) - plan.begin(last));
}

}  // namespace lathe::engine
