#include <cmath>
#include <numbers>

#include "lathe/base/random.h"
#include "lathe/data/dataset.h"
#include "lathe/data/prepare.h"

namespace lathe::data {
namespace {

constexpr std::int64_t kRowsPerPart = 4096;
constexpr double kTurns = 1.5, kNoise = 0.02;

// Draws one part: rows on the two arms by turns, with noise across.
Samples draw_part(std::uint64_t part) {
  constexpr std::uint64_t kFixedSeed = 0;  // the data are always the same: do not change
  RandomStream stream(kFixedSeed, {part}, "two_spirals");
  Samples samples{.width = 2, .features = {}, .labels = {}};
  for (std::int64_t row = 0; row < kRowsPerPart; ++row) {
    const int arm = static_cast<int>(row % 2);
    const double along = std::sqrt(stream.uniform());
    const double angle = std::numbers::pi * (2 * kTurns * along + arm);
    samples.features.push_back(static_cast<float>(along * std::cos(angle) + kNoise * stream.normal()));
    samples.features.push_back(static_cast<float>(along * std::sin(angle) + kNoise * stream.normal()));
    samples.labels.push_back(arm);
  }
  return samples;
}

std::shared_ptr<const Dataset> load(const DatasetRequest& request) {
  RawDataset raw;
  raw.name = "two_spirals";
  raw.source = "made by lathe: points near two arms of a spiral, the class is the arm";
  raw.class_names = {"first_arm", "second_arm"};
  raw.train = draw_part(0);
  raw.validation = draw_part(1);
  raw.test = draw_part(2);
  raw.physical = false;
  return prepare(std::move(raw), request);
}

}  // namespace

// Declares the two spirals of Lang and Witbrock, "Learning to tell two spirals apart" (1988 Connectionist Models Summer
// School): small, and no line or bump separates them.
DatasetKind two_spirals_kind() {
  return {.name = "two_spirals",
          .aliases = {"spirals"},
          .description = "points near two arms of a spiral, made in memory",
          .width = 2,
          .classes = 2,
          .url = {},
          .file_name = {},
          .load = load};
}

}  // namespace lathe::data
