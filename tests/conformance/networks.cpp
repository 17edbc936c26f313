#include "conformance/networks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/ir/activation.h"
#include "lathe/quant/integer.h"

namespace lathe::conformance {
namespace {

constexpr double kClearance = 1e-5;

std::string integer_format(std::int64_t width, std::int64_t frac_width, bool is_signed) {
  const std::vector<quant::GivenOption> options = {
      {"width", width}, {"frac_width", frac_width}, {"signed", is_signed ? 1 : 0}};
  return quant::make_format("integer", options).to_string();
}

// The graph up to node `last`, with a flatten and an output of its own.
ir::Graph cut_behind(const ir::Graph& graph, std::size_t last) {
  ir::Graph part;
  part.name = graph.name;
  part.nodes.assign(graph.nodes.begin(), graph.nodes.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  ir::Node flatten;
  flatten.name = "flat";
  flatten.op = "flatten";
  flatten.inputs = {last};
  flatten.output_shape = {element_count(graph.nodes[last].output_shape)};
  part.nodes.push_back(flatten);
  ir::Node output = graph.output();
  output.inputs = {last + 1};
  output.output_shape = flatten.output_shape;
  part.nodes.push_back(output);
  return part;
}

// Values of node `last` for the rows [0, count) of `samples`, with the statistics that `state` holds.
std::vector<float> values_behind(const ir::Graph& graph, std::size_t last, const engine::State& state,
                                 const data::Samples& samples) {
  const ir::Graph part = cut_behind(graph, last);
  const auto backend = backend::make_ref_backend();
  auto session = backend->compile(part, {.batch_size = samples.rows(), .training = false})->make_session();
  const std::size_t tensors = engine::zero_state(part).size();
  session->load(engine::State(state.begin(), state.begin() + static_cast<std::ptrdiff_t>(tensors)));
  std::vector<float> values(static_cast<std::size_t>(samples.rows() * element_count(part.output().output_shape)));
  session->predict(samples, 0, samples.rows(), values);
  return values;
}

// Puts the batch's own statistics in place of the running ones of the batch norm at node `index`.
void use_batch_statistics(const ir::Graph& graph, std::size_t index, engine::State& state, const data::Samples& batch) {
  const std::size_t end = engine::zero_state(cut_behind(graph, index)).size();
  const std::vector<float> values = values_behind(graph, graph.nodes[index].inputs.front(), state, batch);
  engine::NamedTensor& mean = state[end - 3];
  engine::NamedTensor& variance = state[end - 2];
  const std::size_t channels = mean.values.size();
  const std::size_t positions = values.size() / static_cast<std::size_t>(batch.rows()) / channels;
  const auto count = static_cast<double>(values.size() / channels);
  std::vector<double> sums(channels), squares(channels);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i / positions % channels] += values[i];
  for (std::size_t i = 0; i < values.size(); ++i)
    squares[i / positions % channels] += std::pow(values[i] - sums[i / positions % channels] / count, 2);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    mean.values[channel] = static_cast<float>(sums[channel] / count);
    variance.values[channel] = static_cast<float>(squares[channel] / count);
  }
}

// The derivative of an activation.
struct Slope {
  const ir::Activation& activation;
  const ir::ActivationNumbers numbers;
  double operator()(double x) const {
    return activation.gradient(numbers, activation.reads_output(numbers) ? activation.value(numbers, x) : x, 1);
  }
};

// Finds the jump between two points, to a multiple of 2^-30.
double place_of_jump(const Slope& slope, double low, double high) {
  for (int step = 0; step < 40; ++step) {
    const double middle = 0.5 * (low + high);
    const bool below = std::abs(slope(middle) - slope(low)) > std::abs(slope(high) - slope(middle));
    (below ? high : low) = middle;
  }
  return std::round(low * 0x1p30) * 0x1p-30;
}

// Searches for where a derivative, or its own derivative, jumps.
std::vector<double> find_kinks(const Slope& slope) {
  constexpr double kStep = 0x1p-8, kJump = 0.02, kBend = 1e-3;
  std::vector<double> found;
  for (double x = -32; x < 32; x += kStep)
    if (std::abs(slope(x + kStep) - slope(x)) > kJump) found.push_back(place_of_jump(slope, x, x + kStep));
  const std::size_t jumps = found.size();
  for (double x = -32; x < 32; x += kStep) {
    const bool at_jump = std::any_of(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(jumps),
                                     [&](double kink) { return std::abs(x - kink) < 3 * kStep; });
    if (!at_jump && std::abs(slope(x + kStep) - 2 * slope(x) + slope(x - kStep)) > kBend) found.push_back(x);
  }
  return found;
}

// Distance of a value from the nearest kink of a node; 1 for nodes without kinks.
double kink_distance(const ir::Node& node, double value) {
  double distance = 1;
  for (const double kink : kinks(node)) distance = std::min(distance, std::abs(value - kink));
  if (node.op != "quantize") return distance;
  const auto scale = quant::integer_scale(node.format("format"));
  const double code = value * scale->scale;
  return std::abs(code - std::floor(code) - 0.5) * scale->inverse;
}

// A value exactly on a kink comes from exact arithmetic, on which all engines agree.
bool is_unclear(double distance) { return distance > 0 && distance < kClearance; }

bool is_batch_norm(const ir::Node& node) { return node.op == "batch_norm1d" || node.op == "batch_norm2d"; }

bool has_kink(const ir::Node& node) { return !kinks(node).empty() || node.op == "quantize"; }

data::Samples take(const data::Samples& samples, const std::vector<std::uint32_t>& rows) {
  data::Samples taken;
  taken.width = samples.width;
  taken.shape = samples.shape;
  for (const std::uint32_t row : rows) {
    const auto begin = samples.features.begin() + static_cast<std::ptrdiff_t>(row) * samples.width;
    taken.features.insert(taken.features.end(), begin, begin + samples.width);
    taken.labels.push_back(0);
  }
  return taken;
}

// Positions in the batch that come too near to a kink.
std::set<std::size_t> unclear_positions(const ir::Graph& graph, engine::State state, const data::Samples& batch) {
  std::set<std::size_t> unclear;
  const auto rows = static_cast<std::size_t>(batch.rows());
  for (std::size_t index = 1; index + 1 < graph.nodes.size(); ++index) {
    const ir::Node& node = graph.nodes[index];
    if (is_batch_norm(node)) use_batch_statistics(graph, index, state, batch);
    // What the input itself holds is the same float in every engine.
    if (!has_kink(node) || node.inputs.front() == 0) continue;
    const std::vector<float> values = values_behind(graph, node.inputs.front(), state, batch);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (is_unclear(kink_distance(node, values[i]))) unclear.insert(i / (values.size() / rows));
  }
  return unclear;
}

// Tells whether a constant that is added to a channel of what an op reads is added to what it writes, and to nothing
// else.
bool hands_constants_on(const ir::Node& node) {
  static const std::set<std::string> kOps = {"identity",   "flatten",    "add",  "concat",
                                             "max_pool1d", "max_pool2d", "mean", "adaptive_avg_pool2d"};
  return kOps.contains(node.op);
}

// Tells whether a constant that is added to a channel of a node's values ends in batch norms, or in the keys of an
// attention, which see all queries' products shifted alike. Collects these norms.
bool is_normalised_away(const ir::Graph& graph, std::size_t index, std::set<std::size_t>& norms) {
  bool all = true;
  for (const std::size_t user : graph.users(index)) {
    const ir::Node& node = graph.nodes[user];
    if (is_batch_norm(node))
      norms.insert(user);
    else if (node.op == "attention")
      all = all && node.inputs == std::vector<std::size_t>{node.inputs[0], index, node.inputs[2]} &&
            node.inputs[0] != index && node.inputs[2] != index;
    else
      all = all && hands_constants_on(node) && is_normalised_away(graph, user, norms);
  }
  return all;
}

bool has_bias(const ir::Node& node) {
  return std::any_of(node.parameters.begin(), node.parameters.end(),
                     [](const ir::Parameter& parameter) { return parameter.name == "bias"; });
}

// Adam moves these biases by the sign of rounding errors, and the running mean behind them follows.
std::set<std::string> biases_without_effect(const ir::Graph& graph) {
  std::set<std::string> names;
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const ir::Node& node = graph.nodes[index];
    if (!has_bias(node)) continue;
    std::set<std::size_t> norms;
    if (!is_normalised_away(graph, index, norms)) continue;
    names.insert(node.module_path + ".bias");
    for (const std::size_t norm : norms) names.insert(graph.nodes[norm].module_path + ".running_mean");
  }
  return names;
}

