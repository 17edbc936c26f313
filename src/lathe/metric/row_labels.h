#pragma once

#include <algorithm>
#include <span>

#include "lathe/metric/metric.h"

/// Going through the predictions of a row. Internal to the module.
namespace lathe::metric {

/// Calls `use(label, outputs)` for every prediction of a row.
template <typename Use>
void for_each_label(const RowFacts& row, Use use) {
  const std::size_t width = row.outputs.size() / row.labels.size();
  for (std::size_t i = 0; i < row.labels.size(); ++i)
    use(static_cast<std::size_t>(row.labels[i]), row.outputs.subspan(i * width, width));
}

/// Tells whether the largest output is the label's.
inline bool is_right(std::size_t label, std::span<const double> outputs) {
  return static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin()) == label;
}

}  // namespace lathe::metric
