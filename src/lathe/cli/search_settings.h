#pragma once

#include <map>
#include <string>

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Tells what the trainings of a search use in place of general settings, for the effective table.
std::map<std::string, std::string> effective_in_search(const Invocation& invocation);

}  // namespace lathe::cli
