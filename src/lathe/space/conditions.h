#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lathe/parameter/space.h"
#include "lathe/space/leaf.h"

namespace lathe::space {

/// Says when a leaf is there: its parent is, with one of some values.
struct LeafCondition {
  std::size_t parent = 0;    ///< index of a leaf
  std::vector<bool> active;  ///< [values of the parent]
};

/// Holds the decisions of a space before they get their values: groups of leaves that decide together.
struct Decisions {
  std::vector<std::vector<std::size_t>> groups;           ///< parents before what depends on them
  std::vector<std::optional<LeafCondition>> conditions;   ///< [leaves]
  std::vector<std::size_t> group_of;                      ///< [leaves]
  std::vector<std::optional<std::size_t>> dimension_of;   ///< [leaves] index among the groups with several choices
  std::vector<std::optional<parameter::Condition>> when;  ///< [leaves] condition upon a dimension; none: always there
};

/// Resolves the `when` of all leaves and orders the groups: as given, but parents first. Throws UserError with
/// position: keys that nothing is called (nearest shown), values that the parent never takes, parents that are
/// continuous or have more than 4096 values, conditions that form a circle, and leaves of one group whose conditions
/// differ.
Decisions decide(const std::vector<Leaf>& leaves, std::vector<std::vector<std::size_t>> groups);

}  // namespace lathe::space
