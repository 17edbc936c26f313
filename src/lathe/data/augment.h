#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/base/shape.h"

namespace lathe::data {

/// Says how training images [channels, height, width] are changed each time they are seen: shifted, then mirrored, then
/// covered. What comes in from outside is 0: in standardised images the mean of the channel.
struct Augmentation {
  /// Pixels around the image before a part of its own size is taken out at random (He et al. 2016, section 4.2): shifts
  /// by up to so many pixels each way. 0: none.
  std::int64_t random_crop = 0;
  bool horizontal_flip = false;  ///< mirrors left and right, every second time
  /// Side of the square of zeros around a random pixel, cut at the border (DeVries and Taylor, "Improved Regularization
  /// of Convolutional Neural Networks with Cutout", 2017): always. 0: none.
  std::int64_t cutout = 0;

  bool any() const { return random_crop > 0 || horizontal_flip || cutout > 0; }
  /// Prints what is not so by default, canonically: `random_crop=4 horizontal_flip=true`.
  std::string to_text() const;
  bool operator==(const Augmentation&) const = default;
};

/// Writes a changed copy of `from`, an image of shape `shape`, into `to`. What is drawn is a function of `stream`
/// alone; values are moved, never computed.
void augment_image(const Augmentation& augmentation, const Shape& shape, RandomStream& stream,
                   std::span<const float> from, std::span<float> to);

/// Finds why rows of the shape cannot be changed so: they are no images, a shift or a square is not smaller than they
/// are. nullopt: they can.
std::optional<SettingProblem> find_problem(const Augmentation& augmentation, const Shape& shape);
/// Throws UserError where find_problem finds one.
void check_augmentation(const Augmentation& augmentation, const Shape& shape);

}  // namespace lathe::data
