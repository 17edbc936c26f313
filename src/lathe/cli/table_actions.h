#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lathe/cli/command.h"
#include "lathe/report/table.h"
#include "lathe/table/table.h"

/// What `lathe table` does, one function per action.
namespace lathe::cli {

/// Trains the table of a study file into --output.
ExitCode make_table(const Invocation& invocation);
/// Trains some candidates of a table anew and compares every bit.
ExitCode check_table(const Invocation& invocation);
/// Prints what a table holds and its front.
ExitCode show_table(const Invocation& invocation);
/// Prints the candidates that values fix: one in full, several as a table.
ExitCode query_table(const Invocation& invocation);

/// Returns the word NAME: which table is meant. Throws UserError without one.
std::string table_name(const Invocation& invocation);

/// Draws candidates, one row each: number, objectives with standard errors, widths, bits, choices.
std::string candidates_table(const table::Table& table, const std::vector<std::size_t>& candidates,
                             const std::vector<table::Objective>& objectives, const report::TableStyle& style);

/// Prints the choices of a candidate: `seq_blocks_2=2 seq_blocks_4=0.5`.
std::string choices_of(const table::Table& table, std::size_t candidate);
/// Prints `16-32-5` and `w4a8 w8a8` of a candidate.
std::string widths_of(const table::Table& table, std::size_t candidate);
std::string bits_of(const table::Table& table, std::size_t candidate);

/// Returns a candidate as JSON: choices, layers, costs, metrics of every seed.
nlohmann::ordered_json candidate_json(const table::Table& table, std::size_t candidate);

}  // namespace lathe::cli
