#include "lathe/backend/onednn/parameters.h"

#include <algorithm>

#include "lathe/backend/onednn/threads.h"
#include "lathe/base/check.h"

namespace lathe::backend::onednn {
namespace {

constexpr std::size_t kFloatsPerLine = MemoryBlock::kAlignment / sizeof(float);

std::size_t whole_lines(std::size_t floats) { return (floats + kFloatsPerLine - 1) / kFloatsPerLine * kFloatsPerLine; }

Tensor empty_tensor(const memory::desc& desc) { return {desc, memory(desc, processor(), DNNL_MEMORY_NONE), kNoBuffer}; }

memory::desc declared_desc(const ir::Parameter& declaration) {
  const Shape& shape = declaration.shape;
  return plain_desc(shape.empty() ? memory::dims{1} : memory::dims(shape.begin(), shape.end()));
}

// Grouped weights have one dimension more in their layout; row-major values are the same.
memory::desc plain_form(const Parameter& parameter) {
  const auto& data = parameter.effective.desc.data;
  return plain_desc(memory::dims(data.dims, data.dims + data.ndims));
}

void pass_gradient(const Parameter& parameter, const std::vector<float>& values, std::vector<float>& gradient) {
  const Shape& shape = parameter.declaration->shape;
  parameter.format->pass_gradient(quant::TensorView<const float>::parameter(values.data(), shape),
                                  quant::TensorView<float>::parameter(gradient.data(), shape));
}

void reorder(memory from, memory to) {
  dnnl::stream stream(processor());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

}  // namespace

Parameters::Parameters(const ir::Graph& graph, bool training) : training_(training) {
  for (const ir::Node& node : graph.nodes) {
    first_of_node_.push_back(parameters_.size());
    for (const ir::Parameter& declaration : node.parameters) {
      Parameter parameter;
      parameter.declaration = &declaration;
      if (declaration.format) parameter.quantizer = quant::integer_scale(*declaration.format);
      if (declaration.format && !parameter.quantizer) parameter.format = quant::make_quantizer(*declaration.format);
      parameters_.push_back(std::move(parameter));
    }
  }
  first_of_node_.push_back(parameters_.size());
}

Parameter* Parameters::find(std::size_t node, std::string_view name) {
  for (std::size_t i = first_of_node_[node]; i < first_of_node_[node + 1]; ++i)
    if (parameters_[i].declaration->name == name) return &parameters_[i];
  return nullptr;
}

Parameter& Parameters::at(std::size_t node, std::string_view name) {
  Parameter* found = find(node, name);
  LATHE_CHECK(found != nullptr, "node {} has no parameter {}", node, name);
  return *found;
}

void Parameters::place_rest() {
  for (Parameter& parameter : parameters_) place(parameter, declared_desc(*parameter.declaration));
}

void Parameters::place(Parameter& parameter, const memory::desc& desc) {
  if (parameter.placed) return;
  parameter.effective = empty_tensor(desc);
  if (parameter.quantised()) parameter.values = empty_tensor(desc);
  if (parameter.trainable()) parameter.gradient = empty_tensor(desc);
  parameter.placed = true;
}

Parameters::Sizes Parameters::sizes() const {
  Sizes sizes;
  for (const Parameter& parameter : parameters_) {
    const std::size_t floats = whole_lines(parameter.stored());
    (parameter.trainable() ? sizes.trainable : sizes.buffers) += floats;
    if (parameter.quantised()) sizes.quantised += floats;
  }
  return sizes;
}

std::int64_t Parameters::bytes() const {
  const Sizes size = sizes();
  const auto bytes_of = [](std::size_t floats) { return MemoryBlock::bytes(floats * sizeof(float)); };
  const std::size_t blocks = bytes_of(size.buffers) + bytes_of(size.quantised);
  const std::size_t copies = 2 * largest_reordered() * sizeof(float);
  return static_cast<std::int64_t>(blocks + copies + (training_ ? 4 : 1) * bytes_of(size.trainable));
}

std::size_t Parameters::largest_reordered() const {
  std::size_t largest = 0;
  for (const Parameter& parameter : parameters_)
    if (parameter.format != nullptr) largest = std::max(largest, value_count(parameter.effective.desc));
  return largest;
}

void Parameters::allocate() {
  const Sizes size = sizes();
  values_ = MemoryBlock(size.trainable * sizeof(float));
  buffers_ = MemoryBlock(size.buffers * sizeof(float));
  quantised_ = MemoryBlock(size.quantised * sizeof(float));
  for (std::vector<float>* copy : {&plain_, &plain_gradient_}) copy->reserve(largest_reordered());
  if (training_)
    for (MemoryBlock* block : {&gradients_, &moments1_, &moments2_})
      *block = MemoryBlock(size.trainable * sizeof(float));
  Sizes next;
  for (Parameter& parameter : parameters_) {
    std::size_t& offset = parameter.trainable() ? next.trainable : next.buffers;
    float* home = (parameter.trainable() ? values_ : buffers_).floats() + offset;
    parameter.offset = offset;
    offset += whole_lines(parameter.stored());
    if (parameter.values) {
      parameter.values->values.set_data_handle(home);
      home = quantised_.floats() + next.quantised;
      next.quantised += whole_lines(parameter.stored());
    }
    parameter.effective.values.set_data_handle(home);
    if (parameter.gradient && training_)
      parameter.gradient->values.set_data_handle(gradients_.floats() + parameter.offset);
  }
}

std::int64_t Parameters::allocated_bytes() const {
  std::size_t bytes = 0;
  for (const MemoryBlock* block : {&values_, &buffers_, &quantised_, &gradients_, &moments1_, &moments2_})
    bytes += block->allocated();
  bytes += (plain_.capacity() + plain_gradient_.capacity()) * sizeof(float);
  return static_cast<std::int64_t>(bytes);
}

void Parameters::quantize() {
  for (const Parameter& parameter : parameters_) {
    if (!parameter.values) continue;
    if (parameter.format != nullptr) {
      quantize_any(parameter);
      continue;
    }
    const quant::IntegerScale scale = *parameter.quantizer;
    const float* from = parameter.values->floats();
    float* to = parameter.effective.floats();
    in_parallel(parameter.stored(), kGrain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) to[i] = scale(from[i]);
    });
  }
}

