#include "conformance/dags.h"

#include <fmt/format.h>

#include "lathe/base/random.h"

namespace lathe::conformance {
namespace {

constexpr std::int64_t kFeatures = 7, kClasses = 5, kWidest = 40;

/// Draws one network.
class RandomDag {
 public:
  RandomDag(std::uint64_t seed, const DagLayers& layers) : stream_(seed, {}, "random dag"), dag_(kFeatures) {
    ops_ = {"linear", "linear", "add", "add"};
    const auto allow = [&](bool allowed, std::vector<std::string> ops) {
      if (allowed) ops_.insert(ops_.end(), ops.begin(), ops.end());
    };
    allow(layers.smooth, {"tanh", "sigmoid", "gelu", "identity"});
    allow(layers.kinked, {"relu", "relu", "leaky_relu"});
    allow(layers.norms, {"batch_norm1d"});
    allow(layers.dropout, {"dropout"});
    allow(layers.quantizers, {"quantize"});
  }

  ir::Graph draw() {
    const std::uint64_t nodes = 3 + below(18);
    dag_.add(linear(kFeatures, random_width()), {0});
    while (dag_.graph().nodes.size() < nodes) add(ops_[below(ops_.size())]);
    join_loose_ends();
    return std::move(dag_).finish();
  }

 private:
  std::uint64_t below(std::uint64_t count) { return stream_.below(count); }
  std::int64_t random_width() {
    const std::size_t like = below(2 * dag_.graph().nodes.size());
    if (like < dag_.graph().nodes.size()) return dag_.width(like);
    return 1 + static_cast<std::int64_t>(below(kWidest));
  }
  /// The last node most of the time.
  std::size_t random_node() {
    const std::size_t count = dag_.graph().nodes.size();
    return below(5) < 3 ? count - 1 : below(count);
  }

  void add(const std::string& op) {
    const std::size_t input = random_node();
    const std::int64_t width = dag_.width(input);
    if (op == "linear")
      dag_.add(linear(width, random_width(), below(4) > 0), {input});
    else if (op == "add")
      add_sum(input);
    else if (op == "batch_norm1d")
      dag_.add(batch_norm(width), {input});
    else if (op == "dropout")
      dag_.add({"dropout", {{"p", below(4) == 0 ? 0.0 : 0.25}}}, {input});
    else if (op == "quantize")
      dag_.add(quantizer(8, 4), {input});
    else
      dag_.add(activation(op), {input});
  }

  /// Sums up two to four values; what has another width passes a linear layer first.
  void add_sum(std::size_t first) {
    std::vector<std::size_t> terms = {first};
    for (std::uint64_t more = 1 + below(3); more > 0; --more)
      terms.push_back(brought_to(dag_.width(first), random_node()));
    dag_.sum(terms);
  }

  std::size_t brought_to(std::int64_t width, std::size_t node) {
    return dag_.width(node) == width ? node : dag_.add(linear(dag_.width(node), width), {node});
  }

  void join_loose_ends() {
    std::vector<std::size_t> terms;
    const std::size_t nodes = dag_.graph().nodes.size();
    for (std::size_t node = 1; node < nodes; ++node)
      if (dag_.graph().users(node).empty()) terms.push_back(node);
    for (std::size_t& term : terms) term = brought_to(kClasses, term);
    if (terms.size() > 1) dag_.sum(terms);
  }

  RandomStream stream_;
  Dag dag_;
  std::vector<std::string> ops_;
};

}  // namespace

std::size_t Dag::add(const Layer& layer, std::vector<std::size_t> inputs) {
  const std::string name = fmt::format("node_{}", builder_.graph().nodes.size());
  const bool module = !ir::find_op(layer.op)->module_type.empty();
  return builder_.add(layer.op, module ? name : "", layer.attributes, std::move(inputs), name);
}

ir::Graph random_dag(std::uint64_t seed, const DagLayers& layers) { return RandomDag(seed, layers).draw(); }

ir::Graph nested_sums(const std::string& name, double dropout) {
  Dag dag(16);
  const std::size_t a = dag.add(activation(name), {dag.add(linear(16, 33), {0})});
  const std::size_t b = dag.add(activation(name), {dag.add(batch_norm(33), {dag.add(linear(33, 33), {a})})});
  const std::size_t dropped = dag.add({"dropout", {{"p", dropout}}}, {b});
  const std::size_t inner = dag.sum({a, dropped});
  const std::size_t c = dag.add(linear(33, 33), {dag.add(activation("tanh"), {inner})});
  const std::size_t d = dag.add(batch_norm(33), {dag.add(linear(33, 33, false), {inner})});
  const std::size_t outer = dag.sum({inner, c, d, c});
  const std::size_t skipped = dag.sum({dag.add(linear(16, 17), {0}), dag.add(linear(33, 17), {outer})});
  dag.add(linear(17, 5), {dag.add(activation("identity"), {skipped})});
  return std::move(dag).finish();
}

}  // namespace lathe::conformance
