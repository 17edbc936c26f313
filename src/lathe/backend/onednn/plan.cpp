#include "lathe/backend/onednn/plan.h"

#include <algorithm>
#include <chrono>

#include "lathe/backend/onednn/memory_block.h"

namespace lathe::backend::onednn {

Tensor Plan::add_handle(const memory::desc& desc, BufferId buffer) {
  Tensor tensor{desc, memory(desc, processor(), DNNL_MEMORY_NONE), buffer};
  handles_.push_back({tensor.values, buffer});
  return tensor;
}

Tensor Plan::add_tensor(const memory::desc& desc) {
  buffers_.push_back({.bytes = MemoryBlock::round_up(desc.get_size())});
  return add_handle(desc, buffers_.size() - 1);
}

Tensor Plan::add_view(const Tensor& tensor, const memory::desc& desc) {
  if (tensor.buffer != kNoBuffer) return add_handle(desc, tensor.buffer);
  return {desc, memory(desc, processor(), tensor.values.get_data_handle()), kNoBuffer};
}

void Plan::find_lifetimes() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const BufferId id : steps_[i].buffers) {
      if (id == kNoBuffer) continue;
      Buffer& buffer = buffers_[id];
      if (!buffer.used) buffer.first = i;
      buffer.last = i;
      buffer.used = true;
    }
  }
}

// Finds the lowest gap between the placed buffers that live at the same time.
std::size_t Plan::free_offset(const Buffer& buffer, const std::vector<const Buffer*>& placed) const {
  std::size_t offset = 0;
  for (const Buffer* other : placed) {  // in the order of their offsets
    if (other->last < buffer.first || other->first > buffer.last) continue;
    if (other->offset >= offset + buffer.bytes) break;
    offset = std::max(offset, other->offset + other->bytes);
  }
  return offset;
}

// Large buffers first, as they are the hardest to place.
void Plan::place() {
  find_lifetimes();
  std::vector<Buffer*> order;
  for (Buffer& buffer : buffers_)
    if (buffer.used && buffer.bytes > 0) order.push_back(&buffer);
  std::stable_sort(order.begin(), order.end(), [](const Buffer* a, const Buffer* b) { return a->bytes > b->bytes; });
  std::vector<const Buffer*> placed;
  for (Buffer* buffer : order) {
    buffer->offset = free_offset(*buffer, placed);
    arena_bytes_ = std::max(arena_bytes_, buffer->offset + buffer->bytes);
    const auto behind = std::upper_bound(placed.begin(), placed.end(), buffer,
                                         [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; });
    placed.insert(behind, buffer);
  }
}

void Plan::bind(std::byte* arena) {
  for (Handle& handle : handles_) handle.values.set_data_handle(arena + buffers_[handle.buffer].offset);
  arena_ = arena;
}

void Plan::run(const Pass& pass) const {
  if (pass.seconds == nullptr) {
    for (const Step& step : steps_) step.run(pass);
    return;
  }
  using Clock = std::chrono::steady_clock;
  pass.seconds->resize(steps_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Clock::time_point begin = Clock::now();
    steps_[i].run(pass);
    (*pass.seconds)[i] += std::chrono::duration<double>(Clock::now() - begin).count();
  }
}

}  // namespace lathe::backend::onednn
