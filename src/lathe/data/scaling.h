#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lathe::data {

/// Holds the scaling of each group of `pooled` neighbouring columns, in double precision. Without means nothing is
/// scaled.
struct Scaling {
  std::vector<double> mean, deviation;
  std::size_t pooled = 1;

  bool empty() const { return mean.empty(); }
  /// Returns how many columns a row has that is scaled by this.
  std::size_t width() const { return mean.size() * pooled; }
  bool operator==(const Scaling&) const = default;
};

/// Computes mean and population standard deviation of each column of `values`, [rows, width] row-major, or of each
/// group of `pooled` columns (the pixels of a channel); the deviation of a constant column is 1.
Scaling measure_scaling(std::span<const float> values, std::int64_t width, std::int64_t pooled = 1);

/// Replaces each value by (value - mean) / deviation of its group, computed in double precision. Does nothing where the
/// scaling is empty.
void apply_scaling(const Scaling& scaling, std::span<float> values);

/// Does the opposite: value * deviation + mean of its group, computed in double precision.
void undo_scaling(const Scaling& scaling, std::span<float> values);

}  // namespace lathe::data
