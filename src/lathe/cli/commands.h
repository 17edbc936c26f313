#pragma once

#include <vector>

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Lists the commands in the order of `--help`.
const std::vector<Command>& commands();
/// Finds by name; null when there is none.
const Command* find_command(std::string_view name);

Command train_command();
Command test_command();
Command search_command();
Command compare_command();
Command study_command();
Command table_command();
Command transform_command();
Command import_command();
Command export_command();
Command info_command();
Command data_command();
Command completion_command();
Command man_command();
Command reference_command();

}  // namespace lathe::cli
