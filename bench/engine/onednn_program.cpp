// Runs the matrix products of a training step with oneDNN: inner_product forward (ReLU fused), backward by data (not
// for the first layer unless a batch norm stands before it) and backward by weights, primitives and memory made once,
// layouts of oneDNN's choice, no gathering, no loss, no optimiser. A ceiling for kernels, not a training loop. Serves
// the task train.
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/serve.h"

namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

struct Call {
  dnnl::primitive primitive;
  Arguments arguments;
};

memory::desc any(const memory::dims& dims) { return {dims, memory::data_type::f32, memory::format_tag::any}; }
memory::desc vector(memory::dim size) { return {{size}, memory::data_type::f32, memory::format_tag::x}; }

class Step {
 public:
  Step(const bench::Network& network, memory::dim batch) : batch_(batch) {
    for (std::size_t i = 0; i + 1 < network.widths.size(); ++i) {
      const bool last = i + 2 == network.widths.size();
      add_layer(network.widths[i], network.widths[i + 1], !last || network.relu_on_logits,
                i > 0 || network.input_batch_norm);
    }
    std::reverse(backward_.begin(), backward_.end());
  }

  void run() {
    for (auto* calls : {&forward_, &backward_})
      for (Call& call : *calls) call.primitive.execute(stream_, call.arguments);
    stream_.wait();
  }

 private:
  // Every operand has its own memory in the layout that the primitive likes: what a reorder would cost is left out.
  memory filled(const memory::desc& desc) const {
    memory result(desc, engine_);
    float* values = static_cast<float*>(result.get_data_handle());
    for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i) values[i] = 0.01f * static_cast<float>(i % 7);
    return result;
  }

  void add_layer(memory::dim in, memory::dim out, bool relu, bool needs_input_gradient) {
    const memory::desc source = any({batch_, in}), weights = any({out, in}), target = any({batch_, out});
    dnnl::primitive_attr attributes;
    dnnl::post_ops operations;
    if (relu) operations.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(operations);
    const dnnl::inner_product_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, source, weights, vector(out), target}, attributes, engine_);
    forward_.push_back({dnnl::inner_product_forward(forward),
                        {{DNNL_ARG_SRC, filled(forward.src_desc())},
                         {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
                         {DNNL_ARG_BIAS, filled(forward.bias_desc())},
                         {DNNL_ARG_DST, filled(forward.dst_desc())}}});
    const dnnl::inner_product_backward_weights::primitive_desc by_weights({source, weights, vector(out), target},
                                                                          engine_, forward);
    backward_.push_back({dnnl::inner_product_backward_weights(by_weights),
                         {{DNNL_ARG_SRC, filled(by_weights.src_desc())},
                          {DNNL_ARG_DIFF_DST, filled(by_weights.diff_dst_desc())},
                          {DNNL_ARG_DIFF_WEIGHTS, filled(by_weights.diff_weights_desc())},
                          {DNNL_ARG_DIFF_BIAS, filled(by_weights.diff_bias_desc())}}});
    if (!needs_input_gradient) return;
    const dnnl::inner_product_backward_data::primitive_desc by_data({source, weights, target}, engine_, forward);
    backward_.push_back({dnnl::inner_product_backward_data(by_data),
                         {{DNNL_ARG_DIFF_SRC, filled(by_data.diff_src_desc())},
                          {DNNL_ARG_WEIGHTS, filled(by_data.weights_desc())},
                          {DNNL_ARG_DIFF_DST, filled(by_data.diff_dst_desc())}}});
  }

  memory::dim batch_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Call> forward_, backward_;
};

}  // namespace

int main() {
  bench::serve([](const std::string& task, const std::string& name, std::size_t batch) -> bench::Work {
    const bench::Network network = bench::network(name);
    if (task != "train" || network.quantized()) return {};
    const auto step = std::make_shared<Step>(network, static_cast<memory::dim>(batch));
    return bench::steps_of([step](std::size_t, std::size_t) { step->run(); }, batch);
  });
  return 0;
}