ir::AttributeValue filled(const ir::AttributeDeclaration& attribute, const ir::OpDeclaration& declaration,
                          std::int64_t width) {
  if (attribute.name == declaration.input_width_attribute) return width;
  if (attribute.name == declaration.output_width_attribute) return std::max<std::int64_t>(width / 2, 1);
  if (attribute.name == "format") return integer_format(8, 4, true);
  throw UserError(fmt::format("op {} has the obligatory attribute {}, which networks.cpp cannot fill", declaration.name,
                              attribute.name));
}

// Values worth a test beside the default.
std::vector<ir::AttributeValue> other_values(const ir::AttributeDeclaration& attribute) {
  if (const bool* value = std::get_if<bool>(&attribute.default_value)) return {!*value};
  if (attribute.name == "approximate") return {std::string("tanh")};
  if (attribute.name == "negative_slope") return {0.3, -0.2};
  if (attribute.name == "min_val") return {-0.3};
  if (attribute.name == "max_val") return {0.4};
  if (attribute.name == "alpha") return {0.5, 2.0};
  if (attribute.name == "beta") return {0.5, 3.0};
  if (attribute.name == "threshold") return {1.0};
  return {};
}

}  // namespace

const std::vector<double>& kinks(const ir::Node& node) {
  static std::map<std::pair<std::string, ir::ActivationNumbers>, std::vector<double>> known;
  static const std::vector<double> none;
  const ir::Activation* activation = ir::activations().find(node.op);
  if (activation == nullptr) return none;
  const ir::ActivationNumbers numbers = activation->numbers(node);
  const auto [entry, is_new] = known.try_emplace({node.op, numbers});
  if (is_new) entry->second = find_kinks(Slope{*activation, numbers});
  return entry->second;
}

