// Quantised networks: exact forward passes, straight-through gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/ref/chains.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/quant/quantizer.h"

namespace lathe::backend {
namespace {

std::vector<float> predictions(const ir::Graph& graph, const engine::State& state, const data::Samples& samples) {
  auto session = make_ref_backend()->compile(graph, {.batch_size = 16, .training = false})->make_session();
  session->load(state);
  std::vector<float> outputs(static_cast<std::size_t>(samples.rows() * graph.output().output_shape[0]));
  session->predict(samples, 0, samples.rows(), outputs);
  return outputs;
}

// The inputs and outputs of shared/reference/mase.md section 13 (MASE's integer quantiser, width 8, frac_width 4).
TEST(RefQuantised, NodeGivesTheGoldenVectors) {
  const std::vector<float> x = {0,     1e-9f,    .03f, .0625f, .09375f, .15625f, .5f,   .875f, .9f,
                                1,     1.5f,     1.9f, 1.97f,  2,       3.7f,    7.9f,  8,     100,
                                -.03f, -.09375f, -.5f, -1,     -1.5f,   -7.97f,  -8.1f, -100};
  const std::vector<float> y = {0, 0,      0,      .0625f, .125f, .125f,   .5f,    .875f,   .875f,
                                1, 1.5f,   1.875f, 2,      2,     3.6875f, 7.875f, 7.9375f, 7.9375f,
                                0, -.125f, -.5f,   -1,     -1.5f, -8,      -8,     -8};
  const auto width = static_cast<std::int64_t>(x.size());
  const ir::Graph graph = chain(width, {quantize("integer(width=8, frac_width=4)")});
  EXPECT_EQ(predictions(graph, {}, {.width = width, .features = x, .labels = {0}}), y);
}

// Products and sums of fixed-point numbers, computed here in integers.
TEST(RefQuantised, LinearLayerIsExact) {
  constexpr std::int64_t kIn = 16, kOut = 5, kRows = 40;
  ir::Graph graph = chain(kIn, {quantize("integer(width=8, frac_width=4)"), linear(kIn, kOut)});
  set_weight_format(graph, "integer(width=6, frac_width=5)");
  const engine::State state = random_state(graph, 1);
  const data::Samples samples = random_samples(kRows, kIn, kOut, 2);
  const auto code = [](float value, int frac_width, double low, double high) {
    return static_cast<std::int64_t>(std::clamp(std::nearbyint(std::ldexp(double{value}, frac_width)), low, high));
  };
  const std::vector<float> outputs = predictions(graph, state, samples);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t out = 0; out < kOut; ++out) {
      std::int64_t sum = code(state[1].values[out], 5, -32, 31) << 4;
      for (std::size_t in = 0; in < kIn; ++in)
        sum += code(samples.features[row * kIn + in], 4, -128, 127) * code(state[0].values[out * kIn + in], 5, -32, 31);
      EXPECT_EQ(outputs[row * kOut + out], std::ldexp(static_cast<float>(sum), -9));
    }
  }
}

// Weights and rows on the grid of the formats: quantisers change nothing, so gradients are those of the float network.
TEST(RefQuantised, GradientsOnTheGridAreThoseOfTheFloatNetwork) {
  const std::vector<Layer> layers = {linear(6, 8), {"tanh"}, linear(8, 4)};
  const std::vector<Layer> with_quantisers = {
      quantize("integer(width=16, frac_width=8)"), linear(6, 8), {"tanh"}, linear(8, 4)};
  const ir::Graph plain = chain(6, layers);
  ir::Graph quantised = chain(6, with_quantisers);
  set_weight_format(quantised, "integer(width=16, frac_width=12)");
  const engine::State state = random_state(plain, 1);
  engine::State renamed = engine::zero_state(quantised);
  for (std::size_t i = 0; i < state.size(); ++i) renamed[i].values = state[i].values;
  const data::Samples samples = random_samples(20, 6, 4, 2);
  auto truth = training_session(plain, state, 20), tested = training_session(quantised, renamed, 20);
  EXPECT_EQ(truth->accumulate(samples, first_rows(20), 1, 0).loss_sum,
            tested->accumulate(samples, first_rows(20), 1, 0).loss_sum);
  for (std::size_t i = 0; i < state.size(); ++i) EXPECT_EQ(truth->gradients()[i].values, tested->gradients()[i].values);
}

// Off the grid: the gradient is the float network's at the quantised weights, and clipped values keep theirs.
TEST(RefQuantised, GradientIsTakenAtTheQuantisedPoint) {
  const ir::Graph plain = chain(6, {linear(6, 4)});
  ir::Graph quantised = plain;
  set_weight_format(quantised, "integer(width=4, frac_width=3)");
  engine::State state = random_state(plain, 1);
  state[0].values[0] = 100;
  engine::State rounded = state;
  const auto quantizer = quant::make_quantizer(quant::parse_format("integer(width=4, frac_width=3)"));
  for (engine::NamedTensor& tensor : rounded)
    quantizer->quantize(std::span<const float>(tensor.values), std::span<float>(tensor.values), tensor.shape);
  const data::Samples samples = random_samples(20, 6, 4, 2);
  auto truth = training_session(plain, rounded, 20), tested = training_session(quantised, state, 20);
  truth->accumulate(samples, first_rows(20), 1, 0);
  tested->accumulate(samples, first_rows(20), 1, 0);
  for (std::size_t i = 0; i < state.size(); ++i) EXPECT_EQ(truth->gradients()[i].values, tested->gradients()[i].values);
  EXPECT_NE(tested->gradients()[0].values[0], 0);
  EXPECT_EQ(tested->state(), state);
}

}  // namespace
}  // namespace lathe::backend
