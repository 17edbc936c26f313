#include "lathe/sampler/tpe_groups.h"

#include <algorithm>

namespace lathe::sampler {
namespace {

ParameterList active_parameters(const parameter::Assignment& assignment) {
  ParameterList active;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (assignment[i] != parameter::kInactive) active.push_back(i);
  }
  return active;
}

ParameterList intersection(const ParameterList& left, const ParameterList& right) {
  ParameterList result;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(result));
  return result;
}

ParameterList difference(const ParameterList& left, const ParameterList& right) {
  ParameterList result;
  std::set_difference(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(result));
  return result;
}

}  // namespace

void ParameterGroups::add(const parameter::Assignment& assignment) {
  ParameterList left = active_parameters(assignment);
  common_ = empty_ ? left : intersection(common_, left);
  empty_ = false;
  if (groups_.size() == 1 && groups_.front() == left) return;
  std::vector<ParameterList> parts;
  const auto keep = [&](ParameterList part) {
    if (!part.empty()) parts.push_back(std::move(part));
  };
  for (const ParameterList& group : groups_) {
    keep(intersection(group, left));
    keep(difference(group, left));
    left = difference(left, group);
  }
  keep(std::move(left));
  groups_ = std::move(parts);
}

}  // namespace lathe::sampler
