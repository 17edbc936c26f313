#pragma once

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Value of the setting `weights` that begins from the kept weights of a trial.
inline constexpr const char* kWeightsOfTrial = "trial";

/// Does `lathe train --from STUDY --trial N`.
ExitCode train_trial(const Invocation& invocation);

}  // namespace lathe::cli