Layer linear(std::int64_t in, std::int64_t out, bool bias) {
  return {"linear", {{"in_features", in}, {"out_features", out}, {"bias", bias}}};
}
Layer batch_norm(std::int64_t width) { return {"batch_norm1d", {{"num_features", width}}}; }
Layer activation(std::string op) { return {std::move(op), {}}; }
Layer quantizer(std::int64_t width, std::int64_t frac_width, bool is_signed) {
  return {"quantize", {{"format", integer_format(width, frac_width, is_signed)}}};
}

ir::Graph make_chain(std::int64_t in, const std::vector<Layer>& layers) {
  ir::GraphBuilder builder("chain", {in});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const ir::OpDeclaration& op = *ir::find_op(layers[i].op);
    builder.add(op.name, op.module_type.empty() ? "" : fmt::format("layers.{}", i), layers[i].attributes,
                std::vector<std::size_t>(op.input_count, i), fmt::format("layers_{}", i));
  }
  return std::move(builder).finish();
}

void quantize_parameters(ir::Graph& graph, std::int64_t width, std::int64_t frac_width) {
  for (ir::Node& node : graph.nodes)
    if (node.op == "linear" || node.op == "conv1d" || node.op == "conv2d")
      for (ir::Parameter& parameter : node.parameters)
        parameter.format = quant::parse_format(integer_format(width, frac_width, true));
}

