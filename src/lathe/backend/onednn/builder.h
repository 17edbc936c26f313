#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lathe/backend/onednn/fusion.h"
#include "lathe/backend/onednn/parameters.h"
#include "lathe/backend/onednn/plan.h"
#include "lathe/ir/graph.h"

namespace lathe::backend::onednn {

/// Holds the gradient of a value. One that is owned is read by nobody else: it may be overwritten.
struct Gradient {
  Tensor tensor;
  bool owned = true;
};

/// What an op leaves in the plan: its output, and what adds the backward steps when the plan comes back to the node (in
/// evaluation nothing). `backward` is given the gradient of the output and hands those of the inputs to `contribute`.
struct NodePlan {
  Tensor output;
  std::function<void(Gradient)> backward = {};
};

/// Says what a plan is made for.
struct PlanSettings {
  std::size_t rows = 0;
  bool training = true;
  memory::data_type type = memory::data_type::f32;  ///< what convolutions and linear layers compute with
};

/// Holds a primitive with what it reads and writes.
struct Call {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  std::vector<BufferId> buffers;

  void run(const Pass& pass) const { primitive.execute(*pass.stream, arguments); }
};

using Arguments = std::vector<std::pair<int, Tensor>>;

/// Makes the plan of a graph: walks the nodes forward, then, in training, backward. The ops (op.h) use what follows
/// `build` to add their steps. `build` throws UnsupportedError where oneDNN has no primitive for a node.
class PlanBuilder {
 public:
  PlanBuilder(const ir::Graph& graph, const PlanSettings& settings, Parameters& parameters);
  Plan build();

  const ir::Graph& graph() const { return graph_; }
  std::size_t rows() const { return settings_.rows; }
  bool training() const { return settings_.training; }
  memory::data_type type() const { return settings_.type; }
  const Fusions& fusions() const { return fusions_; }
  /// Finds a parameter of the node at hand; null when there is none.
  Parameter* parameter(std::size_t node, std::string_view name) { return parameters_.find(node, name); }
  /// Finds a parameter and fixes its layout as row-major.
  Parameter& plain_parameter(std::size_t node, std::string_view name);

  /// Returns the value that a node reads.
  const Tensor& input(std::size_t node, std::size_t which = 0) const;
  /// Tells whether the gradient of that value is wanted.
  bool wants_gradient(std::size_t node, std::size_t which = 0) const;
  /// Adds a gradient to that value's.
  void contribute(std::size_t node, std::size_t which, Gradient gradient);

  Tensor add_tensor(const memory::desc& desc) { return plan_.add_tensor(desc); }
  Tensor add_plain(const memory::dims& dims) { return plan_.add_tensor(plain_desc(dims)); }
  Tensor add_view(const Tensor& tensor, const memory::desc& desc) { return plan_.add_view(tensor, desc); }
  /// Returns the tensor in a layout: itself, or a reordered copy.
  Tensor in_layout(const Tensor& tensor, const memory::desc& desc);
  /// Returns it row-major in float32.
  Tensor plain(const Tensor& tensor);
  /// Returns it in float32, in its own layout.
  Tensor in_floats(const Tensor& tensor);
  /// Returns a gradient as memory of this layout that may be overwritten.
  Tensor writable(const Gradient& gradient, const memory::desc& desc);

  void step(std::string kind, const std::vector<Tensor>& touched, std::function<void(const Pass&)> run);
  /// Makes a primitive whose scratchpad lies in the arena.
  template <typename Primitive>
  Call make_call(const typename Primitive::primitive_desc& desc, const Arguments& arguments) {
    return make_call(Primitive(desc), desc.scratchpad_desc(), arguments);
  }
  /// Adds it as a step. `kind` is completed by the implementation's name.
  template <typename Primitive>
  void call(const std::string& kind, const typename Primitive::primitive_desc& desc, const Arguments& arguments) {
    add_call(kind + " " + desc.impl_info_str(), make_call<Primitive>(desc, arguments));
  }
  /// Adds a step that computes the gradient of a parameter into a tensor of `desc`, and adds it to those of earlier
  /// passes. `make` is given the tensor to write and returns the call.
  void add_parameter_gradient(const std::string& kind, const Parameter& parameter, const memory::desc& desc,
                              const std::function<Call(const Tensor& target)>& make);
  /// Adds a step that adds a small gradient, made by another step, to a parameter's.
  void add_small_gradient(const Parameter& parameter, const Tensor& made);
  /// Returns attributes with a scratchpad of ours.
  static dnnl::primitive_attr attributes();

 private:
  Call make_call(dnnl::primitive primitive, const memory::desc& scratchpad, const Arguments& arguments);
  void add_call(std::string kind, Call call);
  template <typename Make>
  void named(Make make);
  void find_wanted();
  void add_input();
  void add_loss();
  void add_backward();
  Gradient sum(const Gradient& a, const Gradient& b);

  const ir::Graph& graph_;
  PlanSettings settings_;
  Parameters& parameters_;
  Fusions fusions_;
  Plan plan_;
  std::size_t node_ = 0;  // at hand
  std::vector<NodePlan> nodes_;
  std::vector<bool> wanted_;
  std::vector<std::optional<Gradient>> gradients_;
};

}  // namespace lathe::backend::onednn
