// Quantised networks: forward passes equal to ref bit for bit, gradients straight through.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "conformance/networks.h"
#include "conformance/targets.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/quant/quantizer.h"

namespace lathe::conformance {
namespace {

// Every product and sum fits 24 bits, so that float and double agree exactly.
ir::Graph exact_network(std::int64_t width) {
  ir::Graph graph = make_chain(16, {quantizer(8, 4), linear(16, width), activation("relu"), quantizer(8, 4, false),
                                    linear(width, 17), quantizer(6, 3), linear(17, 5)});
  quantize_parameters(graph, 6, 4);
  return graph;
}

std::vector<float> outputs(const engine::Backend& backend, const ir::Graph& graph, const engine::State& state,
                           const data::Samples& samples) {
  auto session = backend.compile(graph, {.batch_size = 1, .training = false})->make_session();
  session->load(state);
  std::vector<float> values(static_cast<std::size_t>(samples.rows() * 5));
  session->predict(samples, 0, samples.rows(), values);
  return values;
}

TEST(DenseQuantized, ForwardPassesEqualTheReferenceBitForBit) {
  for_each_target([](const std::string& target) {
    for (const std::int64_t width : {1, 7, 16, 33, 64, 100}) {
      const ir::Graph graph = exact_network(width);
      const data::Samples samples = random_samples(333, 16, 5, 4);
      const engine::State state = engine::initial_state(graph, 5, 6, 7);
      EXPECT_EQ(outputs(*backend::make_dense_backend(), graph, state, samples),
                outputs(*backend::make_ref_backend(), graph, state, samples))
          << target << " width " << width;
    }
  });
}

TEST(DenseQuantized, AQuantiserEqualsItsFormatOnTheGoldenValues) {
  const std::vector<float> golden = {0,     1e-9f,    .03f, .0625f, .09375f, .15625f, .5f,   .875f, .9f,
                                     1,     1.5f,     1.9f, 1.97f,  2,       3.7f,    7.9f,  8,     100,
                                     -.03f, -.09375f, -.5f, -1,     -1.5f,   -7.97f,  -8.1f, -100};
  for_each_target([&](const std::string& target) {
    for (const bool is_signed : {true, false})
      for (const std::int64_t width : {2, 4, 8})
        for (const std::int64_t frac : {-1, 0, 1, 2, 4, 9}) {
          const auto in = static_cast<std::int64_t>(golden.size());
          const Layer layer = quantizer(width, frac, is_signed);
          const ir::Graph graph = make_chain(in, {layer});
          data::Samples samples{.width = in, .features = golden, .labels = {0}};
          std::vector<float> got(golden.size()), expected(golden.size());
          backend::make_dense_backend()
              ->compile(graph, {.batch_size = 1, .training = false})
              ->make_session()
              ->predict(samples, 0, 1, got);
          const auto format = quant::parse_format(std::get<std::string>(layer.attributes.front().value));
          quant::make_quantizer(format)->quantize(std::span<const float>(golden), std::span<float>(expected), {1, in});
          EXPECT_EQ(got, expected) << target << " " << format.to_string();
        }
  });
}

TEST(DenseQuantized, GradientsPassStraightThrough) {
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  for (const std::int64_t width : {3, 16, 33}) {
    const ir::Graph graph = exact_network(width);
    const data::Samples samples = random_samples(3000, 16, 5, 4);
    const engine::State state = engine::initial_state(graph, 5, 6, 7);
    auto tested = start(*dense, graph, state, 128), truth = start(*ref, graph, state, 128);
    std::vector<std::uint32_t> rows(128);
    for (std::size_t step = 0; step < 10; ++step) {
      std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(step * 200));
      for (auto* session : {tested.get(), truth.get()}) session->accumulate(samples, rows, 1.0 / 128, 0);
      EXPECT_LT(relative_difference(graph, truth->gradients(), tested->gradients(),
                                    1e-3 * largest_magnitude(truth->gradients())),
                1e-5)
          << "width " << width << " step " << step;
      for (auto* session : {tested.get(), truth.get()}) session->update(1e-2);
      EXPECT_LT(relative_difference(graph, truth->state(), tested->state()), 1e-5);
      const engine::State next = truth->state();  // a weight's last bit may stand on a rounding boundary
      for (auto* session : {tested.get(), truth.get()}) session->load(next);
    }
  }
}

TEST(DenseQuantized, BatchNormBeforeAQuantiserTrains) {
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  ir::Graph graph = make_chain(16, {batch_norm(16), activation("relu"), quantizer(8, 4), linear(16, 16),
                                    quantizer(8, 4), activation("relu"), quantizer(8, 5), linear(16, 5)});
  quantize_parameters(graph, 8, 6);
  const data::Samples samples = random_samples(3000, 16, 5, 4);
  const engine::State state = engine::initial_state(graph, 5, 6, 7);
  auto tested = start(*dense, graph, state, 96), truth = start(*ref, graph, state, 96);
  const auto rows = clear_rows(graph, state, samples, 96, 0);
  for (auto* session : {tested.get(), truth.get()}) session->accumulate(samples, rows, 1.0 / 96, 0);
  EXPECT_LT(relative_difference(graph, truth->gradients(), tested->gradients()), 1e-5);
}

}  // namespace
}  // namespace lathe::conformance
