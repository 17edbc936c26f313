#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lathe/base/error.h"
#include "lathe/ir/passes/quantize.h"
#include "lathe/onnx/export.h"
#include "lathe/onnx/import.h"
#include "onnx/models.h"
#include "onnx/op_graphs.h"
#include "program.h"

namespace lathe::onnx {
namespace {

using lathe::testing::TemporaryFolder;
using testing::Model;

void expect_round_trip(const Model& model, const ExportOptions& options) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.onnx";
  export_onnx(model.graph, model.state, file, options);
  const ImportedModel read = import_onnx(file);
  EXPECT_EQ(ir::to_text(read.graph), ir::to_text(model.graph));
  EXPECT_EQ(read.state, model.state);
  EXPECT_EQ(read.producer.substr(0, 6), "lathe ");
}

TEST(RoundTrip, NetworksOfTheZooComeBackAsTheyWere) {
  for (const char* name : {"jsc-toy", "jsc-trt", "hls4ml-jet", "vgg7-tiny", "resnet18", "mobilenet-v2", "lenet",
                           "transformer-tiny", "transformer-tiny:lm"}) {
    SCOPED_TRACE(name);
    expect_round_trip(testing::zoo_model(name), {});
  }
}

TEST(RoundTrip, EveryOpComesBackAsItWas) {
  for (const Model& model : testing::op_models()) {
    SCOPED_TRACE(model.graph.name);
    expect_round_trip(model, {});
  }
}

TEST(RoundTrip, QuantisedNetworksComeBackFromQonnxWithTheirMasterWeights) {
  for (const char* name : {"jsc-toy", "vgg7-tiny", "lenet", "mobilenet-v2", "transformer-tiny"}) {
    SCOPED_TRACE(name);
    expect_round_trip(testing::quantised(testing::zoo_model(name), 12), {.form = ExportForm::kQonnx});
  }
}

TEST(RoundTrip, RealScalesAndZeroPointsComeBackFromQonnx) {
  for (const char* name : {"jsc-toy", "lenet", "transformer-tiny"}) {
    SCOPED_TRACE(name);
    expect_round_trip(testing::with_scales(testing::quantised(testing::zoo_model(name), 8)),
                      {.form = ExportForm::kQonnx});
  }
}

/// What files cannot say (gradient rules) or say in another way (a power of two) is in the graph's text.
TEST(RoundTrip, FormatsThatFilesSayInAnotherWayComeBack) {
  for (const char* format : {"integer(width=8, scale=0.25)", "integer(width=8, scale=0.3, zero_point=0)",
                             "integer(width=8, frac_width=3, gradient=within_range)"}) {
    Model model = testing::quantised(testing::zoo_model("jsc-toy"), 8);
    for (ir::Node& node : model.graph.nodes)
      if (node.op == "quantize") node.set("format", quant::parse_format(format));
    expect_round_trip(model, {.form = ExportForm::kQonnx});
  }
}

/// Weights of qdq are codes: the file computes what the network computes, from the values that the codes stand for.
TEST(RoundTrip, RealScalesAndZeroPointsComputeTheSameFromQdq) {
  for (const char* name : {"jsc-toy", "lenet"}) {
    SCOPED_TRACE(name);
    const Model model = testing::with_scales(testing::quantised(testing::zoo_model(name), 8));
    const TemporaryFolder folder;
    const auto file = folder.path() / "model.onnx";
    export_onnx(model.graph, model.state, file, {.form = ExportForm::kQdq});
    const ImportedModel read = import_onnx(file);
    const auto rows = testing::example_rows(model.graph, 3, 5);
    EXPECT_EQ(testing::predict({read.graph, read.state}, rows), testing::predict(model, rows));
  }
}

TEST(RoundTrip, ComputesTheSameWithoutOurNames) {
  for (const Model& model : testing::op_models()) {
    SCOPED_TRACE(model.graph.name);
    const TemporaryFolder folder;
    const auto file = folder.path() / "model.onnx";
    export_onnx(model.graph, model.state, file);
    testing::forget_our_names(file);
    const ImportedModel read = import_onnx(file);
    const auto rows = testing::example_rows(model.graph, 2, 5);
    EXPECT_LT(
        testing::largest_difference(testing::predict({read.graph, read.state}, rows), testing::predict(model, rows)),
        1e-6);
  }
}

TEST(RoundTrip, IntegersOfEightBitsComeBackFromQdq) {
  const Model model = testing::quantised(testing::zoo_model("lenet"), 8);
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.onnx";
  export_onnx(model.graph, model.state, file, {.form = ExportForm::kQdq});
  const ImportedModel read = import_onnx(file);
  const auto rows = testing::example_rows(model.graph, 2, 5);
  EXPECT_EQ(testing::predict({read.graph, read.state}, rows), testing::predict(model, rows));
}

std::string refusal(const Model& model, ExportForm form) {
  const TemporaryFolder folder;
  try {
    export_onnx(model.graph, model.state, folder.path() / "model.onnx", {.form = form});
  } catch (const UnsupportedError& error) {
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "model.onnx"));
    return error.what();
  }
  return "";
}

