#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace lathe::backend::dense {

/// Owns zero-initialised values at a cache-line boundary. Never shrinks or grows by itself.
template <typename T>
class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size)
      : size_(size), values_(static_cast<T*>(::operator new (bytes(size), std::align_val_t{kAlignment}))) {
    clear();
  }

  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }
  std::size_t size() const { return size_; }
  void clear() { std::fill_n(data(), size_, T{}); }
  /// Returns what a buffer of `size` values allocates.
  static std::size_t bytes(std::size_t size) { return (size * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment; }

 private:
  struct Free {
    void operator()(T* values) const { ::operator delete (values, std::align_val_t{kAlignment}); }
  };
  std::size_t size_ = 0;
  std::unique_ptr<T[], Free> values_;
};

}  // namespace lathe::backend::dense
