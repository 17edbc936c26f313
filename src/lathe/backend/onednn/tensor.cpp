#include "lathe/backend/onednn/tensor.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace lathe::backend::onednn {
namespace {

memory::dims row_major_strides(const memory::dims& dims) {
  memory::dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

}  // namespace

const dnnl::engine& processor() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::dims batch_dims(std::size_t rows, const Shape& shape) {
  memory::dims dims = {static_cast<memory::dim>(rows)};
  dims.insert(dims.end(), shape.begin(), shape.end());
  return dims;
}

memory::desc plain_desc(const memory::dims& dims, memory::data_type type) {
  return {dims, type, row_major_strides(dims)};
}

memory::desc any_desc(const memory::dims& dims, memory::data_type type) {
  return {dims, type, memory::format_tag::any};
}

memory::desc with_type(const memory::desc& desc, memory::data_type type) {
  memory::desc changed = desc;
  changed.data.data_type = dnnl::memory::convert_to_c(type);
  return changed;
}

bool is_plain(const memory::desc& desc) {
  const auto& data = desc.data;
  if (data.format_kind != dnnl_blocked || data.format_desc.blocking.inner_nblks != 0 || is_padded(desc)) return false;
  if (data.data_type != dnnl_f32) return false;
  memory::dim expected = 1;
  for (int i = data.ndims; i-- > 0;) {
    if (data.dims[i] != 1 && data.format_desc.blocking.strides[i] != expected) return false;
    expected *= data.dims[i];
  }
  return true;
}

bool is_padded(const memory::desc& desc) {
  return !std::equal(desc.data.dims, desc.data.dims + desc.data.ndims, desc.data.padded_dims);
}

std::size_t value_count(const memory::desc& desc) {
  const memory::dim count =
      std::accumulate(desc.data.dims, desc.data.dims + desc.data.ndims, memory::dim{1}, std::multiplies<>());
  return static_cast<std::size_t>(count);
}

}  // namespace lathe::backend::onednn
