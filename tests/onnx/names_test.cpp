// Names in exported files: no two nodes and no two values share one, whatever the network's are.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lathe/onnx/document.h"
#include "lathe/onnx/export.h"
#include "lathe/onnx/import.h"
#include "onnx/models.h"
#include "onnx/op_graphs.h"
#include "program.h"

namespace lathe::onnx {
namespace {

using lathe::testing::TemporaryFolder;
using testing::Model;

constexpr ExportForm kForms[] = {ExportForm::kFloat, ExportForm::kQonnx, ExportForm::kQdq};

Document written(const Model& model, ExportForm form, const std::filesystem::path& file) {
  export_onnx(model.graph, model.state, file, {.form = form});
  return read_document(file);
}

std::vector<std::string> node_names(const Document& document) {
  std::vector<std::string> names;
  for (const OnnxNode& node : document.nodes) names.push_back(node.name);
  return names;
}

void expect_unique(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    EXPECT_NE(name, "");
    EXPECT_TRUE(seen.insert(name).second) << name;
  }
}

void expect_unique_names(const Document& document) {
  expect_unique(node_names(document));
  std::vector<std::string> values;
  for (const OnnxNode& node : document.nodes) values.insert(values.end(), node.outputs.begin(), node.outputs.end());
  for (const Tensor& tensor : document.initializers) values.push_back(tensor.name);
  for (const ValueInfo& info : document.inputs) values.push_back(info.name);
  expect_unique(values);
}

ir::Graph named(const std::string& nodes) {
  return ir::parse_text("graph \"named\"\nx = input(; shape=\"[4]\") -> [4]\n" + nodes);
}

Model with_state(ir::Graph graph) {
  engine::State state = testing::filled_state(graph, 5);
  return {std::move(graph), std::move(state)};
}

std::string linear(const std::string& name, const std::string& path, const std::string& input) {
  return name + (path.empty() ? "" : " @ " + path) + " = linear(" + input +
         "; in_features=4, out_features=4, bias=true) -> [4]\n";
}

std::string relu(const std::string& name, const std::string& path, const std::string& input) {
  return name + (path.empty() ? "" : " @ " + path) + " = relu(" + input + ") -> [4]\n";
}

/// A module that is called three times beside one that has the name of its second call.
Model called_again() {
  return with_state(named(relu("act", "act", "x") + linear("fc", "fc", "act") + relu("act_1", "act", "fc") +
                          relu("other", "act_1", "act_1") + linear("fc2", "fc2", "other") +
                          relu("act_3", "act", "fc2") + "output = output(act_3) -> [4]\n"));
}

TEST(Names, ModulesThatAreCalledAgainAreNamedAsPyTorchNamesThem) {
  const TemporaryFolder folder;
  const Document document = written(called_again(), ExportForm::kFloat, folder.path() / "m.onnx");
  EXPECT_EQ(node_names(document), (std::vector<std::string>{"/act/Relu", "/fc/Gemm", "/act_2/Relu", "/act_1/Relu",
                                                            "/fc2/Gemm", "/act_3/Relu"}));
}

TEST(Names, ModulesThatAreCalledAgainComeBackAsTheyWere) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.onnx";
  const Model model = with_state(named(relu("act", "act", "x") + linear("fc", "fc", "act") +
                                       relu("act_1", "act", "fc") + "output = output(act_1) -> [4]\n"));
  for (const ExportForm form : kForms) {
    export_onnx(model.graph, model.state, file, {.form = form});
    EXPECT_EQ(ir::to_text(import_onnx(file).graph), ir::to_text(model.graph));
    testing::forget_our_names(file);  // the module paths are in the nodes' names too
    EXPECT_EQ(ir::to_text(import_onnx(file).graph), ir::to_text(model.graph));
  }
}

TEST(Names, NodesCannotCollideWithWhatIsWrittenBesideThem) {
  const std::string silu = "fc.weight = silu(fc) -> [4]\n";  // called as the tensor is
  const Model model =
      with_state(named(linear("fc", "fc", "x") + silu + linear("linear", "", "fc.weight") + relu("a.b", "", "linear") +
                       relu("a_b", "a.b", "a.b") + "output = output(a_b) -> [4]\n"));
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.onnx";
  for (const ExportForm form : kForms) {
    expect_unique_names(written(model, form, file));
    const ImportedModel read = import_onnx(file);
    EXPECT_EQ(ir::to_text(read.graph), ir::to_text(model.graph));
    EXPECT_EQ(read.state, model.state);
  }
}

TEST(Names, AreUniqueInEveryFormOfEveryOp) {
  const TemporaryFolder folder;
  std::vector<Model> models = testing::op_models();
  models.push_back(called_again());
  for (const Model& model : models) {
    SCOPED_TRACE(model.graph.name);
    expect_unique_names(written(model, ExportForm::kFloat, folder.path() / "m.onnx"));
    for (const ExportForm form : {ExportForm::kQonnx, ExportForm::kQdq})
      expect_unique_names(written(testing::quantised(model, 7), form, folder.path() / "m.onnx"));
  }
}

/// Two nodes without module paths whose tensors would be called alike in a state dict.
TEST(Names, TensorsOfImportedNetworksAreUnique) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.onnx";
  const Model model = with_state(named(linear("a", "a", "x") + linear("b", "b", "a") + "output = output(b) -> [4]\n"));
  Document document = written(model, ExportForm::kFloat, file);
  document.metadata.clear();
  document.nodes[0].name = "";
  document.nodes[1].name = "/linear/Gemm";
  for (const std::size_t node : {0u, 1u})
    for (const std::size_t input : {1u, 2u}) document.nodes[node].inputs[input] += "!";  // no names of a state dict
  for (Tensor& tensor : document.initializers) tensor.name += "!";
  write_document(file, document);
  const ImportedModel read = import_onnx(file);
  std::vector<std::string> names;
  for (const engine::NamedTensor& tensor : read.state) names.push_back(tensor.name);
  expect_unique(names);
  EXPECT_EQ(names.front(), "linear.weight");
}

}  // namespace
}  // namespace lathe::onnx
