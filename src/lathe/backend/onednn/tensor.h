#pragma once

#include <cstddef>
#include <limits>
#include <oneapi/dnnl/dnnl.hpp>

#include "lathe/base/shape.h"

/// What the plan's steps work on. Layouts are oneDNN's memory descriptors; a tensor's first dimension is the batch.
namespace lathe::backend::onednn {

using dnnl::memory;

/// Returns the processor as oneDNN knows it.
const dnnl::engine& processor();

/// A place in the plan's arena; kNoBuffer: memory that the plan does not own (parameters).
using BufferId = std::size_t;
inline constexpr BufferId kNoBuffer = std::numeric_limits<std::size_t>::max();

/// Holds a layout and the memory that has it. A handle: copies share the memory.
struct Tensor {
  memory::desc desc;
  dnnl::memory values;
  BufferId buffer = kNoBuffer;

  float* floats() const { return static_cast<float*>(values.get_data_handle()); }
  /// Returns how many floats are stored, padding included.
  std::size_t stored() const { return desc.get_size() / sizeof(float); }
};

/// Returns the shape of `rows` samples.
memory::dims batch_dims(std::size_t rows, const Shape& shape);
/// Describes a dense row-major tensor.
memory::desc plain_desc(const memory::dims& dims, memory::data_type type = memory::data_type::f32);
/// Describes a tensor whose layout the primitive chooses.
memory::desc any_desc(const memory::dims& dims, memory::data_type type);
/// Describes the same values in the same layout as `type`.
memory::desc with_type(const memory::desc& desc, memory::data_type type);
/// Tells whether a layout is dense, row-major and float32; dimensions of one do not matter.
bool is_plain(const memory::desc& desc);
/// Tells whether a layout stores more values than the tensor has.
bool is_padded(const memory::desc& desc);
/// Returns the number of values, padding left out.
std::size_t value_count(const memory::desc& desc);

}  // namespace lathe::backend::onednn
