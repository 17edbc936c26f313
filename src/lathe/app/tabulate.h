#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/app/request.h"
#include "lathe/engine/train.h"
#include "lathe/table/files.h"
#include "lathe/table/table.h"

/// Tables of trained spaces: what `lathe table` does, for any program. table/table.h reads one.
namespace lathe::app {

struct TableOptions {
  std::filesystem::path output = {};        ///< NAME of NAME.npz and NAME.json; must be given
  std::int64_t seeds = 3;                   ///< trainings of every candidate
  const engine::StopToken* stop = nullptr;  ///< ends it tidily; the same call goes on
  /// Is called once everything was read and found to fit, before the first training.
  std::function<void()> begun = {};
};

struct MadeTable {
  table::Contents contents;
  table::Files files;
  std::size_t diverged = 0;  ///< trainings
};

/// Trains every candidate of a study file's space with every seed into a table. What a stopped or killed call trained
/// is kept in NAME.part and is not trained again. nullopt where `stop` came. Throws UserError for a table that is there
/// already, DataError, SystemError.
std::optional<MadeTable> make_table(const Request& request, const TableOptions& options);

struct TableCheckOptions {
  std::string table;                        ///< NAME of NAME.npz and NAME.json
  std::int64_t candidates = 10;             ///< to train anew, spread over the table; 0: all
  const engine::StopToken* stop = nullptr;  ///< ends it
  std::function<void()> begun = {};         ///< as of TableOptions
};

struct TableCheck {
  std::size_t checked = 0, candidates = 0, seeds = 0;  ///< candidates trained anew, all of them, seeds of each
};

/// Trains some candidates of a table anew by its study file and compares every bit. nullopt where `stop` came. Throws
/// DataError where it is the table of another study, or a bit differs; UnsupportedError on another back end or SIMD
/// target, where bits may differ.
std::optional<TableCheck> check_table(const Request& request, const TableCheckOptions& options);

/// Returns the objectives that `by` names, metrics with commas between; those of the table's study without it. Throws
/// UserError for others than metrics and costs of the table.
std::vector<table::Objective> objectives_by(const table::Table& table, const std::optional<std::string>& by);

/// Sorts candidates by the mean of an objective, best first; those that diverged last.
void sort_by(const table::Table& table, const table::Objective& objective, std::vector<std::size_t>& candidates);

/// Lists the candidates with certain values of parameters, sorted by an objective.
/// `values` are `channel_multiplier`, `2`: names in full or as far as only one is meant. Throws UserError.
std::vector<std::size_t> find_candidates(const table::Table& table,
                                         const std::vector<std::pair<std::string, std::string>>& values,
                                         const table::Objective& objective);

}  // namespace lathe::app
