#pragma once

#include <string>

namespace lathe::model {

/// Prints docs/reference/networks.md: the zoo, `[model]` tables, and every layer with its attributes, from the tables
/// that the program works with.
std::string networks_reference();

}  // namespace lathe::model
