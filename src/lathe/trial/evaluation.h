#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/engine/state.h"
#include "lathe/sampler/sampler.h"

/// What evaluating a candidate gives.
namespace lathe::trial {

/// Says where a candidate ran and what memory that took.
struct Usage {
  std::string backend, target;     ///< `onednn`, `AVX2`
  std::string accelerator;         ///< `cpu`, `gpu`; empty: not known
  std::int64_t planned_bytes = 0;  ///< what the back end planned for a session, and one copy of the weights
  /// Most memory that the whole process had while the candidate ran: the data and the trials beside it included. (Since
  /// the process began, where other trials ran before it had ended.)
  std::int64_t peak_bytes = 0;
};

/// Prints `onednn AVX2 on cpu`; empty where it is not known.
std::string to_string(const Usage& usage);

/// Holds the result of evaluating one candidate. Equal candidates share one.
struct Evaluation {
  bool complete = false;
  std::string reason;                     ///< why not, for the user
  bool pruned = false;                    ///< the pruner ended it: metrics are those of its last report
  bool ruled_out = false;                 ///< breaks a constraint on its network: never trained, analysis metrics only
  bool timed_out = false;                 ///< the clock struck: the study is no longer reproducible
  bool interrupted = false;               ///< the user stopped the study
  bool out_of_memory = false;             ///< the machine was too small
  std::map<std::string, double> metrics;  ///< by registered name: all analysis metrics, and those the study needs
  std::map<std::string, double> spreads;  ///< of measured metrics: interquartile range / median
  std::vector<double> constraints;        ///< violations in the order of StudySettings::constraints; see constraint.h
  std::vector<sampler::Report> reports;   ///< of the first seed, ascending by step
  /// How many of the reports came before the end of the training, so that the pruner's answer counted.
  std::size_t judged = 0;
  /// With several seeds: the metrics of each, and the standard error of each mean in `metrics` (those that vary).
  std::vector<std::map<std::string, double>> repeats;
  std::map<std::string, double> standard_errors;
  /// The weights that were evaluated. The loop drops those of trials that others beat (guarded by its mutex), so that a
  /// study of many trials does not fill the memory.
  mutable std::shared_ptr<const engine::State> state;
  /// Where a race follows: what the evaluated rows said, a text per seed (outcomes.h). The loop takes it away when the
  /// first of the trials that share this is stored (guarded by its mutex).
  mutable std::vector<std::string> outcomes;
  double wall_seconds = 0;
  Usage usage = {};
};

/// Is called during training with each intermediate result; true ends the training: the trial is pruned. The answer to
/// a report at the end of the training has no effect.
using ReportEnd = std::function<bool(const sampler::Report&)>;

/// Holds what the evaluated rows said after an epoch of the training (or after the part of one that ended it).
struct EpochResult {
  std::int64_t steps = 0;  ///< optimiser steps done
  double train_loss = 0;   ///< mean over the training rows of the epoch, while it ran
  double validation_loss = 0;
  std::optional<double> validation_accuracy = {};  ///< absent for regression
};

}  // namespace lathe::trial
