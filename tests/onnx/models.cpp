#include "onnx/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "lathe/backend/ref/ref.h"
#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "lathe/ir/passes/quantize.h"
#include "lathe/model/zoo.h"

namespace lathe::onnx::testing {
namespace {

bool reads_tokens(const ir::Graph& graph) {
  const auto users = graph.users(0);
  return !users.empty() && graph.nodes[users.front()].op == "embedding";
}

/// Returns the exponent of the power of two above all values of a tensor; 0 for zeros and where there is none.
std::int64_t exponent_of(const Model& model, const std::string& name) {
  float largest = 0;
  for (const engine::NamedTensor& tensor : model.state)
    if (tensor.name == name)
      for (const float value : tensor.values) largest = std::max(largest, std::abs(value));
  int exponent = 0;
  std::frexp(largest, &exponent);
  return exponent;
}

std::vector<quant::GivenOption> options(std::int64_t width, std::int64_t fraction) {
  return {{"width", width}, {"frac_width", fraction}};
}

}  // namespace

engine::State filled_state(const ir::Graph& graph, std::uint64_t seed) {
  engine::State state = engine::initial_state(graph, seed, 1, 2);
  RandomStream stream(seed, {}, "filled_state");
  for (engine::NamedTensor& tensor : state) {
    const bool variance = tensor.name.ends_with("running_var"), mean = tensor.name.ends_with("running_mean");
    for (float& value : tensor.values) {
      if (variance) value = 0.5f + stream.uniform_float();
      if (mean) value = stream.uniform_float() - 0.5f;
      if (tensor.integral) value = 17;
    }
  }
  return state;
}

Model zoo_model(const std::string& name) {
  const std::string model = name.substr(0, name.find(':'));
  model::ModelRequest request = model::find_model(model)->usual;
  if (name.ends_with(":lm")) {
    request.positions = request.input_shape.front();
    request.classes = request.vocabulary;
  }
  ir::Graph graph = model::make_model(model, request);
  engine::State state = filled_state(graph, 7);
  return {std::move(graph), std::move(state)};
}

Model quantised(const Model& model, std::int64_t most_bits) {
  ir::QuantizeSettings settings;
  std::int64_t turn = 0;
  for (const ir::Node& node : model.graph.nodes) {
    if (!ir::quantizable(node)) continue;
    const std::int64_t width = std::max<std::int64_t>(2, most_bits - turn % 3);
    ir::NodeQuantization formats;
    formats[ir::Operand::kDataIn] = options(width, width / 2);
    formats[ir::Operand::kWeight] = options(width, width - 1 - exponent_of(model, node.module_path + ".weight"));
    formats[ir::Operand::kBias] = options(width, width - 2);
    settings.nodes.emplace_back(node.name, formats);
    ++turn;
  }
  return {ir::quantize(model.graph, settings), model.state};
}

Model with_scales(const Model& model, bool odd_zero_points) {
  Model result = model;
  std::int64_t turn = 0;
  for (ir::Node& node : result.graph.nodes) {
    if (node.op == "quantize")
      node.set("format", quant::parse_format(fmt::format("integer(width=8, scale=[{}], zero_point=[{}])",
                                                         0.041 + 0.003 * static_cast<double>(turn++ % 5),
                                                         odd_zero_points ? 3 : 4)));
    for (ir::Parameter& parameter : node.parameters) {
      if (parameter.operand != ir::Operand::kWeight || !parameter.format) continue;
      std::string scales;
      for (std::int64_t i = 0; i < parameter.shape[0]; ++i)
        scales += fmt::format("{}{}", i == 0 ? "" : ", ", 0.011 + 0.001 * static_cast<double>(i % 7));
      parameter.set_format(quant::parse_format(fmt::format("integer(width=8, scale=[{}], axis=0)", scales)));
    }
  }
  return result;
}

std::vector<float> example_rows(const ir::Graph& graph, std::int64_t rows, std::uint64_t seed) {
  RandomStream stream(seed, {}, "example_rows");
  std::vector<float> values(static_cast<std::size_t>(rows * element_count(graph.input().output_shape)));
  for (float& value : values)
    value = reads_tokens(graph) ? std::floor(stream.uniform_float() * 11)
                                : std::nearbyint(64 * static_cast<float>(stream.normal())) / 64;
  return values;
}

std::vector<float> predict(const Model& model, const std::vector<float>& rows) {
  data::Samples samples;
  samples.shape = model.graph.input().output_shape;
  samples.width = element_count(samples.shape);
  samples.features = rows;
  const Shape& output = model.graph.output().output_shape;
  samples.positions = output.size() == 2 ? output[0] : 1;
  const std::int64_t count = static_cast<std::int64_t>(rows.size()) / samples.width;
  samples.labels.assign(static_cast<std::size_t>(count * samples.positions), 0);
  const auto session =
      backend::make_ref_backend()->compile(model.graph, {.batch_size = count, .training = false})->make_session();
  session->load(model.state);
  std::vector<float> outputs(static_cast<std::size_t>(count * element_count(output)));
  session->predict(samples, 0, count, outputs);
  return outputs;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]) / std::max(1.0, std::abs(double{b[i]}));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

std::vector<float> read_floats(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), values.size() * sizeof(float), reinterpret_cast<std::byte*>(values.data()));
  return values;
}

void write_floats(const std::filesystem::path& path, const std::vector<float>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
}

bool python_has(const std::string& modules) {
  return std::system(("/usr/bin/python3 -c 'import " + modules + "' > /dev/null 2>&1").c_str()) == 0;
}

std::string script(const std::string& name) { return std::string(LATHE_SOURCE_DIR) + "/tests/onnx/" + name; }

}  // namespace lathe::onnx::testing
