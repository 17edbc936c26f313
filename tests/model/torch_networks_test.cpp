#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "lathe/ir/report.h"
#include "lathe/model/zoo.h"
#include "peers.h"
#include "program.h"

namespace lathe::model {
namespace {

/// Holds a node as torch.fx sees it; the path is empty for functions and methods.
struct TorchNode {
  std::string name, path;
};

struct TorchTensor {
  std::string name;
  Shape shape;
};

/// Holds what tests/model/torch_networks.py says of a network.
struct TorchNetwork {
  std::string name;  ///< `NAME:lm`: for language modelling
  Shape output;
  std::vector<TorchNode> nodes;
  std::vector<TorchTensor> tensors;
  std::int64_t parameters = 0;
};

Shape read_shape(std::istream& words) {
  Shape shape;
  for (std::int64_t extent = 0; words >> extent;) shape.push_back(extent);
  return shape;
}

std::vector<TorchNetwork> read_networks(std::istream& text) {
  std::vector<TorchNetwork> networks;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string kind, name, path;
    words >> kind;
    if (kind == "network") networks.emplace_back();
    TorchNetwork& network = networks.back();
    if (kind == "network") words >> network.name;
    if (kind == "output") network.output = read_shape(words);
    if (kind == "parameters") words >> network.parameters;
    if (kind == "node" && words >> name) {
      words >> path;
      network.nodes.push_back({name, path});
    }
    if (kind == "tensor" && words >> name) network.tensors.push_back({name, read_shape(words)});
  }
  return networks;
}

/// Makes our network for the same rows.
ir::Graph ours(const std::string& name) {
  const std::string model = name.substr(0, name.find(':'));
  ModelRequest request = find_model(model)->usual;
  if (name.ends_with(":lm")) {
    request.positions = request.input_shape.front();
    request.classes = request.vocabulary;
  }
  return make_model(model, request);
}

std::vector<TorchTensor> state_dict(const ir::Graph& graph) {
  std::vector<TorchTensor> tensors;
  for (const ir::Node& node : graph.nodes)
    for (const ir::Parameter& parameter : node.parameters)
      tensors.push_back({node.module_path + "." + parameter.name, parameter.shape});
  return tensors;
}

void expect_equal(const TorchNetwork& theirs, const ir::Graph& graph) {
  EXPECT_EQ(graph.output().output_shape, theirs.output);
  EXPECT_EQ(ir::trainable_parameters(graph), theirs.parameters);
  ASSERT_EQ(graph.nodes.size(), theirs.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    EXPECT_EQ(graph.nodes[i].name, theirs.nodes[i].name);
    const bool is_module = !graph.nodes[i].module_path.empty();
    EXPECT_EQ(graph.nodes[i].module_path, is_module ? theirs.nodes[i].path : "");
  }
  const std::vector<TorchTensor> tensors = state_dict(graph);
  ASSERT_EQ(tensors.size(), theirs.tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(tensors[i].name, theirs.tensors[i].name);
    EXPECT_EQ(tensors[i].shape, theirs.tensors[i].shape) << tensors[i].name;
  }
}

TEST(TorchNetworks, NodesAndStateDictsAreThoseOfTorch) {
  if (std::system("/usr/bin/python3 -c 'import torch.fx' > /dev/null 2>&1") != 0)
    LATHE_PEER_IS_ABSENT("python3-torch is not installed");
  const testing::TemporaryFolder folder;
  const std::string script = std::string("/usr/bin/python3 ") + LATHE_SOURCE_DIR + "/tests/model/torch_networks.py ";
  const testing::ProgramResult described =
      testing::run_program(script + "describe $(" + script + "list)", folder.path());
  ASSERT_EQ(described.exit_code, 0) << described.errors;
  std::istringstream text(described.output);
  const std::vector<TorchNetwork> networks = read_networks(text);
  std::size_t of_the_zoo = 0;
  for (const TorchNetwork& network : networks) {
    SCOPED_TRACE(network.name);
    of_the_zoo += network.name.find(':') == std::string::npos ? 1 : 0;
    expect_equal(network, ours(network.name));
  }
  EXPECT_EQ(of_the_zoo, zoo().size()) << "every network of the zoo belongs into torch_networks.py";
}

}  // namespace
}  // namespace lathe::model
