// Number formats without kernels of their own: every back end quantises as the format says, and passes gradients by its
// rule.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "conformance/backends.h"
#include "conformance/networks.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/engine/state_layout.h"
#include "lathe/quant/quantizer.h"
#include "quant/examples.h"

namespace lathe::conformance {
namespace {

constexpr std::int64_t kFeatures = 19;  // blocks of 4 and of 8 end in a part

std::string per_channel(std::int64_t width, std::int64_t channels, const std::string& rest) {
  std::string scales, zeros;
  for (std::int64_t i = 0; i < channels; ++i) {
    scales += fmt::format("{}{}", i == 0 ? "" : ", ", 0.03 + 0.01 * static_cast<double>(i));
    zeros += fmt::format("{}{}", i == 0 ? "" : ", ", i % 5 - 2);
  }
  return fmt::format("integer(width={}, signed=1, scale=[{}], zero_point=[{}], axis=0{})", width, scales, zeros, rest);
}

/// Formats for tensors whose first dimension has `channels` indices: those of every kind, and particular ones.
std::vector<std::string> formats_for(std::int64_t channels) {
  std::vector<std::string> formats = {"block_floating(width=5, block=[4])",
                                      "block_floating(width=8, exponent_width=3, block=[8])",
                                      "integer(width=4, frac_width=2, gradient=within_range)",
                                      "integer(width=6, scale=[0.0371], zero_point=[3])",
                                      per_channel(5, channels, ""),
                                      per_channel(4, channels, ", gradient=within_range")};
  for (const quant::Format& format : quant::example_formats()) formats.push_back(format.to_string());
  return formats;
}

Layer quantizer_of(const std::string& format) { return {"quantize", {{"format", format}}}; }

std::vector<float> predictions(const engine::Backend& backend, const ir::Graph& graph, const engine::State& state,
                               const data::Samples& samples, int threads) {
  const auto session =
      backend.compile(graph, {.batch_size = 16, .training = false, .threads = threads})->make_session();
  session->load(state);
  std::vector<float> values(static_cast<std::size_t>(samples.rows() * element_count(graph.output().output_shape)));
  session->predict(samples, 0, samples.rows(), values);
  return values;
}

/// Rows of many magnitudes, with zeros, halves and the largest and smallest of a block.
data::Samples wide_samples(std::int64_t rows, std::int64_t width) {
  data::Samples samples = random_samples(rows, width, 5, 11);
  for (std::size_t i = 0; i < samples.features.size(); ++i) {
    float& value = samples.features[i];
    value = std::ldexp(value, static_cast<int>(i % 23) - 12);
    if (i % 17 == 0) value = 0;
    if (i % 29 == 0) value = std::nearbyint(value * 8) / 8;
  }
  return samples;
}

/// What a format makes of values in float32, as files of ONNX have it.
std::vector<float> quantised(const std::string& format, const std::vector<float>& values, std::int64_t rows,
                             const Shape& shape) {
  std::vector<float> result(values.size());
  quant::make_quantizer(quant::parse_format(format))
      ->quantize(quant::TensorView<const float>::batch(values.data(), rows, shape),
                 quant::TensorView<float>::batch(result.data(), rows, shape));
  return result;
}

class Formats : public testing::TestWithParam<TestedBackend> {};

TEST_P(Formats, QuantiseValuesToTheLastBit) {
  const data::Samples samples = wide_samples(101, kFeatures);
  for (const std::string& format : formats_for(kFeatures)) {
    const ir::Graph graph = make_chain(kFeatures, {quantizer_of(format)});
    EXPECT_EQ(predictions(*GetParam().backend, graph, {}, samples, GetParam().threads),
              quantised(format, samples.features, samples.rows(), {kFeatures}))
        << format;
  }
}

/// Every row picks one column of the weights, so that the products are the quantised weights themselves.
TEST_P(Formats, QuantiseWeightsToTheLastBit) {
  constexpr std::int64_t kOutputs = 5;
  data::Samples samples = random_samples(kFeatures, kFeatures, kOutputs, 3);
  for (std::int64_t row = 0; row < kFeatures; ++row)
    for (std::int64_t i = 0; i < kFeatures; ++i)
      samples.features[static_cast<std::size_t>(row * kFeatures + i)] = row == i ? 1.0f : 0.0f;
  for (const std::string& format : formats_for(kOutputs)) {
    ir::Graph graph = make_chain(kFeatures, {linear(kFeatures, kOutputs, false)});
    graph.nodes[1].parameters[0].set_format(quant::parse_format(format));
    const engine::State state = engine::initial_state(graph, 5, 6, 7);
    const std::vector<float> weight = quantised(format, state[0].values, 1, {kOutputs, kFeatures});
    std::vector<float> columns;
    for (std::size_t i = 0; i < kFeatures; ++i)
      for (std::size_t j = 0; j < kOutputs; ++j) columns.push_back(weight[j * kFeatures + i]);
    EXPECT_EQ(predictions(*GetParam().backend, graph, state, samples, GetParam().threads), columns) << format;
  }
}

TEST_P(Formats, TrainingFollowsTheReference) {
  const auto ref = backend::make_ref_backend();
  const data::Samples samples = random_samples(400, kFeatures, 5, 4);
  const std::vector<std::string> of_values = formats_for(kFeatures), of_weights = formats_for(5);
  for (std::size_t i = 0; i < of_values.size(); ++i) {
    ir::Graph graph = make_chain(kFeatures, {linear(kFeatures, kFeatures), activation("tanh"),
                                             quantizer_of(of_values[i]), linear(kFeatures, 5)});
    graph.nodes[4].parameters[0].set_format(quant::parse_format(of_weights[i]));
    graph.nodes[4].parameters[1].set_format(quant::parse_format("block_floating(width=9, block=[2])"));
    const engine::State state = engine::initial_state(graph, 5, 6, 7);
    auto tested = start(*GetParam().backend, graph, state, 32), truth = start(*ref, graph, state, 32);
    std::vector<std::uint32_t> rows(32);
    for (std::size_t step = 0; step < 5; ++step) {
      std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(step * 40));
      for (auto* session : {tested.get(), truth.get()}) session->accumulate(samples, rows, 1.0 / 32, 0);
      // Few of tanh's values stand so near to a rounding boundary that its last bit decides.
      EXPECT_LT(relative_difference(graph, truth->gradients(), tested->gradients(),
                                    1e-3 * largest_magnitude(truth->gradients())),
                2e-2)
          << of_values[i] << " step " << step;
      for (auto* session : {tested.get(), truth.get()}) session->update(1e-2);
      const engine::State next = truth->state();
      for (auto* session : {tested.get(), truth.get()}) session->load(next);
    }
  }
}

/// Gradients of values and weights that saturate are 0 within the range's rule, and pass by the other.
TEST_P(Formats, RulesOfGradientsAreHonoured) {
  for (const bool within : {false, true}) {
    const std::string rule = within ? ", gradient=within_range)" : ")";
    ir::Graph graph = make_chain(2, {linear(2, 2, false), quantizer_of("integer(width=3, frac_width=0" + rule)});
    graph.nodes[1].parameters[0].set_format(quant::parse_format("integer(width=3, scale=[0.5]" + rule));
    engine::State state = engine::initial_state(graph, 1, 1, 1);
    state[0].values = {0.5f, 9.0f, 1.0f, -9.0f};  // the second column saturates
    data::Samples samples{.width = 2, .features = {1, 1}, .labels = {0}};
    const auto session = start(*GetParam().backend, graph, state, 1);
    const std::vector<std::uint32_t> rows = {0};
    session->accumulate(samples, rows, 1, 0);
    const std::vector<float> gradient = session->gradients()[0].values;
    EXPECT_NE(gradient[0], 0.0f);
    EXPECT_EQ(gradient[1] == 0.0f, within);
    EXPECT_EQ(gradient[3] == 0.0f, within);
    session->set_optimizer({.name = "sgd"});
    session->accumulate(samples, rows, 1, 0);
    session->update(1);
    EXPECT_EQ(session->state()[0].values[1] == 9.0f, within);
  }
}

/// Images: a block along width, a block over channels and positions, a scale for each channel.
TEST_P(Formats, QuantiseImages) {
  const Shape shape = {3, 5, 7};
  data::Samples samples = wide_samples(33, element_count(shape));
  samples.shape = shape;
  for (const std::string& format : {std::string("block_floating(width=5, block=[4])"),
                                    std::string("block_floating(width=5, block=[2, 5, 3])"), per_channel(5, 3, "")}) {
    ir::GraphBuilder builder("image", shape);
    builder.add("quantize", "", {{"format", format}}, {}, "q");
    builder.add("flatten", "flat");
    const ir::Graph graph = std::move(builder).finish();
    if (GetParam().backend->refusal(graph)) continue;
    EXPECT_EQ(predictions(*GetParam().backend, graph, {}, samples, GetParam().threads),
              quantised(format, samples.features, samples.rows(), shape))
        << format;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats, testing::ValuesIn(tested_backends()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace lathe::conformance