TEST(Export, OddZeroPointsOfQonnxAreAddedBeforeRounding) {
  const Model model = testing::with_scales(testing::quantised(testing::zoo_model("jsc-toy"), 8), true);
  EXPECT_NE(refusal(model, ExportForm::kQonnx).find("qonnx adds an odd zero point before rounding"), std::string::npos);
  EXPECT_EQ(refusal(model, ExportForm::kQdq), "");
}

TEST(Export, RefusesWhatAFormCannotHold) {
  const Model model = testing::quantised(testing::zoo_model("lenet"), 9);
  EXPECT_EQ(
      refusal(model, ExportForm::kFloat),
      "node conv1_data_in: has the number format integer(width=9, frac_width=4, signed=1): write it as qonnx or qdq");
  EXPECT_EQ(refusal(model, ExportForm::kQdq),
            "node conv1_data_in: qdq holds integers of at most 8 bits; the format is integer(width=9, frac_width=4, "
            "signed=1)");
}

/// 1 signed bit is -1 and 0 here, -1 and +1 in QONNX; integers of QDQ say which they are.
TEST(Export, RefusesOneSignedBitInQonnx) {
  for (const bool is_signed : {true, false}) {
    for (const std::string place : {"data_in", "weight", "bias"}) {
      ir::QuantizeSettings settings;
      ir::NodeQuantization formats;
      const std::vector<quant::GivenOption> wide = {{"width", 8}, {"frac_width", 4}, {"signed", 1}};
      const std::vector<quant::GivenOption> bit = {{"width", 1}, {"frac_width", 0}, {"signed", is_signed ? 1 : 0}};
      for (const ir::Operand operand : ir::kOperands) formats[operand] = place == ir::spelling(operand) ? bit : wide;
      settings.nodes.emplace_back("fc2", formats);
      const Model base = testing::zoo_model("hls4ml-jet");
      const Model model{ir::quantize(base.graph, settings), base.state};
      const std::string at = place == "data_in" ? "fc2_data_in" : "fc2";
      EXPECT_EQ(refusal(model, ExportForm::kQonnx),
                is_signed ? "node " + at +
                                ": the number format integer(width=1, frac_width=0, signed=1) holds -1 and 0, but "
                                "QONNX's Quant of 1 signed bit holds -1 and +1: lathe has no such format; use signed = "
                                "0, 2 bits, or qdq"
                          : "");
      EXPECT_EQ(refusal(model, ExportForm::kQdq), "");
    }
  }
}

TEST(Export, RefusesAdaptivePoolingThatDoesNotDivide) {
  ir::GraphBuilder builder("odd", {2, 7, 7});
  builder.add("adaptive_avg_pool2d", "pool", {{"output_size", Shape{3, 3}}});
  builder.add("flatten", "");
  const Model model{std::move(builder).finish(), {}};
  EXPECT_EQ(refusal(model, ExportForm::kFloat), "node pool: ONNX has no adaptive pooling from 7 to 3 positions");
}

}  // namespace
}  // namespace lathe::onnx
