#include "lathe/backend/torch/step_graph.h"

#include <torch/version.h>

#include <cstdlib>
#include <string_view>

#include "lathe/backend/torch/cuda.h"
#include "lathe/base/check.h"

namespace lathe::backend::libtorch {

#if defined(LATHE_TORCH_CUDA) && TORCH_VERSION_MAJOR >= 2

struct StepGraph::Graphs {
  at::cuda::CUDAGraph forward, backward;
};

bool StepGraph::possible(const Place& place) {
  const char* wish = std::getenv("LATHE_TORCH_GRAPHS");
  return place.cuda() && (wish == nullptr || std::string_view(wish) != "0");
}

// The backward pass reads what the forward pass keeps: both take their memory from one pool and are replayed in turn.
void StepGraph::record(const std::function<void()>& forward, const std::function<void()>& backward) {
  graphs_ = std::make_unique<Graphs>();
  graphs_->forward.capture_begin();
  forward();
  graphs_->forward.capture_end();
  graphs_->backward.capture_begin(graphs_->forward.pool());
  backward();
  graphs_->backward.capture_end();
}

void StepGraph::replay_forward() { graphs_->forward.replay(); }
void StepGraph::replay_backward() { graphs_->backward.replay(); }

#else

struct StepGraph::Graphs {};

bool StepGraph::possible(const Place&) { return false; }

void StepGraph::record(const std::function<void()>&, const std::function<void()>&) {
  LATHE_CHECK(graphs_ != nullptr, "this libtorch records no CUDA graphs");
}
void StepGraph::replay_forward() { LATHE_CHECK(graphs_ != nullptr, "nothing was recorded"); }
void StepGraph::replay_backward() { LATHE_CHECK(graphs_ != nullptr, "nothing was recorded"); }

#endif

StepGraph::StepGraph() = default;
StepGraph::~StepGraph() = default;

}  // namespace lathe::backend::libtorch
