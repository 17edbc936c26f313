#include "lathe/parameter/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::parameter {
namespace {

constexpr std::uint64_t kLargestCount = std::uint64_t{1} << 62;
constexpr std::int64_t kLargestParent = 4096;

std::optional<std::uint64_t> times(std::optional<std::uint64_t> left, std::optional<std::uint64_t> right) {
  if (!left || !right || *left > kLargestCount / *right) return std::nullopt;
  return *left * *right;
}

std::optional<std::uint64_t> plus(std::optional<std::uint64_t> left, std::optional<std::uint64_t> right) {
  if (!left || !right || *left > kLargestCount - *right) return std::nullopt;
  return *left + *right;
}

// Mixes 64 bits (the finaliser of splitmix64).
std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31);
}

std::uint64_t hash(const Assignment& assignment) {
  std::uint64_t state = assignment.size();
  for (const double code : assignment)
    state = mix(state + 0x9e3779b97f4a7c15U + std::bit_cast<std::uint64_t>(code + 0.0));
  return state;
}

}  // namespace

Space::Space(std::vector<Parameter> parameters) : parameters_(std::move(parameters)), branches_(parameters_.size()) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& parameter = parameters_[i];
    try {
      parameter.distribution = checked(std::move(parameter.distribution));
    } catch (const UserError& error) {
      throw UserError(parameter.name, error.what());
    }
    sizes_.push_back(parameter::size(parameter.distribution));
    if (!parameter.condition) {
      roots_.push_back(i);
      continue;
    }
    const Condition& condition = *parameter.condition;
    LATHE_CHECK(condition.parent < i && sizes_[condition.parent], "{} depends on a later or continuous parameter",
                parameter.name);
    LATHE_CHECK_EQ(static_cast<std::int64_t>(condition.active.size()), *sizes_[condition.parent]);
    if (*sizes_[condition.parent] > kLargestParent) {
      throw UserError(parameter.name, fmt::format("depends on {}, which has more than {} values",
                                                  parameters_[condition.parent].name, kLargestParent));
    }
    branches_[condition.parent].children.push_back(i);
    conditional_ = true;
  }
  std::vector<std::optional<std::uint64_t>> places(parameters_.size());
  for (std::size_t i = parameters_.size(); i-- > 0;) {
    places[i] = count_places(i);
    branches_[i].places = places[i].value_or(0);
  }
  for (const std::size_t root : roots_) count_ = times(count_, places[root]);
}

Space Space::categorical(const std::vector<std::int64_t>& sizes) {
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Categorical list;
    for (std::int64_t value = 0; value < sizes[i]; ++value) list.choices.emplace_back(value);
    parameters.push_back({fmt::format("x{}", i), std::move(list)});
  }
  return Space(std::move(parameters));
}

// Counts the assignments of parameter i and all that depends on it; the places of its children are known.
std::optional<std::uint64_t> Space::count_places(std::size_t i) {
  if (!sizes_[i]) return std::nullopt;
  Branch& branch = branches_[i];
  const auto values = static_cast<std::size_t>(*sizes_[i]);
  if (branch.children.empty()) return values <= kLargestCount ? std::optional<std::uint64_t>(values) : std::nullopt;
  std::optional<std::uint64_t> total = 0;
  branch.places_before.assign(1, 0);
  for (std::size_t value = 0; value < values; ++value) {
    std::optional<std::uint64_t> here = 1;
    for (const std::size_t child : branch.children) {
      if (!parameters_[child].condition->active[value]) continue;
      const std::uint64_t places = branches_[child].places;
      here = places == 0 ? std::nullopt : times(here, places);
    }
    total = plus(total, here);
    if (!total) return std::nullopt;
    branch.places_before.push_back(*total);
  }
  return total;
}

bool Space::is_active(const Assignment& assignment, std::size_t i) const {
  const auto& condition = parameters_[i].condition;
  if (!condition) return true;
  const double parent = assignment[condition->parent];
  return parent != kInactive && condition->active[static_cast<std::size_t>(parent)];
}

void Space::deactivate(Assignment& assignment) const {
  if (!conditional_) return;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!is_active(assignment, i)) assignment[i] = kInactive;
  }
}

bool Space::contains(const Assignment& assignment) const {
  if (assignment.size() != parameters_.size()) return false;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const double code = assignment[i];
    if (!is_active(assignment, i)) {
      if (code != kInactive) return false;
    } else if (sizes_[i]) {
      if (!(code >= 0) || code >= static_cast<double>(*sizes_[i]) ||
          code != static_cast<double>(static_cast<std::int64_t>(code)))
        return false;
    } else if (!code_of_internal(parameters_[i].distribution, code)) {
      return false;
    }
  }
  return true;
}

std::uint64_t Space::encode_branch(const Assignment& assignment, std::size_t i) const {
  const auto value = static_cast<std::uint64_t>(assignment[i]);
  const Branch& branch = branches_[i];
  if (branch.children.empty()) return value;
  std::uint64_t place = 0;
  for (const std::size_t child : branch.children) {
    if (!parameters_[child].condition->active[value]) continue;
    place = place * branches_[child].places + encode_branch(assignment, child);
  }
  return branch.places_before[value] + place;
}

std::uint64_t Space::encode(const Assignment& assignment) const {
  LATHE_CHECK_EQ(assignment.size(), parameters_.size());
  if (!count_) return hash(assignment);
  std::uint64_t place = 0;
  for (const std::size_t root : roots_) place = place * branches_[root].places + encode_branch(assignment, root);
  return place;
}

void Space::decode_branch(std::uint64_t place, std::size_t i, Assignment& assignment) const {
  const Branch& branch = branches_[i];
  if (branch.children.empty()) {
    assignment[i] = static_cast<double>(place);
    return;
  }
  const auto next = std::upper_bound(branch.places_before.begin(), branch.places_before.end(), place);
  const auto value = static_cast<std::size_t>(next - branch.places_before.begin()) - 1;
  assignment[i] = static_cast<double>(value);
  place -= branch.places_before[value];
  for (std::size_t k = branch.children.size(); k-- > 0;) {
    const std::size_t child = branch.children[k];
    if (!parameters_[child].condition->active[value]) continue;
    decode_branch(place % branches_[child].places, child, assignment);
    place /= branches_[child].places;
  }
}

Assignment Space::decode(std::uint64_t place) const {
  LATHE_CHECK(count_ && place < *count_, "place {}", place);
  Assignment assignment(parameters_.size(), kInactive);
  for (std::size_t k = roots_.size(); k-- > 0;) {
    const std::uint64_t places = branches_[roots_[k]].places;
    decode_branch(place % places, roots_[k], assignment);
    place /= places;
  }
  return assignment;
}

}  // namespace lathe::parameter
