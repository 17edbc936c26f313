#pragma once

#include "lathe/trial/evaluate.h"

namespace lathe::trial {

/// Holds how fast one candidate is, by the clock.
struct Speed {
  double start_seconds = 0;       ///< to compile it and draw its weights
  double seconds_per_sample = 0;  ///< of training; 0 where the study does not train
  double seconds_per_row = 0;     ///< of evaluation
};

/// Trains a candidate for about so many seconds and evaluates it once, to see how fast it is. Leaves nothing behind.
Speed time_briefly(const Evaluator& evaluator, const Prepared& prepared, double seconds);

}  // namespace lathe::trial
