// Every op of the registry in small networks of odd widths and batches: dense against ref.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "conformance/networks.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"

namespace lathe::conformance {
namespace {

constexpr std::size_t kBatches[] = {1, 2, 3, 63, 64, 65, 127, 200};
constexpr std::int64_t kWidths[] = {1, 3, 5, 7, 8, 16, 17, 33, 64, 100};
constexpr std::int64_t kClasses = 5;
constexpr std::size_t kFewRows = 16;

struct Case {
  std::string name;
  ir::Graph graph;
  bool couples_batch = false;
};

// The op in the middle, at the input and at the output of a network of this width.
std::vector<Case> cases_of(const ir::OpDeclaration& declaration, std::int64_t width) {
  std::vector<Case> cases;
  const auto add = [&](const char* place, std::int64_t in, const std::vector<Layer>& layers) {
    cases.push_back(
        {fmt::format("{} {} {}", declaration.name, place, width), make_chain(in, layers), declaration.couples_batch});
  };
  for (const Layer& layer : variants(declaration, width)) {
    const std::int64_t out = declaration.output_width_attribute.empty() ? width : std::max<std::int64_t>(width / 2, 1);
    add("inside", 6, {linear(6, width), layer, linear(out, kClasses)});
    add("first", width, {layer, linear(out, kClasses)});
    if (out > 1) add("last", 6, {linear(6, width), layer});
  }
  return cases;
}

void compare_gradients(const Case& c, std::size_t batch) {
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  const std::int64_t in = c.graph.input().output_shape[0], classes = c.graph.output().output_shape[0];
  const data::Samples samples = random_samples(2000, in, classes, 1);
  engine::State state = engine::initial_state(c.graph, 7, 8, 9);
  auto tested = start(*dense, c.graph, state, batch), truth = start(*ref, c.graph, state, batch);
  const auto rows = clear_rows(c.graph, state, samples, batch, 0);
  const double scale = 1.0 / static_cast<double>(batch);
  const auto got = tested->accumulate(samples, rows, scale, 42), expected = truth->accumulate(samples, rows, scale, 42);
  EXPECT_NEAR(got.loss_sum, expected.loss_sum, 1e-5 * std::abs(expected.loss_sum)) << c.name << " batch " << batch;
  const engine::State gradients = truth->gradients();
  // Few rows may cancel a whole tensor, and batch norm of two or three nearly does: compare with the largest gradient.
  const double share = batch >= kFewRows ? 1e-3 : c.couples_batch ? 1.0 : 1e-2;
  const double floor = share * largest_magnitude(gradients);
  EXPECT_LT(relative_difference(c.graph, gradients, tested->gradients(), floor), 1e-5) << c.name << " batch " << batch;
  EXPECT_LT(relative_difference(c.graph, truth->state(), tested->state()), 1e-5) << c.name << " batch " << batch;
}

// Says why an op cannot be compared on plain features: it reads images or texts, or dense has no kernel. Such ops are
// in the networks of op_networks.h.
std::optional<std::string> find_obstacle(const ir::OpDeclaration& declaration) {
  try {
    for (const Case& c : cases_of(declaration, 8))
      if (const auto reason = backend::make_dense_backend()->refusal(c.graph)) return reason;
  } catch (const UserError& error) {
    return error.what();
  }
  return std::nullopt;
}

class OpConformance : public testing::TestWithParam<std::string> {};

TEST(OpConformanceList, LeavesOutNoOpOfPlainFeatures) {
  for (const char* op : {"linear",   "batch_norm1d", "relu",      "leaky_relu",  "tanh",     "sigmoid", "gelu",
                         "relu6",    "silu",         "hardswish", "hardsigmoid", "hardtanh", "elu",     "selu",
                         "softplus", "dropout",      "flatten",   "identity",    "add",      "quantize"})
    EXPECT_EQ(find_obstacle(*ir::find_op(op)), std::nullopt) << op;
}

TEST_P(OpConformance, LossAndGradientsAgreeWithTheReference) {
  const ir::OpDeclaration& declaration = *ir::find_op(GetParam());
  for (const std::int64_t width : kWidths)
    for (const Case& c : cases_of(declaration, width)) {
      ASSERT_EQ(backend::make_dense_backend()->refusal(c.graph), std::nullopt) << c.name;
      for (const std::size_t batch : kBatches)
        if (batch > 1 || !declaration.couples_batch) compare_gradients(c, batch);
    }
}

TEST_P(OpConformance, PredictionsAgreeWithTheReference) {
  const ir::OpDeclaration& declaration = *ir::find_op(GetParam());
  for (const std::int64_t width : kWidths)
    for (const Case& c : cases_of(declaration, width)) {
      const std::int64_t in = c.graph.input().output_shape[0], classes = c.graph.output().output_shape[0];
      const data::Samples samples = random_samples(150, in, classes, 3);
      const engine::State state = engine::initial_state(c.graph, 7, 8, 9);
      std::vector<float> outputs[2];
      int which = 0;
      for (const auto& backend : {backend::make_dense_backend(), backend::make_ref_backend()}) {
        auto session = backend->compile(c.graph, {.batch_size = 1, .training = false})->make_session();
        session->load(state);
        outputs[which].resize(static_cast<std::size_t>(150 * classes));
        session->predict(samples, 0, 150, outputs[which++]);
      }
      std::size_t wrong = 0;  // rounding of a quantiser may go the other way on a boundary
      for (std::size_t i = 0; i < outputs[0].size(); ++i)
        wrong += std::abs(outputs[0][i] - outputs[1][i]) > 1e-5 * (1 + std::abs(outputs[1][i])) ? 1 : 0;
      EXPECT_LE(wrong, declaration.name == "quantize" ? outputs[0].size() / 100 : 0) << c.name;
    }
}

// The suite walks the registry: a new op is tested the moment it is listed.
std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const ir::OpDeclaration& declaration : ir::op_declarations())
    if (declaration.name != "input" && declaration.name != "output" && !find_obstacle(declaration))
      names.push_back(declaration.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, OpConformance, testing::ValuesIn(op_names()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace lathe::conformance
