#include "lathe/sampler/free_points.h"

#include "lathe/base/check.h"
#include "lathe/sampler/draw.h"

namespace lathe::sampler {
namespace {
constexpr int kDraws = 64;
}

FreePoints::FreePoints(parameter::Space space, bool deduplicate, std::uint64_t seed, std::string_view purpose)
    : space_(std::move(space)), deduplicate_(deduplicate) {
  if (space_.count()) order_.emplace(*space_.count(), seed, purpose);
}

void FreePoints::take(const parameter::Assignment& assignment) {
  if (deduplicate_) taken_.insert(space_.encode(assignment));
}

bool FreePoints::is_free(const parameter::Assignment& assignment) const {
  return taken_.empty() || !taken_.contains(space_.encode(assignment));
}

bool FreePoints::exhausted() const { return space_.count() && taken_.size() >= *space_.count(); }

parameter::Assignment FreePoints::draw(RandomStream& stream) {
  parameter::Assignment assignment = draw_assignment(space_, stream);
  for (int draws = 1; draws < kDraws && !is_free(assignment); ++draws) assignment = draw_assignment(space_, stream);
  if (is_free(assignment) || !order_) return assignment;
  LATHE_CHECK(!exhausted(), "no free point is left");
  while (taken_.contains((*order_)(cursor_))) ++cursor_;
  return space_.decode((*order_)(cursor_));
}

}  // namespace lathe::sampler
