#pragma once

#include <string>
#include <vector>

namespace lathe::cli {

/// Runs the program with the arguments after its name and returns its exit code. Prints results on standard output and
/// every error as one text on standard error; no exception leaves it.
int run_program(const std::vector<std::string>& arguments) noexcept;

}  // namespace lathe::cli
