#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/backend/onednn/tensor.h"

namespace lathe::backend::onednn {

/// Says what the pass at hand is, to the steps of a plan.
struct Pass {
  const dnnl::stream* stream = nullptr;
  bool fresh = true;  ///< gradients of parameters are to be written, not added to
  std::uint64_t dropout_seed = 0;
  std::function<void(float* input)> read_input = {};  ///< fills [rows, width]
  /// Reads the outputs [rows, width]; in training it writes the gradients of the loss, too (else null).
  std::function<void(const float* outputs, float* gradients)> use_outputs = {};
  bool* finite = nullptr;                  ///< set to false where statistics are not finite
  std::vector<double>* seconds = nullptr;  ///< where the steps' times are added up; null: not measured
};

/// One thing to do: a primitive, or an own loop.
struct Step {
  std::string node;  ///< for which node
  std::string kind;  ///< `convolution jit:avx2`, `reorder`
  std::vector<BufferId> buffers;
  std::function<void(const Pass&)> run;
};

/// Holds the steps of a forward pass (and a backward pass) over a fixed number of rows, and where in the arena their
/// tensors lie. A buffer's place is taken from the first step that names it to the last.
class Plan {
 public:
  /// Adds a tensor with memory of its own.
  Tensor add_tensor(const memory::desc& desc);
  /// Adds another view of a tensor's memory.
  Tensor add_view(const Tensor& tensor, const memory::desc& desc);
  void add_step(Step step) { steps_.push_back(std::move(step)); }

  /// Gives every buffer its place, once all steps are there.
  void place();
  /// Returns the bytes of the arena that the plan needs.
  std::size_t arena_bytes() const { return arena_bytes_; }
  /// Points all tensors into an arena of at least arena_bytes().
  void bind(std::byte* arena);
  bool bound_to(const std::byte* arena) const { return arena_ == arena && arena != nullptr; }

  void run(const Pass& pass) const;
  const std::vector<Step>& steps() const { return steps_; }

 private:
  struct Buffer {
    std::size_t bytes = 0;
    std::size_t first = 0, last = 0;  // steps
    std::size_t offset = 0;
    bool used = false;
  };
  struct Handle {
    memory values;
    BufferId buffer;
  };

  Tensor add_handle(const memory::desc& desc, BufferId buffer);
  void find_lifetimes();
  std::size_t free_offset(const Buffer& buffer, const std::vector<const Buffer*>& placed) const;

  std::vector<Step> steps_;
  std::vector<Buffer> buffers_;
  std::vector<Handle> handles_;
  std::size_t arena_bytes_ = 0;
  const std::byte* arena_ = nullptr;
};

}  // namespace lathe::backend::onednn
