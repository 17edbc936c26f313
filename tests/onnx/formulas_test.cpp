// Activations written as what their formulas do.
#include <gtest/gtest.h>

#include "lathe/base/error.h"
#include "lathe/ir/activation.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/export.h"
#include "lathe/onnx/formula_nodes.h"
#include "onnx/models.h"

namespace lathe::onnx {
namespace {

ir::Graph alone(const std::string& op, std::vector<ir::Attribute> attributes = {}) {
  ir::GraphBuilder builder("alone", {6});
  builder.add(op, "act", std::move(attributes));
  return std::move(builder).finish();
}

/// Writes the only layer of a network as its formula, whether or not ONNX has an operator.
Document formula_of(const ir::Graph& graph) {
  Document document;
  document.inputs.push_back(
      {.name = graph.input().name, .type = ElementType::kFloat, .shape = {-1, 6}, .symbols = {"batch", ""}});
  const engine::State state;
  GraphWriter writer(document, graph, state, ExportForm::kFloat);
  write_formula(writer, graph.nodes[1]);
  document.outputs.push_back(
      {.name = graph.output().name, .type = ElementType::kFloat, .shape = {-1, 6}, .symbols = {"batch", ""}});
  return document;
}

TEST(Formulas, ThoseWithoutAnOperatorAreReadAsWhatTheyWere) {
  int read = 0;
  for (const ir::Activation& activation : ir::activations()) {
    if (activation.text.onnx.name != nullptr) continue;
    Document document = formula_of(alone(activation.name));
    GraphReader reader(document, "alone.onnx");
    reader.read();
    EXPECT_EQ(reader.graph().nodes[reader.result()].op, activation.name);
    EXPECT_EQ(reader.graph().nodes[reader.result()].inputs, std::vector<std::size_t>{0}) << activation.name;
    ++read;
  }
  EXPECT_GT(read, 3);
}

TEST(Formulas, EveryOneCanBeWritten) {
  for (const ir::Activation& activation : ir::activations()) {
    const Document document = formula_of(alone(activation.name));
    ASSERT_FALSE(document.nodes.empty()) << activation.name;
    EXPECT_EQ(document.nodes.back().outputs, std::vector<std::string>{"output"}) << activation.name;
  }
}

TEST(Formulas, OtherAttributesAreRefusedByName) {
  const ir::Graph graph = alone("hardtanh", {{"min_val", -0.5}});
  try {
    formula_of(graph);
    FAIL();
  } catch (const UnsupportedError& error) {
    EXPECT_STREQ(error.what(),
                 "node act: ONNX has no hardtanh, and its formula is written with the default attributes only");
  }
}

}  // namespace
}  // namespace lathe::onnx
