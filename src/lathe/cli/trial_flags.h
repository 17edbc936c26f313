#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Declares `--from best.json --trial K`, which stand for --load with the weights of that trial.
std::vector<Flag> trial_flags();

/// Returns the file with the weights of the trial that --from and --trial name; nullopt without either. Throws
/// UserError for one of the two without the other, DataError where the trial's weights are absent.
std::optional<std::string> weights_of_trial(const Invocation& invocation);

}  // namespace lathe::cli
