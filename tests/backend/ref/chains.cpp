#include "backend/ref/chains.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "lathe/backend/ref/ref.h"
#include "lathe/base/random.h"
#include "lathe/ir/op.h"

namespace lathe::backend {
namespace {

float on_grid(double value, double step) { return static_cast<float>(std::nearbyint(value / step) * step); }

double fresh_value(const std::string& name, bool one_dimensional, double noise) {
  if (name.ends_with("num_batches_tracked")) return 0;
  if (name.ends_with("running_var")) return 1 + 0.1 * std::fabs(noise);
  if (name.ends_with("weight") && one_dimensional) return 1 + 0.1 * noise;
  return 0.3 * noise;
}

}  // namespace

Layer linear(std::int64_t in_features, std::int64_t out_features, bool bias) {
  return {"linear", {{"in_features", in_features}, {"out_features", out_features}, {"bias", bias}}};
}

Layer batch_norm(std::int64_t num_features, double eps, double momentum) {
  return {"batch_norm1d", {{"num_features", num_features}, {"eps", eps}, {"momentum", momentum}}};
}

Layer quantize(const std::string& format) {
  return {"quantize", {{"format", quant::parse_format(format).to_string()}}};
}

ir::Graph chain(std::int64_t in_features, const std::vector<Layer>& layers) {
  return chain(Shape{in_features}, layers);
}

ir::Graph chain(Shape input, const std::vector<Layer>& layers) {
  ir::GraphBuilder builder("chain", std::move(input));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool module = !ir::find_op(layers[i].op)->module_type.empty();
    builder.add(layers[i].op, module ? fmt::format("{}", i) : "", layers[i].attributes, layers[i].inputs,
                fmt::format("layer_{}", i));
  }
  return std::move(builder).finish();
}

void set_weight_format(ir::Graph& graph, const std::string& format) {
  for (ir::Node& node : graph.nodes)
    if (node.op == "linear")
      for (ir::Parameter& parameter : node.parameters) parameter.format = quant::parse_format(format);
}

data::Samples random_samples(std::int64_t rows, std::int64_t width, std::int64_t classes, std::uint64_t seed) {
  RandomStream stream(seed, {}, "ref test samples");
  data::Samples samples;
  samples.width = width;
  for (std::int64_t i = 0; i < rows * width; ++i) samples.features.push_back(on_grid(stream.normal(), 0x1p-8));
  for (std::int64_t i = 0; i < rows; ++i)
    samples.labels.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(classes))));
  return samples;
}

engine::State random_state(const ir::Graph& graph, std::uint64_t seed) {
  RandomStream stream(seed, {}, "ref test weights");
  engine::State state = engine::zero_state(graph);
  for (engine::NamedTensor& tensor : state)
    for (float& value : tensor.values)
      value = on_grid(fresh_value(tensor.name, tensor.shape.size() == 1, stream.normal()), 0x1p-12);
  return state;
}

std::vector<std::uint32_t> first_rows(std::size_t count) {
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

std::unique_ptr<engine::Session> training_session(const ir::Graph& graph, const engine::State& state,
                                                  std::int64_t batch_size, const engine::LossSettings& loss) {
  auto session =
      make_ref_backend()->compile(graph, {.batch_size = batch_size, .training = true, .loss = loss})->make_session();
  session->load(state);
  session->set_optimizer({});
  return session;
}

const engine::NamedTensor& tensor(const engine::State& state, const std::string& name) {
  const auto found = std::find_if(state.begin(), state.end(), [&](const auto& t) { return t.name == name; });
  if (found == state.end()) throw std::runtime_error("no tensor " + name);
  return *found;
}

}  // namespace lathe::backend
