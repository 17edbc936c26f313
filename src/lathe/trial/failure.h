#pragma once

#include <string>
#include <string_view>

#include "lathe/base/error.h"
#include "lathe/trial/evaluation.h"

/// Says why trials fail, and whether that is a property of the candidate.
namespace lathe::trial {

/// Lists why a trial failed. Stored by name (`lathe:failure`): do not change.
enum class Failure {
  kNone,        ///< it did not fail, or nobody knows why
  kDiverged,    ///< loss, metric or objective is not finite
  kMemory,      ///< needs more memory than it may have, or than there was
  kImpossible,  ///< the choices make no network, or one that the back end refuses
  kTimeout,     ///< trial_timeout struck
  kMachine,     ///< a file, a device, the network
  kWorkers,     ///< its workers died
  kRequest,     ///< was enqueued with values that are not of the study
};

/// Prints `diverged`, `memory`, ...; empty for kNone.
std::string to_string(Failure failure);
/// Reads what to_string printed; kNone for other texts.
Failure failure_from_text(const std::string& text);

/// Tells whether another trial of the same candidate would fail, too: samplers learn from such a trial. Worker deaths,
/// full disks and time limits say nothing of the candidate.
bool is_of_candidate(Failure failure);

/// Says why an evaluation did not come to its end; kNone for one that is complete, was pruned, ruled out or
/// interrupted.
Failure failure_of(const Evaluation& evaluation);
/// Says why a candidate could not be made or evaluated.
Failure failure_of(const Error& error);
/// Finds out why a trial failed that was stored before reasons had types. `evaluable`: whether its candidate could be
/// made.
Failure failure_of_reason(std::string_view stored, bool evaluable);

}  // namespace lathe::trial
