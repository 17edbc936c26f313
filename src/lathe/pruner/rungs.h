#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Holds the options of successive halving.
struct HalvingOptions {
  std::optional<std::int64_t> min_resource;  ///< nullopt: a hundredth of what complete trials used, at least 1
  std::int64_t reduction_factor = 4;
  std::int64_t min_early_stopping_rate = 0;
  std::int64_t bootstrap_count = 0;
};
/// Lists their fields.
std::vector<config::Field<HalvingOptions>> halving_fields();

/// Says at which steps a trial is judged: rung k at min_resource * reduction_factor^(min_early_stopping_rate + k).
/// Steps that do not fit 64 bits are never reached.
class Rungs {
 public:
  /// `history` serves an automatic min_resource; nullopt when it tells nothing yet.
  static std::optional<Rungs> make(const HalvingOptions& options, std::span<const FinishedTrial* const> history);

  /// Returns the reports that took a trial into its rungs: element k is the first one at or above the step of rung k.
  /// One report may take a trial into several rungs. A report with a NaN takes it nowhere.
  std::vector<const Report*> entered(std::span<const Report> reports) const;
  /// The same for an ended trial. A pruned one got no further than the first rung that its last report reached.
  std::vector<const Report*> entered(const FinishedTrial& trial) const;
  /// Tells whether a trial that entered `rungs` rungs is due for the next one at `step`.
  bool due(std::size_t rungs, std::int64_t step) const;

 private:
  std::int64_t first_ = 1, factor_ = 2;
};

/// Returns pointers to trials with reports.
std::vector<const FinishedTrial*> reporting(std::span<const FinishedTrial> history);

/// Tells whether any of the values is a NaN.
bool has_nan(const Report& report);

}  // namespace lathe::pruner
