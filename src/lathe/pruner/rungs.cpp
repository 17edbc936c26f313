#include "lathe/pruner/rungs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/pruner/options.h"

namespace lathe::pruner {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::int64_t times(std::int64_t a, std::int64_t b) { return a > kNever / b ? kNever : a * b; }

}  // namespace

std::vector<config::Field<HalvingOptions>> halving_fields() {
  using config::field;
  return {
      amount_field("min_resource", &HalvingOptions::min_resource,
                   "resource before the first decision; \"auto\": a hundredth of what complete trials used"),
      field("reduction_factor", &HalvingOptions::reduction_factor, "one in so many trials goes on from each rung",
            config::between(2, 1e6)),
      field("min_early_stopping_rate", &HalvingOptions::min_early_stopping_rate,
            "the first decision comes reduction_factor to this power later", config::between(0, 62)),
      field("bootstrap_count", &HalvingOptions::bootstrap_count,
            "trials that a rung must hold before any goes on from it", config::at_least(0)),
  };
}

std::optional<Rungs> Rungs::make(const HalvingOptions& options, std::span<const FinishedTrial* const> history) {
  Rungs rungs;
  rungs.factor_ = options.reduction_factor;
  if (options.min_resource) {
    rungs.first_ = *options.min_resource;
  } else {
    std::optional<std::int64_t> longest;
    for (const FinishedTrial* trial : history) {
      if (trial->state == TrialState::kComplete) longest = std::max(longest.value_or(0), trial->reports.back().step);
    }
    if (!longest) return std::nullopt;
    rungs.first_ = std::max<std::int64_t>(*longest / 100, 1);
  }
  for (std::int64_t i = 0; i < options.min_early_stopping_rate; ++i) rungs.first_ = times(rungs.first_, rungs.factor_);
  return rungs;
}

std::vector<const Report*> Rungs::entered(std::span<const Report> reports) const {
  std::vector<const Report*> rungs;
  std::int64_t next = first_;
  for (const Report& report : reports) {
    if (report.step < next || has_nan(report)) continue;
    for (; report.step >= next && next != kNever; next = times(next, factor_)) rungs.push_back(&report);
  }
  return rungs;
}

std::vector<const Report*> Rungs::entered(const FinishedTrial& trial) const {
  std::vector<const Report*> rungs = entered(std::span(trial.reports));
  if (trial.state != TrialState::kPruned || trial.reports.empty()) return rungs;
  const Report* const last = &trial.reports.back();
  const auto first = std::find(rungs.begin(), rungs.end(), last);
  if (first != rungs.end()) rungs.erase(first + 1, rungs.end());
  return rungs;
}

bool Rungs::due(std::size_t rungs, std::int64_t step) const {
  std::int64_t next = first_;
  for (std::size_t i = 0; i < rungs; ++i) next = times(next, factor_);
  return step >= next;
}

std::vector<const FinishedTrial*> reporting(std::span<const FinishedTrial> history) {
  std::vector<const FinishedTrial*> trials;
  for (const FinishedTrial& trial : history) {
    if (!trial.reports.empty()) trials.push_back(&trial);
  }
  return trials;
}

bool has_nan(const Report& report) {
  return std::any_of(report.values.begin(), report.values.end(), [](double value) { return std::isnan(value); });
}

}  // namespace lathe::pruner
