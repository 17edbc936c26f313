#include "lathe/backend/dense/dropout_mask.h"

#include <algorithm>

#include "lathe/engine/dropout.h"

namespace lathe::backend::dense {

void fill_dropout_mask(const Stage& stage, std::uint64_t seed, std::size_t first, std::size_t count, float* mask) {
  const engine::DropoutMask draws(seed, stage.node, stage.probability);
  const auto scale = static_cast<float>(draws.scale());
  std::fill_n(mask, stage.in_width * kTile, 0.0f);
  for (std::size_t feature = 0; feature < stage.in_width; feature += 4) {
    const std::size_t end = std::min(feature + 4, stage.in_width);
    for (std::size_t sample = 0; sample < count; ++sample) {
      const auto kept =
          draws.keeps_quad(static_cast<std::uint32_t>(first + sample), static_cast<std::uint32_t>(feature / 4));
      for (std::size_t f = feature; f < end; ++f) mask[f * kTile + sample] = kept[f - feature] ? scale : 0.0f;
    }
  }
}

}  // namespace lathe::backend::dense
