#pragma once

#include "lathe/backend/onednn/builder.h"

namespace lathe::backend::onednn {

/// One matrix of a product: row-major values, [rows, columns] as stored.
struct Matrix {
  Tensor tensor;
  std::size_t rows = 0, columns = 0;
  bool transposed = false;  ///< the product reads it turned
};

/// Multiplies row-major matrices: target[m, n] = factor * left[m, k] * right[k, n] + keep * target. `left` and `right`
/// are turned first where said; the steps are those of the memory's rows.
void multiply(bool turn_left, bool turn_right, std::size_t m, std::size_t n, std::size_t k, float factor,
              const float* left, std::size_t left_step, const float* right, std::size_t right_step, float keep,
              float* target, std::size_t target_step);

/// Adds a step that writes left * right into `target`, row-major float32; computed with the plan's numbers.
void add_product(PlanBuilder& builder, const std::string& kind, const Matrix& left, const Matrix& right,
                 const Tensor& target);
/// Adds a step that adds left * right to the gradient of a parameter with row-major layout.
void add_product_gradient(PlanBuilder& builder, const std::string& kind, const Matrix& left, const Matrix& right,
                          const Parameter& parameter);

}  // namespace lathe::backend::onednn
