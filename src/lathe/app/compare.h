#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lathe/app/request.h"
#include "lathe/engine/train.h"
#include "lathe/report/compare_record.h"

/// Samplers on one search: what `lathe compare` does, for any program.
namespace lathe::app {

struct CompareOptions {
  std::vector<std::string> samplers = {};                 ///< their names, each once
  std::int64_t seeds = 10;                                ///< runs of each sampler
  std::optional<std::string> deduplicate = std::nullopt;  ///< `true` or `false`, for samplers that have the option
  const engine::StopToken* stop = nullptr;                ///< ends it with the seeds that every sampler completed
  /// Is called once everything was read and found to fit, before the first trial.
  std::function<void()> begun = {};
};

struct CompareResult {
  report::CompareRecord record;
  std::filesystem::path folder;  ///< of its files
};

/// Runs every sampler with the seeds 0, 1, ... on the search of a study file and writes what came of it into
/// PROJECT/comparison (comparison-2, ...). nullopt, and nothing written, where `stop` came before every sampler had
/// completed a seed. Throws UserError and DataError before anything runs, SystemError.
std::optional<CompareResult> compare_samplers(const Request& request, const CompareOptions& options);

}  // namespace lathe::app