void Parameters::quantize_any(const Parameter& parameter) {
  to_plain(parameter, parameter.master(), plain_);
  const Shape& shape = parameter.declaration->shape;
  parameter.format->quantize(quant::TensorView<const float>::parameter(plain_.data(), shape),
                             quant::TensorView<float>::parameter(plain_.data(), shape));
  from_plain(parameter, plain_, parameter.effective.floats());
}

void Parameters::pass_gradients() {
  for (const Parameter& parameter : parameters_) {
    if (!parameter.changes_gradient()) continue;
    float* gradient = parameter.gradient->floats();
    to_plain(parameter, parameter.master(), plain_);
    to_plain(parameter, gradient, plain_gradient_);
    pass_gradient(parameter, plain_, plain_gradient_);
    from_plain(parameter, plain_gradient_, gradient);
  }
}

void Parameters::pass_gradients(engine::State& gradients) const {
  std::vector<float> values;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].changes_gradient()) continue;
    to_plain(parameters_[i], parameters_[i].master(), values);
    pass_gradient(parameters_[i], values, gradients[i].values);
  }
}

void Parameters::to_plain(const Parameter& parameter, const float* stored, std::vector<float>& values) {
  values.resize(value_count(parameter.effective.desc));
  if (is_plain(parameter.effective.desc)) {
    std::copy_n(stored, values.size(), values.begin());
    return;
  }
  reorder(memory(parameter.effective.desc, processor(), const_cast<float*>(stored)),
          memory(plain_form(parameter), processor(), values.data()));
}

void Parameters::from_plain(const Parameter& parameter, const std::vector<float>& values, float* stored) {
  LATHE_CHECK_EQ(values.size(), value_count(parameter.effective.desc));
  if (is_plain(parameter.effective.desc)) {
    std::copy(values.begin(), values.end(), stored);
    return;
  }
  reorder(memory(plain_form(parameter), processor(), const_cast<float*>(values.data())),
          memory(parameter.effective.desc, processor(), stored));
}

void Parameters::load(const engine::State& state) {
  LATHE_CHECK_EQ(state.size(), parameters_.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (parameters_[i].declaration->integral)
      parameters_[i].counter = static_cast<std::int64_t>(state[i].values.at(0));
    else
      from_plain(parameters_[i], state[i].values, parameters_[i].master());
  }
}

void Parameters::read_values(engine::State& state) const {
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (parameters_[i].declaration->integral)
      state[i].values.assign(1, static_cast<float>(parameters_[i].counter));
    else
      to_plain(parameters_[i], parameters_[i].master(), state[i].values);
  }
}

}  // namespace lathe::backend::onednn
