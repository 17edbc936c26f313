#include "lathe/backend/onednn/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/threads.h"
#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::backend::onednn {
namespace {

void add_to(float* target, const float* source, std::size_t count) {
  in_parallel(count, kGrain, [=](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) target[i] += source[i];
  });
}

void take_or_add(bool fresh, float* target, const float* source, std::size_t count) {
  if (fresh)
    std::copy_n(source, count, target);
  else
    add_to(target, source, count);
}

std::vector<BufferId> buffers_of(const std::vector<Tensor>& tensors) {
  std::vector<BufferId> buffers;
  for (const Tensor& tensor : tensors) buffers.push_back(tensor.buffer);
  return buffers;
}

}  // namespace

PlanBuilder::PlanBuilder(const ir::Graph& graph, const PlanSettings& settings, Parameters& parameters)
    : graph_(graph),
      settings_(settings),
      parameters_(parameters),
      fusions_(find_fusions(graph, settings.training)),
      nodes_(graph.nodes.size()),
      wanted_(graph.nodes.size()),
      gradients_(graph.nodes.size()) {}

// Calls `make`; what oneDNN cannot do is said of the node at hand.
template <typename Make>
void PlanBuilder::named(Make make) {
  try {
    make();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    const ir::Node& node = graph_.nodes[node_];
    throw UnsupportedError(
        fmt::format("node {}: oneDNN has no primitive for op {}: {}", node.name, node.op, error.what()));
  }
}

Plan PlanBuilder::build() {
  find_wanted();
  add_input();
  for (node_ = 1; node_ < graph_.nodes.size(); ++node_)
    if (!fusions_.vanishes(node_)) named([&] { nodes_[node_] = make_op(*this, node_); });
  parameters_.place_rest();
  add_loss();
  if (settings_.training) add_backward();
  plan_.place();
  return std::move(plan_);
}

// A value's gradient is wanted where a trainable parameter stands at its node or before it.
void PlanBuilder::find_wanted() {
  if (!settings_.training) return;
  for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
    const ir::Node& node = graph_.nodes[i];
    const bool own = std::any_of(node.parameters.begin(), node.parameters.end(),
                                 [](const ir::Parameter& parameter) { return parameter.trainable; });
    const bool before =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](std::size_t input) { return wanted_[input]; });
    wanted_[i] = own || before;
  }
}

void PlanBuilder::add_input() {
  const Tensor input = add_plain(batch_dims(rows(), graph_.input().output_shape));
  nodes_[0].output = input;
  step("input", {input}, [input](const Pass& pass) { pass.read_input(input.floats()); });
}

void PlanBuilder::add_loss() {
  node_ = graph_.nodes.size() - 1;
  const Tensor outputs = plain(nodes_[fusions_.origin[node_]].output);
  if (!settings_.training) {
    step("outputs", {outputs}, [outputs](const Pass& pass) { pass.use_outputs(outputs.floats(), nullptr); });
    return;
  }
  const Tensor gradient = add_tensor(outputs.desc);
  step("loss", {outputs, gradient},
       [outputs, gradient](const Pass& pass) { pass.use_outputs(outputs.floats(), gradient.floats()); });
  gradients_[fusions_.origin[node_]] = Gradient{gradient};
}

void PlanBuilder::add_backward() {
  for (node_ = graph_.nodes.size() - 1; node_ > 0; --node_) {
    if (fusions_.vanishes(node_) || !wanted_[node_] || !gradients_[node_]) continue;
    const Gradient gradient = *std::exchange(gradients_[node_], std::nullopt);
    named([&] { nodes_[node_].backward(gradient); });
  }
}

Parameter& PlanBuilder::plain_parameter(std::size_t node, std::string_view name) {
  Parameter& parameter = parameters_.at(node, name);
  const Shape& shape = parameter.declaration->shape;
  Parameters::place(parameter, plain_desc(memory::dims(shape.begin(), shape.end())));
  return parameter;
}

const Tensor& PlanBuilder::input(std::size_t node, std::size_t which) const {
  return nodes_[fusions_.origin[graph_.nodes[node].inputs[which]]].output;
}

bool PlanBuilder::wants_gradient(std::size_t node, std::size_t which) const {
  return wanted_[fusions_.origin[graph_.nodes[node].inputs[which]]];
}

void PlanBuilder::contribute(std::size_t node, std::size_t which, Gradient gradient) {
  const std::size_t value = fusions_.origin[graph_.nodes[node].inputs[which]];
  if (!wanted_[value]) return;
  gradients_[value] = gradients_[value] ? sum(*gradients_[value], gradient) : gradient;
}

