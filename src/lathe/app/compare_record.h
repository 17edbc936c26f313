#pragma once

#include <string>
#include <vector>

#include "lathe/report/compare_record.h"
#include "lathe/study/compare/compare_run.h"

namespace lathe::app {

struct Search;

/// Holds a sampler of a comparison and its runs, one per seed from 0 on.
struct ComparedSampler {
  std::string name = {};
  std::string options = {};      ///< as TOML; empty: the defaults
  std::string explanation = {};  ///< of an adaptive sampler
  std::vector<study::ComparedRun> runs = {};
};

/// Computes the statistics of a comparison over the seeds that every sampler completed. `samplers` holds as many runs
/// each.
report::CompareRecord compare_record(const Search& search, const std::vector<ComparedSampler>& samplers);

}  // namespace lathe::app
