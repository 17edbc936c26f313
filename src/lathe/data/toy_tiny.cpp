#include "lathe/base/random.h"
#include "lathe/data/dataset.h"
#include "lathe/data/prepare.h"

namespace lathe::data {
namespace {

constexpr std::int64_t kWidth = 4;
constexpr std::int64_t kRowsPerPart = 10'240;

/// Draws one part: uniform in (-1, 1), labelled 1 where the four numbers add up to more than 0.
Samples draw_part(std::uint64_t part) {
  constexpr std::uint64_t kFixedSeed = 0;  // the data are always the same: do not change
  RandomStream stream(kFixedSeed, {part}, "toy_tiny");
  Samples samples{.width = kWidth, .features = {}, .labels = {}};
  for (std::int64_t row = 0; row < kRowsPerPart; ++row) {
    double sum = 0.0;
    for (std::int64_t column = 0; column < kWidth; ++column) {
      const float value = 2.0f * stream.uniform_float() - 1.0f;
      samples.features.push_back(value);
      sum += value;
    }
    samples.labels.push_back(sum > 0.0 ? 1 : 0);
  }
  return samples;
}

std::shared_ptr<const Dataset> load(const DatasetRequest& request) {
  RawDataset raw;
  raw.name = "toy_tiny";
  raw.source = "made by lathe: four numbers uniform in (-1, 1), class 1 where their sum is above 0";
  raw.class_names = {"not_above_zero", "above_zero"};
  raw.train = draw_part(0);
  raw.validation = draw_part(1);
  raw.test = draw_part(2);
  raw.physical = false;
  return prepare(std::move(raw), request);
}

}  // namespace

DatasetKind toy_tiny_kind() {
  return {.name = "toy_tiny",
          .aliases = {"toy-tiny"},
          .description = "four uniform numbers, is their sum above 0? 10,240 rows per part, made in memory",
          .width = kWidth,
          .classes = 2,
          .url = {},
          .file_name = {},
          .load = load};
}

}  // namespace lathe::data
