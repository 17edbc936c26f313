#include "lathe/sampler/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::sampler {
namespace {

void refuse_uncountable(const std::string& sampler, const parameter::Space& space) {
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    if (space.size(i)) continue;
    throw UserError("sampler", fmt::format("\"{}\" visits every point, and parameter {} is continuous; give it a step, "
                                           "or use tpe or random",
                                           sampler, space.parameters()[i].name));
  }
  if (space.count()) return;
  throw UserError(
      "sampler",
      fmt::format("\"{}\" visits every point, and this space has more than 2^62; use tpe or random", sampler));
}

}  // namespace

Walk::Walk(const std::string& sampler, parameter::Space space, bool deduplicate)
    : space_(std::move(space)), deduplicate_(deduplicate), order_([](std::uint64_t position) { return position; }) {
  refuse_uncountable(sampler, space_);
  size_ = *space_.count();
}

bool Walk::visited(std::uint64_t position) const {
  if (position < announced_ && !skipped_.contains(position)) return true;
  return !foreign_.empty() && foreign_.contains(order_(position));
}

std::optional<Assignment> Walk::ask(std::int64_t number) {
  const auto position = static_cast<std::uint64_t>(number);
  if (!deduplicate_) return space_.decode(order_(position % size_));
  if (position < size_ && !visited(position)) return space_.decode(order_(position));
  return next_left_over();
}

std::optional<Assignment> Walk::next_left_over() {
  while (cursor_ < std::min(size_, announced_) && visited(cursor_)) ++cursor_;
  for (std::uint64_t position = cursor_; position < size_; ++position) {
    if (!visited(position)) return space_.decode(order_(position));
  }
  return std::nullopt;
}

void Walk::announce(std::int64_t number, const Assignment& assignment) {
  if (!deduplicate_) return;
  const auto position = static_cast<std::uint64_t>(number);
  for (; announced_ < position; ++announced_) skipped_.insert(announced_);  // trials outside the space leave gaps
  announced_ = std::max(announced_, position + 1);
  const std::uint64_t code = space_.encode(assignment);
  if (position < size_ && code == order_(position)) {
    skipped_.erase(position);
    return;
  }
  skipped_.insert(position);
  foreign_.insert(code);
}

}  // namespace lathe::sampler
