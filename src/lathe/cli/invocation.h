#pragma once

#include <string>

#include "lathe/cli/command.h"
#include "lathe/cli/parse.h"

namespace lathe::cli {

/// Reads the study file and puts the command line into it; the settings are not read yet. Throws UserError for a study
/// file that is absent or malformed, for words too few or too many.
Invocation merge_line(const ParsedLine& line);

/// Reads the general settings, warning of keys without effect. Throws UserError for all that the frame can see to be
/// wrong: values, unknown keys, a missing model or data set.
void read_invocation(const Command& command, Invocation& invocation);

/// Draws the effective table: Name | Default | Config. File | Manual Override | Effective. The column of the file is
/// left out where there is none. `width` in columns, 0: as wide as needed.
std::string effective_table(const Invocation& invocation, int width, bool unicode,
                            const std::map<std::string, std::string>& effective = {});

}  // namespace lathe::cli
