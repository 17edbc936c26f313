#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lathe/app/inputs.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/model/chain.h"

/// The network of commands that need no data.
namespace lathe::app {

/// Returns what the data asks of a network.
model::ModelRequest model_request(const data::Dataset& dataset);

/// Returns what the data that the settings name asks, without reading it where its kind fixes that. Without a data set
/// what the named network was made for, the jet data (16, 5) for networks that the zoo does not have.
model::ModelRequest model_request(const recipe::Settings& settings, Progress* progress = nullptr);

/// Makes the network that the settings name: of the zoo, of a [model] table, or read from an ONNX file
/// (`model = "net.onnx"`, beside the study file where it is written there), which brings its weights along. Nullopt
/// where none is named or the weights of a trial bring one. `asked_by_data` is called for what depends on the data.
std::optional<StartingPoint> named_network(const Request& request,
                                           const std::function<model::ModelRequest()>& asked_by_data);

/// Loads a model file as checkpoint::load_model does, or an ONNX file, which brings its own network.
checkpoint::LoadedModel load_network(const std::filesystem::path& path, const std::optional<StartingPoint>& named);

/// Returns what was done to the rows that the weights to be loaded were trained on, by --load, a trial or an ONNX file
/// as MODEL: null where there are none, or where their file does not say.
std::shared_ptr<const data::Preprocessing> trained_preprocessing(const Request& request);

/// Takes the network and its weights as `starting_point` does, without data to check against. The state is absent
/// without weights to load.
StartingPoint network_without_data(const Request& request);

}  // namespace lathe::app
