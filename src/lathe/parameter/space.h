#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "lathe/parameter/distribution.h"

namespace lathe::parameter {

/// Makes a parameter exist only while its parent takes one of some values.
struct Condition {
  std::size_t parent = 0;         ///< index of a finite parameter that stands earlier
  std::vector<bool> active = {};  ///< [values of the parent]: whether the parameter exists there
  bool operator==(const Condition&) const = default;
};

struct Parameter {
  std::string name;
  Distribution distribution;
  std::optional<Condition> condition = {};
  bool operator==(const Parameter&) const = default;
};

/// Holds the code (see Distribution) of each parameter of a space, kInactive where its condition does not hold.
using Assignment = std::vector<double>;
constexpr double kInactive = -std::numeric_limits<double>::infinity();

/// Lists the parameters that a sampler decides. A parameter whose parent is inactive is inactive too. A value.
class Space {
 public:
  Space() = default;
  /// Throws UserError for a distribution that `checked` refuses, named by its parameter; InternalError for a condition
  /// on a later or continuous parameter, or one of the wrong length.
  explicit Space(std::vector<Parameter> parameters);
  /// Makes a space of categorical parameters x0, x1, ... with so many integer choices each, for tests and benchmarks.
  static Space categorical(const std::vector<std::int64_t>& sizes);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Returns the number of values of parameter i; nullopt where it is continuous.
  std::optional<std::int64_t> size(std::size_t i) const { return sizes_[i]; }
  /// Tells whether any parameter has a condition.
  bool conditional() const { return conditional_; }
  /// Tells whether parameter i exists given the codes of the parameters before it.
  bool is_active(const Assignment& assignment, std::size_t i) const;
  /// Sets every parameter whose condition does not hold to kInactive.
  void deactivate(Assignment& assignment) const;
  /// Tells whether the assignment is one of this space: codes in range, kInactive exactly where it must be.
  bool contains(const Assignment& assignment) const;

  /// Returns the number of assignments; nullopt when a parameter is continuous or there are more than 2^62.
  std::optional<std::uint64_t> count() const { return count_; }
  /// Returns the place of an assignment in 0 .. count - 1, in lexicographic order (the last parameter changes fastest;
  /// with conditions each parameter counts with those that depend on it); a 64-bit hash for spaces without a count.
  std::uint64_t encode(const Assignment& assignment) const;
  /// Returns the assignment of a place below count().
  Assignment decode(std::uint64_t place) const;

  bool operator==(const Space& other) const { return parameters_ == other.parameters_; }

 private:
  /// Says how many assignments a parameter and its dependants have.
  struct Branch {
    std::vector<std::size_t> children;         ///< in the order of the space
    std::vector<std::uint64_t> places_before;  ///< [values + 1] places that the values before take; only with children
    std::uint64_t places = 0;
  };

  std::optional<std::uint64_t> count_places(std::size_t i);
  std::uint64_t encode_branch(const Assignment& assignment, std::size_t i) const;
  void decode_branch(std::uint64_t place, std::size_t i, Assignment& assignment) const;

  std::vector<Parameter> parameters_;
  std::vector<std::optional<std::int64_t>> sizes_;
  std::vector<std::size_t> roots_;
  std::vector<Branch> branches_;
  std::optional<std::uint64_t> count_ = 1;
  bool conditional_ = false;
};

}  // namespace lathe::parameter
