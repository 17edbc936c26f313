#pragma once

#include "lathe/cli/inputs.h"
#include "lathe/model/chain.h"

/// The network of commands that need no data.
namespace lathe::cli {

/// Returns width and classes of the data that the settings name, without reading it where its kind fixes them; those of
/// the jet data (16, 5) without a data set.
model::ModelRequest model_request(const config::Settings& settings);

/// Takes the network and its weights as `starting_point` does, without data to check against. The state is absent
/// without --load and --from.
StartingPoint network_without_data(const Invocation& invocation);

}  // namespace lathe::cli