Gradient PlanBuilder::sum(const Gradient& a, const Gradient& b) {
  if (!a.owned && b.owned) return sum(b, a);
  const Tensor target = a.owned && a.tensor.desc.data.data_type == dnnl_f32
                            ? a.tensor
                            : writable({a.tensor, false}, with_type(a.tensor.desc, memory::data_type::f32));
  const Tensor added = in_layout(b.tensor, target.desc);
  step("sum of gradients", {target, added},
       [target, added](const Pass&) { add_to(target.floats(), added.floats(), target.stored()); });
  return {target, true};
}

Tensor PlanBuilder::in_layout(const Tensor& tensor, const memory::desc& desc) {
  if (tensor.desc == desc || (is_plain(tensor.desc) && is_plain(desc))) return tensor;
  const Tensor copy = add_tensor(desc);
  const dnnl::reorder::primitive_desc reorder(processor(), tensor.desc, processor(), desc, attributes());
  call<dnnl::reorder>("reorder", reorder, {{DNNL_ARG_FROM, tensor}, {DNNL_ARG_TO, copy}});
  return copy;
}

Tensor PlanBuilder::plain(const Tensor& tensor) { return in_layout(tensor, plain_desc(tensor.desc.dims())); }

Tensor PlanBuilder::in_floats(const Tensor& tensor) {
  return in_layout(tensor, with_type(tensor.desc, memory::data_type::f32));
}

Tensor PlanBuilder::writable(const Gradient& gradient, const memory::desc& desc) {
  const Tensor converted = in_layout(gradient.tensor, desc);
  if (gradient.owned || converted.buffer != gradient.tensor.buffer) return converted;
  const Tensor copy = add_tensor(converted.desc);
  const std::size_t bytes = converted.desc.get_size();
  step("copy", {converted, copy}, [converted, copy, bytes](const Pass&) {
    std::copy_n(static_cast<const std::byte*>(converted.values.get_data_handle()), bytes,
                static_cast<std::byte*>(copy.values.get_data_handle()));
  });
  return copy;
}

void PlanBuilder::step(std::string kind, const std::vector<Tensor>& touched, std::function<void(const Pass&)> run) {
  plan_.add_step({graph_.nodes[node_].name, std::move(kind), buffers_of(touched), std::move(run)});
}

Call PlanBuilder::make_call(dnnl::primitive primitive, const memory::desc& scratchpad, const Arguments& arguments) {
  Call call{std::move(primitive), {}, {}};
  for (const auto& [argument, tensor] : arguments) {
    call.arguments.emplace(argument, tensor.values);
    call.buffers.push_back(tensor.buffer);
  }
  if (scratchpad.get_size() > 0) {
    const Tensor scratch = add_tensor(scratchpad);
    call.arguments.emplace(DNNL_ARG_SCRATCHPAD, scratch.values);
    call.buffers.push_back(scratch.buffer);
  }
  return call;
}

void PlanBuilder::add_call(std::string kind, Call call) {
  plan_.add_step(
      {graph_.nodes[node_].name, std::move(kind), call.buffers, [call](const Pass& pass) { call.run(pass); }});
}

void PlanBuilder::add_parameter_gradient(const std::string& kind, const Parameter& parameter, const memory::desc& desc,
                                         const std::function<Call(const Tensor&)>& make) {
  const Tensor fresh = add_tensor(desc);
  const Tensor home = *parameter.gradient;
  const Call aside = make(fresh);
  if (desc != home.desc) {
    add_call(kind, aside);
    const Tensor turned = in_layout(fresh, home.desc);
    step("gradient", {turned},
         [turned, home](const Pass& pass) { take_or_add(pass.fresh, home.floats(), turned.floats(), home.stored()); });
    return;
  }
  const Call straight = make(home);
  std::vector<BufferId> buffers = aside.buffers;
  buffers.insert(buffers.end(), straight.buffers.begin(), straight.buffers.end());
  plan_.add_step({graph_.nodes[node_].name, kind, std::move(buffers), [=](const Pass& pass) {
                    (pass.fresh ? straight : aside).run(pass);
                    if (!pass.fresh) add_to(home.floats(), fresh.floats(), home.stored());
                  }});
}

void PlanBuilder::add_small_gradient(const Parameter& parameter, const Tensor& made) {
  const Tensor home = *parameter.gradient;
  step("gradient", {made},
       [made, home](const Pass& pass) { take_or_add(pass.fresh, home.floats(), made.floats(), home.stored()); });
}

dnnl::primitive_attr PlanBuilder::attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace lathe::backend::onednn
