#pragma once

#include <map>
#include <span>
#include <string>

namespace lathe::trial {

/// Holds what several seeds of one candidate give.
struct RepeatSummary {
  std::map<std::string, double> means;
  /// s / sqrt(n) with the sample standard deviation s, for the metrics that the seeds may change; empty for one seed.
  std::map<std::string, double> standard_errors;
};

/// Summarises the metrics of each seed, by registered name; metrics that the network alone decides have no error.
RepeatSummary summarise_repeats(std::span<const std::map<std::string, double>> repeats);

}  // namespace lathe::trial
