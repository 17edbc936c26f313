#include "lathe/data/array_layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

using Extents = std::span<const std::int64_t>;

constexpr std::int64_t kMostImageChannels = 4, kMostSequenceChannels = 16;

bool all_equal(Extents extents) {
  return std::adjacent_find(extents.begin(), extents.end(), std::not_equal_to<>()) == extents.end();
}

bool may_come_first(Extents row) {
  if (row.size() == 2) return row[0] == 1 || (row[0] <= kMostSequenceChannels && 4 * row[0] <= row[1]);
  return row[0] <= kMostImageChannels || all_equal(row.subspan(1));
}

bool may_come_last(Extents row) {
  const std::int64_t channels = row.back();
  if (row.size() == 2) return channels == 1 || (channels <= kMostSequenceChannels && channels <= row[0] / 4);
  return channels == 1 || channels == 3 || channels == 4 || all_equal(row.first(row.size() - 1));
}

}  // namespace

bool channels_come_last(const Shape& row, Layout asked, const std::string& path) {
  if (asked != Layout::kAuto) return asked == Layout::kChannelsLast;
  const bool first = may_come_first(row), last = may_come_last(row);
  if (first != last) return last;
  throw DataError(path, fmt::format("has rows of shape {}, which does not tell where the channels are; say layout = "
                                    "\"channels_first\" ({}) or layout = \"channels_last\" ({})",
                                    to_string(row), layout_text(row, false), layout_text(row, true)));
}

Shape move_channels_first(const Shape& row, std::vector<float>& values) {
  const auto channels = static_cast<std::size_t>(row.back());
  const auto width = static_cast<std::size_t>(element_count(row));
  const std::size_t places = width / channels;
  std::vector<float> turned(width);
  for (std::size_t begin = 0; begin < values.size(); begin += width) {
    for (std::size_t place = 0; place < places; ++place)
      for (std::size_t channel = 0; channel < channels; ++channel)
        turned[channel * places + place] = values[begin + place * channels + channel];
    std::copy(turned.begin(), turned.end(), values.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  Shape shape = {row.back()};
  shape.insert(shape.end(), row.begin(), row.end() - 1);
  return shape;
}

std::string layout_text(const Shape& row, bool last) {
  const Extents extents(row);
  const Extents others = last ? extents.first(extents.size() - 1) : extents.subspan(1);
  const std::int64_t channels = last ? extents.back() : extents.front();
  return fmt::format("{} channel{} of {}{}", channels, channels == 1 ? "" : "s", row.size() == 2 ? "length " : "",
                     fmt::join(others, " x "));
}

}  // namespace lathe::data
