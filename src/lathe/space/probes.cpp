#include "lathe/space/probes.h"

#include <algorithm>

#include "lathe/space/domain.h"

namespace lathe::space {
namespace {

constexpr std::size_t kMostValues = 33;  // of one range

parameter::Assignment first_values(const parameter::Space& space) {
  parameter::Assignment assignment;
  for (const parameter::Parameter& parameter : space.parameters()) {
    assignment.push_back(sample_codes(parameter.distribution, 2).front());
  }
  return assignment;
}

/// Sets what parameter i depends on to the first value that lets it be.
void activate(const parameter::Space& space, std::size_t i, parameter::Assignment& assignment) {
  const auto& condition = space.parameters()[i].condition;
  if (!condition) return;
  const auto first = std::find(condition->active.begin(), condition->active.end(), true);
  assignment[condition->parent] = static_cast<double>(first - condition->active.begin());
  activate(space, condition->parent, assignment);
}

}  // namespace

std::vector<parameter::Assignment> probes(const parameter::Space& space, std::size_t most) {
  std::vector<parameter::Assignment> list;
  if (const auto count = space.count(); count && *count <= most) {
    for (std::uint64_t place = 0; place < *count; ++place) list.push_back(space.decode(place));
    return list;
  }
  const parameter::Assignment first = first_values(space);
  list.push_back(first);
  space.deactivate(list.back());
  for (std::size_t i = 0; i < first.size(); ++i) {
    const parameter::Distribution& distribution = space.parameters()[i].distribution;
    const std::size_t values =
        parameter::is_numeric(distribution) ? kMostValues : std::max<std::size_t>(2, *parameter::size(distribution));
    for (const double code : sample_codes(distribution, values)) {
      if (code == first[i] && !space.parameters()[i].condition) continue;
      if (list.size() >= most) return list;
      list.push_back(first);
      activate(space, i, list.back());
      list.back()[i] = code;
      space.deactivate(list.back());
    }
  }
  return list;
}

}  // namespace lathe::space
