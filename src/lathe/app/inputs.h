#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/app/request.h"
#include "lathe/data/dataset.h"
#include "lathe/engine/state.h"
#include "lathe/engine/train.h"
#include "lathe/ir/graph.h"

/// What commands read before they work: data, recipe, network and weights, from the general settings.
namespace lathe::app {

/// Says how rows are brought to what trained weights know: data::DatasetRequest::trained and keep_classes.
struct TrainedRows {
  std::shared_ptr<const data::Preprocessing> preprocessing = nullptr;
  bool keep_classes = true;
};

/// Loads the data set `name` as the settings say (folder, parts, seed), with a progress bar.
std::shared_ptr<const data::Dataset> read_data(const recipe::Settings& settings, const std::string& name,
                                               const TrainedRows& trained = {}, Progress* progress = nullptr);

/// Loads the data set that the settings name and logs its sizes and its notice.
std::shared_ptr<const data::Dataset> load_data(const recipe::Settings& settings, const TrainedRows& trained = {},
                                               Progress* progress = nullptr);

/// Prints a preprocessing for JSON output; null where it is unknown.
nlohmann::ordered_json preprocessing_json(const std::optional<data::Preprocessing>& preprocessing);

/// Holds the network that a command works on, and its weights where they were loaded.
struct StartingPoint {
  ir::Graph graph = {};
  std::optional<engine::State> state = std::nullopt;
  std::string weights_origin = "fresh";  ///< "fresh" or the path that was loaded
  /// What was done to the rows that loaded weights were trained on; absent: unknown.
  std::optional<data::Preprocessing> preprocessing = std::nullopt;
  std::string data_hash = {};  ///< fingerprint of the rows that loaded weights were trained on; empty: unknown
};

/// Takes the network from `--load` where that is a lathe checkpoint or an ONNX file, else from the model of the
/// settings, with the weights of `--load` where it is given, else with those that an ONNX file of that name brings.
/// Warns when the checkpoint's network is not the named one (the checkpoint's is used), and once of an activation on
/// the logits. Throws UserError without any network.
StartingPoint starting_point(const Request& request, const data::Dataset& dataset);

}  // namespace lathe::app
