#pragma once

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Returns a command that takes everything that a command can take, and does nothing.
inline Command sample_command() {
  return {.name = "shape",
          .summary = "Shape a network",
          .description = {},
          .examples = {{"lathe shape toy jets", "an example"}},
          .flags = {{{"--n-trials"}, "N", "number of trials", "search.strategy.setup.n_trials", "integer"},
                    {{"--show"}, "WHAT", "rows of the table", "", "string", {"best", "all"}},
                    {{"--trial"}, "K", "number of a trial"},
                    {{"--costs"}, "", "show costs"}},
          .takes_model = true,
          .takes_dataset = true,
          .run = [](const Invocation&) { return ExitCode::kSuccess; }};
}

}  // namespace lathe::cli
