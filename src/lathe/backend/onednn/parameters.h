#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "lathe/backend/onednn/memory_block.h"
#include "lathe/backend/onednn/tensor.h"
#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"
#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

namespace lathe::backend::onednn {

/// Holds one parameter or buffer of a node. Its layout is that of the primitive that reads it most; padding stays 0.
struct Parameter {
  const ir::Parameter* declaration = nullptr;
  Tensor effective;              ///< what the passes read: the values, or their quantised copy
  std::optional<Tensor> values;  ///< what the optimiser changes, where that is not the same
  std::optional<Tensor> gradient;
  std::optional<quant::IntegerScale> quantizer;    ///< fixed point
  std::shared_ptr<const quant::Quantizer> format;  ///< any other number format; null: none
  bool placed = false;                             ///< its layout is fixed
  std::size_t offset = 0;                          ///< in floats, in each block of the trainable ones or of the buffers
  std::size_t quantised_offset = 0;
  std::int64_t counter = 0;  ///< integral buffers: the value

  bool trainable() const { return declaration->trainable; }
  bool quantised() const { return quantizer || format != nullptr; }
  bool changes_gradient() const { return format != nullptr && format->changes_gradients(); }
  float* master() const { return (values ? *values : effective).floats(); }
  std::size_t stored() const { return effective.stored(); }
};

/// Holds all tensors of a session's network. Plans are made first and fix the layouts (`place`); `allocate` then gives
/// memory to all.
class Parameters {
 public:
  Parameters(const ir::Graph& graph, bool training);

  /// Finds a parameter of a node; null when it has none of that name.
  Parameter* find(std::size_t node, std::string_view name);
  /// Finds a parameter of a node; throws InternalError when it has none of that name.
  Parameter& at(std::size_t node, std::string_view name);
  /// Fixes the layout of a parameter unless that was done before.
  static void place(Parameter& parameter, const memory::desc& desc);
  /// Fixes the layouts of all others: row-major.
  void place_rest();

  /// Returns the bytes that `allocate` takes. All layouts must be fixed.
  std::int64_t bytes() const;
  void allocate();
  /// Returns the bytes that were allocated.
  std::int64_t allocated_bytes() const;

  /// Renews the quantised copies.
  void quantize();
  /// Turns the accumulated gradients of quantised copies into those of the values.
  void pass_gradients();
  /// The same for gradients in a state.
  void pass_gradients(engine::State& gradients) const;
  /// Copies a state in, and out (values, or a block of the optimiser's with the same offsets).
  void load(const engine::State& state);
  void read_values(engine::State& state) const;

  std::vector<Parameter>& all() { return parameters_; }
  const std::vector<Parameter>& all() const { return parameters_; }
  float* gradients() const { return gradients_.floats(); }
  float* moments1() const { return moments1_.floats(); }
  float* moments2() const { return moments2_.floats(); }
  std::size_t trainable_floats() const { return sizes().trainable; }

  /// Copies between memory in a parameter's layout and row-major values.
  static void to_plain(const Parameter& parameter, const float* stored, std::vector<float>& values);
  static void from_plain(const Parameter& parameter, const std::vector<float>& values, float* stored);

 private:
  struct Sizes {
    std::size_t trainable = 0, buffers = 0, quantised = 0;  // floats
  };
  Sizes sizes() const;

  void quantize_any(const Parameter& parameter);
  /// Returns how many values the largest parameter has whose format needs them row-major.
  std::size_t largest_reordered() const;

  bool training_ = true;
  std::vector<float> plain_, plain_gradient_;  ///< row-major copies, largest_reordered() each
  std::vector<Parameter> parameters_;
  std::vector<std::size_t> first_of_node_;
  MemoryBlock values_, buffers_, quantised_, gradients_, moments1_, moments2_;
};

}  // namespace lathe::backend::onednn
