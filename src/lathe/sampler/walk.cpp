#include "lathe/sampler/walk.h"

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::sampler {

Walk::Walk(const std::string& sampler, std::vector<std::int64_t> sizes, bool deduplicate)
    : radix_(std::move(sizes)), deduplicate_(deduplicate), order_([](std::uint64_t position) { return position; }) {
  if (!radix_.size()) {
    throw UserError("sampler",
                    "\"" + sampler + "\" visits every point, and this space has more than 2^62; use tpe or random");
  }
  size_ = *radix_.size();
}

bool Walk::visited(std::uint64_t position) const {
  if (position < told_ && !skipped_.contains(position)) return true;
  return !foreign_.empty() && foreign_.contains(order_(position));
}

std::optional<space::Assignment> Walk::ask(std::int64_t number) {
  const auto position = static_cast<std::uint64_t>(number);
  if (!deduplicate_) return radix_.decode(order_(position % size_));
  if (position < size_ && !visited(position)) return radix_.decode(order_(position));
  return next_left_over(position);
}

std::optional<space::Assignment> Walk::next_left_over(std::uint64_t number) {
  if (skipped_.empty()) return std::nullopt;
  while (cursor_ < std::min(size_, told_) && visited(cursor_)) ++cursor_;
  for (std::uint64_t position = cursor_; position < size_; ++position) {
    const bool pending = position >= told_ && position < number;
    if (!pending && !visited(position)) return radix_.decode(order_(position));
  }
  return std::nullopt;
}

void Walk::tell(const FinishedTrial& trial) {
  const auto number = static_cast<std::uint64_t>(trial.number);
  told_ = std::max(told_, number + 1);
  const std::uint64_t code = radix_.encode(trial.assignment);
  if (number < size_ && code == order_(number)) return;
  skipped_.insert(number);
  foreign_.insert(code);
}

}  // namespace lathe::sampler
