#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <vector>

#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

namespace lathe::backend::libtorch {

/// Quantises tensors on their device; gradients pass by the format's rule.
class NumberFormat {
 public:
  /// `shape` is that of a parameter or of one sample, whose constants are brought to the device.
  NumberFormat(const quant::Format& format, const Shape& shape, const at::Device& device);

  /// Returns the nearest representable values, float32; a batch may stand before the dimensions of the shape.
  at::Tensor apply(const at::Tensor& x) const;
  bool changes_gradients() const { return quantizer_->changes_gradients(); }

  /// Computes one of the format's formulas. Internal: called by the functions that libtorch differentiates.
  at::Tensor run(const quant::Formula& formula, const at::Tensor& x) const;
  const quant::Quantizer& quantizer() const { return *quantizer_; }

 private:
  at::Tensor block_maximum(const at::Tensor& x) const;

  std::optional<quant::IntegerScale> scale_;  ///< fixed point
  std::shared_ptr<const quant::Quantizer> quantizer_;
  std::int64_t rank_;                  ///< dimensions without the batch
  std::vector<at::Tensor> constants_;  ///< of channels, shaped to stand beside values
};

}  // namespace lathe::backend::libtorch
