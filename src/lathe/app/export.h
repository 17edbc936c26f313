#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lathe/app/exporter.h"
#include "lathe/app/inputs.h"
#include "lathe/app/request.h"

/// Networks as files of other programs: what `lathe export` does, for any program.
namespace lathe::app {

struct ExportRequest {
  std::string format = {};          ///< an exporter's name; empty: the first of the list
  std::filesystem::path file = {};  ///< to write; empty: the network's name with the format's suffix, in this folder
  ExporterOptions options = {};     ///< of the exporter
  bool check = false;               ///< read the file again and compare
};

/// Holds what came of reading a file again.
struct ExportCheck {
  bool same_graph = false;
  double largest_difference = 0;  ///< between the outputs of the network and of the file, for random rows
};

struct ExportResult {
  StartingPoint network;
  std::string format;
  std::filesystem::path file;
  bool raw_rows = false;                            ///< the file takes rows as they are in the user's files
  std::optional<ExportCheck> check = std::nullopt;  ///< where it was wanted
};

/// Writes the network that a request names, with the weights that it loads (network_without_data). Throws UserError
/// before anything is written for weights that are missing, for an unknown format (the nearest is named) and for
/// options that the format does not have; else as the exporter does.
ExportResult export_network(const Request& request, const ExportRequest& wanted = {});

}  // namespace lathe::app
