#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "lathe/backend/torch/place.h"
#include "lathe/data/dataset.h"

namespace lathe::backend::libtorch {

/// Holds rows on the device. Images are channels-last.
struct Batch {
  at::Tensor features;  ///< [rows, shape of a row] float32
  at::Tensor labels;    ///< classification: [rows * positions] int64
  at::Tensor targets;   ///< regression: [rows, outputs] float32

  std::int64_t rows() const { return features.size(0); }
};

/// Holds all rows of a data::Samples on the CUDA device.
struct ResidentRows {
  at::Tensor features;  ///< [rows, width] float32; images as [height, width, channels]
  at::Tensor labels;    ///< [rows, positions] int64
  at::Tensor targets;   ///< [rows, outputs] float32
};

/// Brings rows to the device for one session. On CUDA all rows of a data set are uploaded once and gathered there;
/// sessions of the process share what has the same content, and it is freed with the last of them. Samples of fewer
/// than two batches (rows that are made anew for every step come so), and data that would take more than half of the
/// memory that is free, stay in the machine's memory and are uploaded batch by batch. Results do not depend on it.
class RowSource {
 public:
  /// `shape` is that of the network's input, `batch_size` the largest batch.
  RowSource(const Place& place, Shape shape, std::int64_t batch_size)
      : place_(place), shape_(std::move(shape)), batch_size_(batch_size) {}

  /// Gathers rows in the order given.
  Batch gather(const data::Samples& samples, std::span<const std::uint32_t> rows);
  /// Returns rows [first, first + count).
  Batch range(const data::Samples& samples, std::int64_t first, std::int64_t count);

 private:
  const ResidentRows* resident(const data::Samples& samples);
  Batch from_host(const data::Samples& samples, std::span<const std::uint32_t> rows) const;
  Batch finished(at::Tensor features, at::Tensor labels, at::Tensor targets) const;
  bool is_image() const { return shape_.size() == 3; }

  const Place& place_;
  Shape shape_;
  std::int64_t batch_size_;
  /// What this session holds, by the rows' place in the machine's memory; null: they stay there.
  std::map<const void*, std::shared_ptr<const ResidentRows>> held_;
};

}  // namespace lathe::backend::libtorch
