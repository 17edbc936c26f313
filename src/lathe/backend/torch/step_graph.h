#pragma once

#include <functional>
#include <memory>

#include "lathe/backend/torch/place.h"

namespace lathe::backend::libtorch {

/// Records the forward and the backward pass of a step as two CUDA graphs and repeats them: two launches instead of
/// hundreds. Everything that the passes read must stand at the same addresses from step to step.
class StepGraph {
 public:
  StepGraph();
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  /// Tells whether steps can be recorded at this place: on CUDA with libtorch 2 or later, unless the environment has
  /// LATHE_TORCH_GRAPHS=0.
  static bool possible(const Place& place);
  /// Records what the two launch; nothing is computed. The caller's turn must be one alone.
  void record(const std::function<void()>& forward, const std::function<void()>& backward);
  void replay_forward();
  void replay_backward();

 private:
  struct Graphs;
  std::unique_ptr<Graphs> graphs_;
};

}  // namespace lathe::backend::libtorch
