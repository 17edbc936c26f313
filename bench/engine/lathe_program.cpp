// Trains with the dense engine: batch-norm running statistics and the loss included.
#include <span>

#include "engine/workload.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/ir/graph.h"

namespace {

lathe::ir::Graph make_graph(const bench::Network& network) {
  lathe::ir::GraphBuilder builder("bench", {network.widths.front()});
  int index = 0;
  const auto add = [&](const char* op, std::vector<lathe::ir::Attribute> attributes = {}) {
    builder.add(op, "seq_blocks." + std::to_string(index++), std::move(attributes));
  };
  if (network.input_batch_norm) {
    add("batch_norm1d", {{"num_features", network.widths.front()}});
    add("relu");
  }
  for (std::size_t i = 0; i + 1 < network.widths.size(); ++i) {
    add("linear", {{"in_features", network.widths[i]}, {"out_features", network.widths[i + 1]}});
    if (i + 2 < network.widths.size() || network.relu_on_logits) add("relu");
  }
  return std::move(builder).finish();
}

}  // namespace

int main() {
  const bench::Workload workload;
  const lathe::data::Samples samples{
      .width = bench::kFeatures, .features = workload.features, .labels = workload.labels};
  const auto backend = lathe::backend::make_dense_backend();
  bench::serve([&](const bench::Network& network, std::size_t batch) -> bench::Step {
    const lathe::ir::Graph graph = make_graph(network);
    std::shared_ptr<lathe::engine::Session> session =
        backend->make_session(graph, {.batch_size = static_cast<std::int64_t>(batch), .training = true});
    session->load(lathe::engine::initial_state(graph, 1, 2, 3));
    session->set_optimizer({});
    return [&, session](std::size_t first, std::size_t rows) {
      const auto result = session->accumulate(samples, std::span(workload.order).subspan(first, rows),
                                              1.0 / static_cast<double>(rows), 0);
      session->update(bench::kLearningRate);
      return result.loss_sum / static_cast<double>(rows);
    };
  });
  return 0;
}
