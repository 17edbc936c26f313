#include "lathe/backend/onednn/fusion.h"

#include <numeric>

namespace lathe::backend::onednn {
namespace {

bool hands_on(const ir::Node& node, bool training) {
  if (node.op == "identity" || node.op == "output") return true;
  return node.op == "dropout" && (!training || node.number("p") == 0);
}

bool is_convolution(const ir::Node& node) { return node.op == "conv1d" || node.op == "conv2d"; }
bool is_batch_norm(const ir::Node& node) { return node.op == "batch_norm1d" || node.op == "batch_norm2d"; }

class Finder {
 public:
  Finder(const ir::Graph& graph, bool training) : graph_(graph), training_(training) {
    const std::size_t count = graph.nodes.size();
    fusions_.origin.resize(count);
    std::iota(fusions_.origin.begin(), fusions_.origin.end(), std::size_t{0});
    fusions_.batch_norm.resize(count);
    fusions_.relu.resize(count);
    readers_.resize(count);
  }

  Fusions find() {
    for (std::size_t i = 1; i < graph_.nodes.size(); ++i)
      if (hands_on(graph_.nodes[i], training_)) fusions_.origin[i] = input_of(i);
    count_readers();
    for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
      if (fusions_.vanishes(i))
        fusions_.origin[i] = input_of(i);  // what stands before may have joined another node by now
      else if (is_batch_norm(graph_.nodes[i]))
        join_batch_norm(i);
      else if (graph_.nodes[i].op == "relu")
        join_relu(i);
    }
    return std::move(fusions_);
  }

 private:
  std::size_t input_of(std::size_t node) const { return fusions_.origin[graph_.nodes[node].inputs.front()]; }

  // Values are counted at the nodes that make them; the network's output reads one, too.
  void count_readers() {
    for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
      if (fusions_.vanishes(i) && graph_.nodes[i].op != "output") continue;
      for (const std::size_t input : graph_.nodes[i].inputs) ++readers_[fusions_.origin[input]];
    }
  }

  void join_batch_norm(std::size_t node) {
    const std::size_t before = input_of(node);
    if (training_ || !is_convolution(graph_.nodes[before]) || readers_[before] != 1) return;
    if (fusions_.batch_norm[before] || fusions_.relu[before]) return;
    fusions_.batch_norm[before] = node;
    fusions_.origin[node] = before;
    readers_[before] = readers_[node];
  }

  void join_relu(std::size_t node) {
    const std::size_t before = input_of(node);
    const ir::Node& producer = graph_.nodes[before];
    const bool able = is_convolution(producer) || is_batch_norm(producer) || producer.op == "linear";
    if (!able || readers_[before] != 1 || fusions_.relu[before]) return;
    fusions_.relu[before] = true;
    fusions_.origin[node] = before;
    readers_[before] = readers_[node];
  }

  const ir::Graph& graph_;
  bool training_;
  Fusions fusions_;
  std::vector<std::size_t> readers_;
};

}  // namespace

Fusions find_fusions(const ir::Graph& graph, bool training) { return Finder(graph, training).find(); }

}  // namespace lathe::backend::onednn
