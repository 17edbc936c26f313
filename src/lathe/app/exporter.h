#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/data/preprocessing.h"
#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"

/// What writes networks for other programs. To add one: docs/adding/exporter.md.
namespace lathe::app {

/// Declares an option of an exporter: the flag `--NAME` of `lathe export`. Exporters that share an option declare it
/// alike.
struct ExporterOption {
  std::string name;         ///< `with-preprocessing`
  std::string value_name;   ///< `N`; empty: a switch
  std::string help;         ///< begins in lower case, no full stop
  bool by_default = false;  ///< a switch that says what this exporter does anyway
};

/// Holds options that were given, by name; of switches the text is empty.
using ExporterOptions = std::map<std::string, std::string, std::less<>>;

/// Holds a trained network on its way into a file.
struct OutgoingNetwork {
  const ir::Graph& graph;
  const engine::State& state;      ///< the graph's
  const std::string& weights;      ///< where they come from, for messages
  const ExporterOptions& options;  ///< those that were given; the exporter has declared each
  /// What was done to the rows that the network was trained on; absent: unknown.
  const std::optional<data::Preprocessing>& preprocessing;
};

/// Holds a network as it came back from a file.
struct ReadNetwork {
  ir::Graph graph;
  engine::State state;
  std::optional<data::Preprocessing> preprocessing = {};
};

/// Declares a format that networks are written in.
struct Exporter {
  std::string name;  ///< what --format takes: `qonnx`
  std::vector<std::string> aliases = {};
  std::string suffix;                        ///< of its files, with the dot: `.onnx`
  std::string help;                          ///< what is special of it, a few words for --format
  std::vector<ExporterOption> options = {};  ///< in the order in which they are shown
  /// Throws UnsupportedError naming the node for a network that the format cannot hold. Is called before `write`.
  std::function<void(const ir::Graph& graph)> check;
  /// Writes a network in evaluation mode, atomically. True: what was written takes raw rows, and gives targets in their
  /// units; false: rows as the network was trained on. Throws UserError for options that make no sense (before anything
  /// is written), UnsupportedError, SystemError. Equal networks and options give equal bytes.
  std::function<bool(const OutgoingNetwork& network, const std::filesystem::path& path)> write;
  /// Says where a file that does not take raw rows keeps the numbers of their scaling; empty: nowhere.
  std::string scaling_place = {};
  /// Reads such a file again; empty: lathe cannot, and --check is refused.
  std::function<ReadNetwork(const std::filesystem::path& path)> read = {};
};

/// Lists the formats, the default first.
const Registry<Exporter>& exporters();

}  // namespace lathe::app
