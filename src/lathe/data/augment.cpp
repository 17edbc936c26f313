#include "lathe/data/augment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

// Says what was drawn for an image.
struct Draw {
  std::int64_t down = 0, right = 0;  ///< shift of the part that is taken out, may be negative
  bool mirrored = false;
  std::int64_t row = 0, column = 0;  ///< middle of the square
};

std::int64_t between(RandomStream& stream, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(high - low + 1)));
}

Draw draw_changes(const Augmentation& augmentation, std::int64_t height, std::int64_t width, RandomStream& stream) {
  Draw draw;
  if (augmentation.random_crop > 0) {
    draw.down = between(stream, -augmentation.random_crop, augmentation.random_crop);
    draw.right = between(stream, -augmentation.random_crop, augmentation.random_crop);
  }
  if (augmentation.horizontal_flip) draw.mirrored = stream.below(2) == 1;
  if (augmentation.cutout > 0) {
    draw.row = between(stream, 0, height - 1);
    draw.column = between(stream, 0, width - 1);
  }
  return draw;
}

// Copies a line of pixels, shifted and mirrored.
void copy_line(const Draw& draw, std::span<const float> from, std::span<float> to) {
  const auto width = static_cast<std::int64_t>(to.size());
  const std::int64_t first = std::max<std::int64_t>(0, -draw.right), end = std::min(width, width - draw.right);
  std::fill(to.begin(), to.end(), 0.0f);
  std::copy(from.begin() + first + draw.right, from.begin() + end + draw.right, to.begin() + first);
  if (draw.mirrored) std::reverse(to.begin(), to.end());
}

// Covers the part of line `row` that lies in the square.
void cover_line(std::int64_t side, const Draw& draw, std::int64_t row, std::span<float> to) {
  const std::int64_t top = draw.row - side / 2, left = draw.column - side / 2;
  if (row < top || row >= top + side) return;
  const std::int64_t end = std::min(left + side, static_cast<std::int64_t>(to.size()));
  std::fill(to.begin() + std::max<std::int64_t>(left, 0), to.begin() + end, 0.0f);
}

std::optional<SettingProblem> find_large(const char* key, std::int64_t value, const Shape& shape) {
  const std::int64_t side = std::min(shape[1], shape[2]);
  if (value >= 0 && value < side) return std::nullopt;
  return SettingProblem{key, fmt::format("must be at least 0 and below {}, the side of the images {}; got {}", side,
                                         to_string(shape), value)};
}

}  // namespace

std::string Augmentation::to_text() const {
  std::vector<std::string> parts;
  if (random_crop > 0) parts.push_back(fmt::format("random_crop={}", random_crop));
  if (horizontal_flip) parts.push_back("horizontal_flip=true");
  if (cutout > 0) parts.push_back(fmt::format("cutout={}", cutout));
  return fmt::format("{}", fmt::join(parts, " "));
}

void augment_image(const Augmentation& augmentation, const Shape& shape, RandomStream& stream,
                   std::span<const float> from, std::span<float> to) {
  const std::int64_t height = shape[1], width = shape[2];
  const Draw draw = draw_changes(augmentation, height, width, stream);
  for (std::int64_t line = 0; line < shape[0] * height; ++line) {
    const std::int64_t row = line % height, source = row + draw.down;
    const std::span<float> target = to.subspan(static_cast<std::size_t>(line * width), static_cast<std::size_t>(width));
    if (source < 0 || source >= height)
      std::fill(target.begin(), target.end(), 0.0f);
    else
      copy_line(draw, from.subspan(static_cast<std::size_t>((line + draw.down) * width), target.size()), target);
    if (augmentation.cutout > 0) cover_line(augmentation.cutout, draw, row, target);
  }
}

std::optional<SettingProblem> find_problem(const Augmentation& augmentation, const Shape& shape) {
  if (!augmentation.any()) return std::nullopt;
  if (shape.size() != 3) {
    const char* const key = augmentation.random_crop > 0   ? "random_crop"
                            : augmentation.horizontal_flip ? "horizontal_flip"
                                                           : "cutout";
    return SettingProblem{key, fmt::format("changes images [channels, height, width]; the rows of this data set are {}",
                                           to_string(shape))};
  }
  if (auto problem = find_large("random_crop", augmentation.random_crop, shape)) return problem;
  return find_large("cutout", augmentation.cutout, shape);
}

void check_augmentation(const Augmentation& augmentation, const Shape& shape) {
  if (const auto problem = find_problem(augmentation, shape)) throw UserError(problem->key, problem->message);
}

}  // namespace lathe::data
