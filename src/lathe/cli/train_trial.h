#pragma once

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Does `lathe train --from STUDY --trial N`.
ExitCode train_trial(const Invocation& invocation);

}  // namespace lathe::cli
