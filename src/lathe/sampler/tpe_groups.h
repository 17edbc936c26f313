#pragma once

#include <cstddef>
#include <vector>

#include "lathe/parameter/space.h"

namespace lathe::sampler {

/// Lists indices of parameters, ascending.
using ParameterList = std::vector<std::size_t>;

/// Follows which parameters occur together in ended trials.
class ParameterGroups {
 public:
  void add(const parameter::Assignment& assignment);
  /// Returns a partition of the parameters seen so far into the largest sets of which every trial has all or none.
  const std::vector<ParameterList>& groups() const { return groups_; }
  /// Returns the parameters that every trial has; none before the first trial.
  const ParameterList& common() const { return common_; }

 private:
  std::vector<ParameterList> groups_;
  ParameterList common_;
  bool empty_ = true;
};

}  // namespace lathe::sampler
