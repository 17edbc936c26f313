#include "lathe/data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "data/scratch_folder.h"

namespace lathe::data {
namespace {

const Shape kShape = {2, 3, 4};
constexpr std::size_t kWidth = 24;

// Makes an image of two channels whose pixels are 1, 2, 3, ...
std::vector<float> image() {
  std::vector<float> pixels(kWidth);
  std::iota(pixels.begin(), pixels.end(), 1.0f);
  return pixels;
}

std::vector<float> changed(const Augmentation& augmentation, std::uint64_t number) {
  std::vector<float> to(kWidth, -1.0f);
  RandomStream stream(7, {number}, "augment");
  augment_image(augmentation, kShape, stream, image(), to);
  return to;
}

float pixel(std::int64_t channel, std::int64_t row, std::int64_t column) {
  if (row < 0 || row >= 3 || column < 0 || column >= 4) return 0;
  return static_cast<float>(1 + channel * 12 + row * 4 + column);
}

// Makes the image that is shifted, mirrored and covered by the definition, pixel by pixel.
std::vector<float> expected(std::int64_t down, std::int64_t right, bool mirrored) {
  std::vector<float> pixels;
  for (std::int64_t channel = 0; channel < 2; ++channel)
    for (std::int64_t row = 0; row < 3; ++row)
      for (std::int64_t column = 0; column < 4; ++column)
        pixels.push_back(pixel(channel, row + down, (mirrored ? 3 - column : column) + right));
  return pixels;
}

TEST(Augment, NothingIsACopy) {
  EXPECT_EQ(changed({}, 1), image());
  EXPECT_FALSE(Augmentation{}.any());
  EXPECT_EQ(Augmentation{}.to_text(), "");
}

TEST(Augment, CropsAreAllShiftsAndOnlyThese) {
  std::set<std::vector<float>> known, seen;
  for (std::int64_t down = -2; down <= 2; ++down)
    for (std::int64_t right = -2; right <= 2; ++right) known.insert(expected(down, right, false));
  EXPECT_EQ(known.size(), 25u);
  for (std::uint64_t number = 0; number < 400; ++number) seen.insert(changed({.random_crop = 2}, number));
  EXPECT_EQ(seen, known);
}

TEST(Augment, MirrorsHalfOfTheImages) {
  int mirrored = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    const std::vector<float> got = changed({.horizontal_flip = true}, number);
    const bool flipped = got == expected(0, 0, true);
    EXPECT_TRUE(flipped || got == image());
    mirrored += flipped;
  }
  EXPECT_NEAR(mirrored, 500, 60);
}

TEST(Augment, CropsThenMirrors) {
  std::set<std::vector<float>> known;
  for (std::int64_t down = -1; down <= 1; ++down)
    for (std::int64_t right = -1; right <= 1; ++right)
      for (const bool mirrored : {false, true}) known.insert(expected(down, right, mirrored));
  std::set<std::vector<float>> seen;
  for (std::uint64_t number = 0; number < 400; ++number)
    seen.insert(changed({.random_crop = 1, .horizontal_flip = true}, number));
  EXPECT_EQ(seen, known);
}

TEST(Augment, CoversASquareInAllChannels) {
  std::set<std::vector<float>> known, seen;
  for (std::int64_t row = 0; row < 3; ++row) {
    for (std::int64_t column = 0; column < 4; ++column) {
      std::vector<float> pixels = image();
      for (std::int64_t i = 0; i < 24; ++i) {
        const std::int64_t y = i / 4 % 3, x = i % 4;
        if (y >= row - 1 && y < row + 1 && x >= column - 1 && x < column + 1) pixels[static_cast<std::size_t>(i)] = 0;
      }
      known.insert(pixels);
    }
  }
  for (std::uint64_t number = 0; number < 300; ++number) seen.insert(changed({.cutout = 2}, number));
  EXPECT_EQ(seen, known);
}

TEST(Augment, IsAFunctionOfTheStream) {
  const Augmentation all{.random_crop = 1, .horizontal_flip = true, .cutout = 1};
  EXPECT_EQ(changed(all, 3), changed(all, 3));
  EXPECT_EQ(all.to_text(), "random_crop=1 horizontal_flip=true cutout=1");
}

TEST(Augment, SaysWhatDoesNotFit) {
  const auto text = [](const Augmentation& augmentation, const Shape& shape) {
    return testing::error_text<UserError>([&] { check_augmentation(augmentation, shape); });
  };
  EXPECT_EQ(text({.horizontal_flip = true}, {16}),
            "horizontal_flip: changes images [channels, height, width]; the rows of this data set are [16]");
  EXPECT_EQ(text({.random_crop = 3}, kShape),
            "random_crop: must be at least 0 and below 3, the side of the images [2, 3, 4]; got 3");
  EXPECT_EQ(text({.cutout = 9}, kShape),
            "cutout: must be at least 0 and below 3, the side of the images [2, 3, 4]; got 9");
  EXPECT_EQ(text({.random_crop = 2, .cutout = 2}, kShape), "<no error>");
  EXPECT_EQ(text({}, {16}), "<no error>");
}

}  // namespace
}  // namespace lathe::data
