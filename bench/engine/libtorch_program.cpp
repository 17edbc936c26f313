// Trains with libtorch's C++ API: index_select, zero_grad, forward, cross entropy, backward, Adam. Batch norm keeps its
// running statistics; the loss is not read, which spares libtorch a synchronisation. Serves the task train.
#include <torch/torch.h>

#include "engine/serve.h"

namespace {

torch::nn::Sequential make_module(const bench::Network& network) {
  torch::nn::Sequential module;
  if (network.input_batch_norm) {
    module->push_back(torch::nn::BatchNorm1d(network.widths.front()));
    module->push_back(torch::nn::ReLU(torch::nn::ReLUOptions(true)));
  }
  for (std::size_t i = 0; i + 1 < network.widths.size(); ++i) {
    module->push_back(torch::nn::Linear(network.widths[i], network.widths[i + 1]));
    if (i + 2 < network.widths.size() || network.relu_on_logits)
      module->push_back(torch::nn::ReLU(torch::nn::ReLUOptions(true)));
  }
  return module;
}

}  // namespace

int main() {
  at::set_num_threads(1);
  bench::Workload workload;
  const auto rows = static_cast<std::int64_t>(bench::kRows), width = static_cast<std::int64_t>(bench::kFeatures);
  const torch::Tensor features = torch::from_blob(workload.features.data(), {rows, width});
  const torch::Tensor labels = torch::from_blob(workload.labels.data(), {rows}, torch::kInt32).to(torch::kInt64);
  const torch::Tensor order = torch::from_blob(workload.order.data(), {rows}, torch::kInt32).to(torch::kInt64);
  bench::serve([&](const std::string& task, const std::string& name, std::size_t batch_size) -> bench::Work {
    const bench::Network network = bench::network(name);
    if (task != "train" || network.quantized()) return {};
    torch::manual_seed(1);
    torch::nn::Sequential module = make_module(network);
    auto optimizer = std::make_shared<torch::optim::Adam>(module->parameters(), bench::kLearningRate);
    const auto step = [&features, &labels, &order, module, optimizer](std::size_t first, std::size_t batch) mutable {
      const auto begin = static_cast<std::int64_t>(first);
      const torch::Tensor index = order.slice(0, begin, begin + static_cast<std::int64_t>(batch));
      optimizer->zero_grad();
      const torch::Tensor logits = module->forward(features.index_select(0, index));
      torch::nn::functional::cross_entropy(logits, labels.index_select(0, index)).backward();
      optimizer->step();
    };
    return bench::steps_of(step, batch_size);
  });
  return 0;
}
