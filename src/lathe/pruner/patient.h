#pragma once

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Lets another pruner decide only when a trial's best of its last patience + 1 reports is worse than its best before
/// by more than min_delta (Optuna's PatientPruner); without another one, ends the trial then.
PrunerKind patient_kind();

}  // namespace lathe::pruner
