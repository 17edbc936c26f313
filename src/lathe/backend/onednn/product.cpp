#include "lathe/backend/onednn/product.h"

#include "lathe/base/check.h"

namespace lathe::backend::onednn {
namespace {

constexpr auto kFloat = memory::data_type::f32;

memory::dims stored_dims(const Matrix& matrix) {
  return {static_cast<memory::dim>(matrix.rows), static_cast<memory::dim>(matrix.columns)};
}

std::size_t height(const Matrix& matrix) { return matrix.transposed ? matrix.columns : matrix.rows; }
std::size_t width(const Matrix& matrix) { return matrix.transposed ? matrix.rows : matrix.columns; }

void multiply(const Matrix& left, const Matrix& right, float keep, float* target) {
  onednn::multiply(left.transposed, right.transposed, height(left), width(right), width(left), 1, left.tensor.floats(),
                   left.columns, right.tensor.floats(), right.columns, keep, target, width(right));
}

// Describes a stored matrix as the product reads it.
memory::desc read_desc(const Matrix& matrix, memory::data_type type) {
  const memory::dims dims = {static_cast<memory::dim>(height(matrix)), static_cast<memory::dim>(width(matrix))};
  const auto step = static_cast<memory::dim>(matrix.columns);
  return {dims, type, matrix.transposed ? memory::dims{1, step} : memory::dims{step, 1}};
}

// Returns a copy in the plan's numbers.
Tensor converted(PlanBuilder& builder, const Matrix& matrix) {
  const memory::desc stored = plain_desc(stored_dims(matrix));
  const Tensor flat = matrix.tensor.desc == stored ? matrix.tensor : builder.add_view(matrix.tensor, stored);
  const Tensor copy = builder.in_layout(flat, with_type(stored, builder.type()));
  return {read_desc(matrix, builder.type()), copy.values, copy.buffer};
}

dnnl::matmul::primitive_desc product_desc(const PlanBuilder& builder, const Matrix& left, const Matrix& right) {
  const memory::dims dims = {static_cast<memory::dim>(height(left)), static_cast<memory::dim>(width(right))};
  return {{read_desc(left, builder.type()), read_desc(right, builder.type()), plain_desc(dims)},
          PlanBuilder::attributes(),
          processor()};
}

Arguments product_arguments(PlanBuilder& builder, const Matrix& left, const Matrix& right, const Tensor& target) {
  return {
      {DNNL_ARG_SRC, converted(builder, left)}, {DNNL_ARG_WEIGHTS, converted(builder, right)}, {DNNL_ARG_DST, target}};
}

}  // namespace

void multiply(bool turn_left, bool turn_right, std::size_t m, std::size_t n, std::size_t k, float factor,
              const float* left, std::size_t left_step, const float* right, std::size_t right_step, float keep,
              float* target, std::size_t target_step) {
  const auto length = [](std::size_t size) { return static_cast<dnnl_dim_t>(size); };
  const dnnl_status_t status =
      dnnl_sgemm(turn_left ? 'T' : 'N', turn_right ? 'T' : 'N', length(m), length(n), length(k), factor, left,
                 length(left_step), right, length(right_step), keep, target, length(target_step));
  LATHE_CHECK(status == dnnl_success, "sgemm of {} x {} x {}: status {}", m, n, k, static_cast<int>(status));
}

void add_product(PlanBuilder& builder, const std::string& kind, const Matrix& left, const Matrix& right,
                 const Tensor& target) {
  if (builder.type() == kFloat) {
    builder.step(kind + " sgemm", {left.tensor, right.tensor, target},
                 [=](const Pass&) { multiply(left, right, 0, target.floats()); });
    return;
  }
  builder.call<dnnl::matmul>(kind, product_desc(builder, left, right), product_arguments(builder, left, right, target));
}

void add_product_gradient(PlanBuilder& builder, const std::string& kind, const Matrix& left, const Matrix& right,
                          const Parameter& parameter) {
  const Tensor home = *parameter.gradient;
  if (builder.type() == kFloat) {
    builder.step(kind + " sgemm", {left.tensor, right.tensor},
                 [=](const Pass& pass) { multiply(left, right, pass.fresh ? 0.0f : 1.0f, home.floats()); });
    return;
  }
  const dnnl::matmul::primitive_desc desc = product_desc(builder, left, right);
  const Tensor a = converted(builder, left), b = converted(builder, right);
  builder.add_parameter_gradient(kind + " " + desc.impl_info_str(), parameter, home.desc, [&](const Tensor& target) {
    return builder.make_call<dnnl::matmul>(desc, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, target}});
  });
}

}  // namespace lathe::backend::onednn
