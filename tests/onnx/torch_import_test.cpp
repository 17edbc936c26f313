#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "lathe/base/error.h"
#include "lathe/onnx/import.h"
#include "onnx/models.h"
#include "peers.h"
#include "program.h"

namespace lathe::onnx {
namespace {

using testing::Model;

/// Holds a file that torch_exports.py wrote.
struct Export {
  std::string name, style;  ///< style `kept`: the state dict stays as it was; `folded`: batch norms are in convolutions
};

std::vector<Export> read_exports(const std::string& text) {
  std::vector<Export> exports;
  std::istringstream words(text);
  std::string name, rows, style;
  while (words >> name >> rows >> style) exports.push_back({name, style});
  return exports;
}

/// Names of the state dict that must survive: those of the zoo's network, where the file is one of the zoo.
std::vector<std::string> state_names(const engine::State& state) {
  std::vector<std::string> names;
  for (const engine::NamedTensor& tensor : state) names.push_back(tensor.name);
  return names;
}

std::string zoo_name(std::string file) {
  const std::size_t lm = file.find("-lm");
  if (lm != std::string::npos) file.replace(lm, 3, ":lm");
  return file;
}

bool is_small(const std::string& name) {
  for (const char* small : {"activations", "decompositions", "pictures", "signals", "one-head"})
    if (name.starts_with(small)) return true;
  return false;
}

void expect_names_of_zoo(const Export& file, const ir::Graph& graph, const engine::State& state) {
  if (is_small(file.name) || file.style != "kept") return;
  const Model ours = testing::zoo_model(zoo_name(file.name));
  EXPECT_EQ(state_names(state), state_names(ours.state));
  std::vector<std::string> names = graph.node_names(), wanted = ours.graph.node_names();
  std::erase_if(names, [](const std::string& name) { return name.find("view") == 0 || name.find("flatten") == 0; });
  std::erase_if(wanted, [](const std::string& name) { return name.find("view") == 0 || name.find("flatten") == 0; });
  EXPECT_EQ(names, wanted);
}

TEST(TorchImport, ComputesWhatTorchComputes) {
  if (!testing::python_has("torch.onnx")) LATHE_PEER_IS_ABSENT("python3-torch is not installed");
  const lathe::testing::TemporaryFolder folder;
  const lathe::testing::ProgramResult written = lathe::testing::run_program(
      "/usr/bin/python3 " + testing::script("torch_exports.py") + " " + folder.path().string(), folder.path());
  ASSERT_EQ(written.exit_code, 0) << written.errors;
  const std::vector<Export> exports = read_exports(written.output);
  ASSERT_GT(exports.size(), 50u);
  for (const Export& file : exports) {
    SCOPED_TRACE(file.name);
    try {
      const ImportedModel model = import_onnx(folder.path() / (file.name + ".onnx"));
      EXPECT_EQ(model.producer.substr(0, 7), "pytorch");
      const auto rows = testing::read_floats(folder.path() / (file.name + ".input"));
      const auto expected = testing::read_floats(folder.path() / (file.name + ".output"));
      EXPECT_LT(testing::largest_difference(testing::predict({model.graph, model.state}, rows), expected), 1e-5)
          << ir::to_text(model.graph);
      expect_names_of_zoo(file, model.graph, model.state);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(TorchImport, RefusesWhatIsTiedAndReadsWhatOnlyLooksTied) {
  if (!testing::python_has("torch.onnx")) LATHE_PEER_IS_ABSENT("python3-torch is not installed");
  const lathe::testing::TemporaryFolder folder;
  const lathe::testing::ProgramResult written = lathe::testing::run_program(
      "/usr/bin/python3 " + testing::script("torch_ties.py") + " " + folder.path().string(), folder.path());
  ASSERT_EQ(written.exit_code, 0) << written.errors;
  std::istringstream words(written.output);
  std::string name, kind, node;
  int files = 0;
  while (words >> name >> kind >> node) {
    std::string refusal;
    try {
      import_onnx(folder.path() / (name + ".onnx"));
    } catch (const UnsupportedError& error) {
      refusal = error.what();
    }
    EXPECT_EQ(refusal.find("tied parameters are not read") != std::string::npos, kind == "tied") << name << refusal;
    EXPECT_TRUE(kind == "own" || refusal.find("\"" + node) != std::string::npos) << name << ": " << refusal;
    ++files;
  }
  EXPECT_GT(files, 30);
}

}  // namespace
}  // namespace lathe::onnx
