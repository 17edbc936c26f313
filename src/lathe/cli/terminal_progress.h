#pragma once

#include "lathe/base/progress.h"

namespace lathe::cli {

/// Returns what shows work as progress bars on standard error, where that is a terminal. Lives as long as the program.
Progress& terminal_progress();

}  // namespace lathe::cli
