#pragma once

#include "lathe/cli/inputs.h"
#include "lathe/model/chain.h"

/// The network of commands that need no data.
namespace lathe::cli {

/// Returns what the data asks of a network.
model::ModelRequest model_request(const data::Dataset& dataset);

/// Returns what the data that the settings name asks, without reading it where its kind fixes that. Without a data set
/// what the named network was made for, the jet data (16, 5) for networks that the zoo does not have.
model::ModelRequest model_request(const config::Settings& settings);

/// Takes the network and its weights as `starting_point` does, without data to check against. The state is absent
/// without --load and --from.
StartingPoint network_without_data(const Invocation& invocation);

}  // namespace lathe::cli
