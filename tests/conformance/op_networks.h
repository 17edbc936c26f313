#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/ir/graph.h"

/// Small networks that between them hold every op of the registry, in the places and with the attributes that matter to
/// back ends. Every back end of backends.h is compared with the reference on all of them.
namespace lathe::conformance {

struct OpNetwork {
  std::string name;  ///< letters, digits, underscores
  std::function<ir::Graph()> make;
};

const std::vector<OpNetwork>& op_networks();

/// Makes rows that a network reads: normal values of its input's shape, or tokens where it begins with an embedding;
/// one uniform label a row, or one per position.
data::Samples samples_for(const ir::Graph& graph, std::int64_t rows, std::uint64_t seed);

}  // namespace lathe::conformance
