#pragma once

#include <algorithm>
#include <cstdint>

namespace lathe::backend::libtorch {

/// Keeps the factor that float16 gradients are computed with, so that small ones do not vanish (Micikevicius et al.
/// 2018, arXiv:1710.03740, section 3.2): halved after a step whose gradients are not finite, which is then left out,
/// and doubled after 2000 good ones in a row. Factors are powers of two: they change no bits of what does not overflow.
class LossScaler {
 public:
  /// `active`: false keeps the factor at 1 (float32 and bfloat16 have the range).
  explicit LossScaler(bool active) : active_(active), scale_(active ? kStart : 1) {}

  bool active() const { return active_; }
  double scale() const { return scale_; }
  std::int64_t good_steps() const { return good_steps_; }
  void restore(double scale, std::int64_t good_steps) {
    scale_ = scale;
    good_steps_ = good_steps;
  }
  /// Notes whether the gradients of a step were finite.
  void note(bool finite) {
    good_steps_ = finite ? good_steps_ + 1 : 0;
    if (!finite) scale_ = std::max(scale_ / 2, kLeast);
    if (good_steps_ < kPatience) return;
    good_steps_ = 0;
    scale_ = std::min(scale_ * 2, kMost);
  }

 private:
  static constexpr double kStart = 65536, kLeast = 1.0 / 65536, kMost = 16777216;
  static constexpr std::int64_t kPatience = 2000;
  bool active_;
  double scale_;
  std::int64_t good_steps_ = 0;
};

}  // namespace lathe::backend::libtorch