std::vector<Layer> variants(const ir::OpDeclaration& declaration, std::int64_t width) {
  Layer base{declaration.name, {}};
  for (const ir::AttributeDeclaration& attribute : declaration.attributes)
    if (attribute.obligatory) base.attributes.push_back({attribute.name, filled(attribute, declaration, width)});
  std::vector<Layer> all = {base};
  for (const ir::AttributeDeclaration& attribute : declaration.attributes) {
    if (attribute.obligatory) continue;
    for (const ir::AttributeValue& other : other_values(attribute)) {
      all.push_back(base);
      all.back().attributes.push_back({attribute.name, other});
    }
  }
  return all;
}

data::Samples random_samples(std::int64_t rows, std::int64_t width, std::int64_t classes, std::uint64_t seed) {
  RandomStream stream(seed, {}, "conformance samples");
  data::Samples samples;
  samples.width = width;
  for (std::int64_t i = 0; i < rows * width; ++i) samples.features.push_back(static_cast<float>(stream.normal()));
  for (std::int64_t i = 0; i < rows; ++i)
    samples.labels.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(classes))));
  return samples;
}

std::vector<std::uint32_t> find_clear_rows(const ir::Graph& graph, const engine::State& state,
                                           const data::Samples& samples, std::size_t count, std::size_t offset) {
  const auto total = static_cast<std::size_t>(samples.rows());
  std::vector<std::uint32_t> rows;
  std::size_t next = offset;
  for (; rows.size() < count; ++next) rows.push_back(static_cast<std::uint32_t>(next * 7919 % total));
  for (int round = 0; round < 20; ++round) {
    const auto unclear = unclear_positions(graph, state, take(samples, rows));
    if (unclear.empty()) return rows;
    for (const std::size_t position : unclear) rows[position] = static_cast<std::uint32_t>(next++ * 7919 % total);
  }
  return {};
}

std::vector<std::uint32_t> clear_rows(const ir::Graph& graph, const engine::State& state, const data::Samples& samples,
                                      std::size_t count, std::size_t offset) {
  const auto rows = find_clear_rows(graph, state, samples, count, offset);
  EXPECT_EQ(rows.size(), count) << "conformance: no batch of this size stays clear of kinks";
  return rows;
}

double relative_difference(const ir::Graph& graph, const engine::State& truth, const engine::State& other,
                           double floor) {
  const auto left_out = biases_without_effect(graph);
  double worst = truth.size() == other.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(truth.size(), other.size()); ++i) {
    if (left_out.contains(truth[i].name)) continue;
    if (truth[i].name != other[i].name || truth[i].values.size() != other[i].values.size()) return INFINITY;
    double scale = floor, difference = 0;
    for (std::size_t k = 0; k < truth[i].values.size(); ++k) {
      const double value = truth[i].values[k];
      scale = std::max(scale, std::abs(value));
      const double distance = std::abs(value - other[i].values[k]);
      difference = std::isnan(distance) ? INFINITY : std::max(difference, distance);
    }
    if (difference > 0) worst = std::max(worst, difference / scale);
  }
  return worst;
}

double largest_magnitude(const engine::State& state) {
  double largest = 0;
  for (const engine::NamedTensor& tensor : state)
    for (const float value : tensor.values) largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

std::unique_ptr<engine::Session> start(const engine::Backend& backend, const ir::Graph& graph,
                                       const engine::State& state, std::size_t batch,
                                       const engine::OptimizerSettings& optimizer) {
  auto session =
      backend.compile(graph, {.batch_size = static_cast<std::int64_t>(batch), .training = true})->make_session();
  session->load(state);
  session->set_optimizer(optimizer);
  return session;
}

}  // namespace lathe::conformance
