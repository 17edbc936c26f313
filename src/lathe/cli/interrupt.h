#pragma once

#include "lathe/engine/train.h"

namespace lathe::cli {

/// From now on Ctrl-C (and SIGTERM; SIGHUP unless it is ignored, as under nohup) asks the running work to end tidily; a
/// second one ends the program at once with exit code 130. May be called more than once.
void catch_interrupts();
/// Returns the token that such a signal stops. Lives as long as the program.
engine::StopToken& interrupt_token();

}  // namespace lathe::cli
