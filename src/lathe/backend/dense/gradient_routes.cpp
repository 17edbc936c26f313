#include "lathe/backend/dense/gradient_routes.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "lathe/base/check.h"

namespace lathe::backend::dense {
namespace {

/// Walks through the backward pass as it will run.
class Router {
 public:
  Router(Program& program, const StageReads& reads)
      : program_(program), reads_(reads), segment_of_(program.stages.size()), places_(program.stages.size() + 1) {
    for (std::size_t s = 0; s < program.segments.size(); ++s)
      for (std::size_t i = program.segments[s].first; i < program.segments[s].end; ++i) segment_of_[i] = s;
  }

  void route() {
    places_[reads_.result] = take_buffer();
    for (pass_ = program_.segments.size(); pass_-- > 0;) {
      if (pass_ + 1 < program_.segments.size()) route_batch_norm(program_.segments[pass_ + 1].first);
      for (std::size_t i = program_.segments[pass_].end; i-- > program_.segments[pass_].first;)
        if (program_.stages[i].takes_gradient) route_stage(i);
    }
    program_.gradient_buffers = buffers_.size();
  }

 private:
  bool takes_gradient(std::size_t value) const { return value > 0 && program_.stages[value - 1].takes_gradient; }

  Slot take_buffer() {
    const auto unused = std::find(buffers_.begin(), buffers_.end(), false);
    const auto index = static_cast<std::size_t>(unused - buffers_.begin());
    if (unused == buffers_.end()) buffers_.push_back(true);
    buffers_[index] = true;
    return {index * program_.gradient_stride(), false};
  }

  void release(const Slot& slot) {
    if (!slot.per_tile) buffers_[slot.offset / program_.gradient_stride()] = false;
  }

  Slot take_tile_memory(std::size_t width) {
    const Slot slot{program_.tile_floats, true};
    program_.tile_floats += width * kTile;
    return slot;
  }

  /// Tells whether a gradient that is begun now is still wanted when another segment runs.
  bool outlives_pass(std::size_t value) const { return segment_of_[value - 1] < pass_; }

  Slot take_place(std::size_t value) {
    return outlives_pass(value) ? take_tile_memory(program_.stages[value - 1].out_width) : take_buffer();
  }

  /// Lets a stage write the gradient of its only input: into its place, or beside it to be added.
  void write_input(Stage& stage, std::size_t value) {
    if (!places_[value]) {
      stage.input_gradient = *(places_[value] = take_place(value));
      return;
    }
    stage.input_gradient = take_buffer();
    program_.transfers.push_back({stage.in_width, stage.input_gradient, *places_[value], true});
    release(stage.input_gradient);
  }

  /// Hands the gradient in `from` on to a value. Returns whether the memory itself was handed over.
  bool hand_on(std::size_t value, const Slot& from, bool may_give) {
    const bool begins = !places_[value];
    if (begins && may_give && (from.per_tile || !outlives_pass(value))) {
      places_[value] = from;
      return true;
    }
    if (begins) places_[value] = take_place(value);
    program_.transfers.push_back({program_.stages[value - 1].out_width, from, *places_[value], !begins});
    return false;
  }

  /// Hands the gradient in `from` on to all inputs of a stage that want it; the last may get the memory.
  void hand_on_to_inputs(std::size_t index, const Slot& from) {
    std::vector<std::size_t> wanting;
    for (const std::size_t value : reads_.of_stage[index])
      if (takes_gradient(value)) wanting.push_back(value);
    bool given = false;
    for (std::size_t k = 0; k < wanting.size(); ++k) given = hand_on(wanting[k], from, k + 1 == wanting.size());
    if (!given) release(from);
  }

  void route_stage(std::size_t index) {
    Stage& stage = program_.stages[index];
    LATHE_CHECK(places_[index + 1].has_value(), "no gradient reaches stage {}", index);
    stage.output_gradient = *places_[index + 1];
    if (stage.kind == StageKind::kBatchNorm) return release(stage.output_gradient);
    stage.first_transfer = program_.transfers.size();
    if (stage.kind == StageKind::kLinear) {
      if (stage.passes_gradient) write_input(stage, reads_.of_stage[index].front());
      release(stage.output_gradient);
    } else {
      hand_on_to_inputs(index, stage.output_gradient);
    }
    stage.end_transfer = program_.transfers.size();
  }

  /// The second half of a batch norm's backward pass runs before the segment in front of it.
  void route_batch_norm(std::size_t index) {
    Stage& stage = program_.stages[index];
    if (!stage.passes_gradient) return;
    stage.first_transfer = program_.transfers.size();
    write_input(stage, reads_.of_stage[index].front());
    stage.end_transfer = program_.transfers.size();
  }

  Program& program_;
  const StageReads& reads_;
  std::vector<std::size_t> segment_of_;      ///< [stages]
  std::vector<std::optional<Slot>> places_;  ///< [values] of their gradients, where begun
  std::vector<bool> buffers_;                ///< which tile buffers are in use
  std::size_t pass_ = 0;                     ///< the segment whose backward pass is looked at
};

}  // namespace

void route_gradients(Program& program, const StageReads& reads) { Router(program, reads).route(); }

}  // namespace lathe::backend::dense
