#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace lathe::backend::onednn {

/// Owns zeroed memory that begins at a cache line. Pages that nobody touches take no physical memory.
class MemoryBlock {
 public:
  static constexpr std::size_t kAlignment = 64;

  MemoryBlock() = default;
  explicit MemoryBlock(std::size_t size) : size_(round_up(size)), memory_(std::calloc(bytes(size), 1)) {
    if (memory_ == nullptr) throw std::bad_alloc();
    void* begin = memory_.get();
    std::size_t space = bytes(size);
    begin_ = static_cast<std::byte*>(std::align(kAlignment, size_, begin, space));
  }

  std::byte* data() const { return begin_; }
  float* floats() const { return reinterpret_cast<float*>(begin_); }
  std::size_t size() const { return size_; }
  std::size_t allocated() const { return memory_ == nullptr ? 0 : bytes(size_); }

  static std::size_t round_up(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }
  /// Returns what a block of `size` bytes allocates.
  static std::size_t bytes(std::size_t size) { return size == 0 ? kAlignment : round_up(size) + kAlignment; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::size_t size_ = 0;
  std::unique_ptr<void, Free> memory_;
  std::byte* begin_ = nullptr;
};

}  // namespace lathe::backend::onednn
