#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "lathe/parameter/space.h"

namespace lathe::sampler {

/// Places assignments in coordinates whose squared distances a Gaussian process weighs. A categorical parameter has one
/// coordinate that knows only equal (0) and different (1): Hamming. A numeric one has a position in [0, 1], in the
/// logarithm where the distribution says so. A categorical whose choices are all numbers has both, so that the fitted
/// weights tell whether its order means anything; positions are then by rank. A parameter that is inactive has a place
/// of its own: 0 from itself, 1 from every choice, 1/4 from every position.
class Embedding {
 public:
  struct Coordinate {
    std::size_t parameter = 0;
    bool ordered = false;  ///< squared difference of positions; else Hamming
  };

  explicit Embedding(const parameter::Space& space);

  const std::vector<Coordinate>& coordinates() const { return coordinates_; }
  std::size_t size() const { return coordinates_.size(); }
  std::size_t parameters() const { return distributions_.size(); }
  /// Returns the indices of the coordinates of a parameter, first and one behind the last.
  std::pair<std::size_t, std::size_t> range(std::size_t parameter) const;
  /// Returns the place of a code of one parameter in one coordinate; kInactive stays kInactive.
  double place(std::size_t coordinate, double code) const;
  /// Returns the places of an assignment in all coordinates.
  std::vector<double> embed(const parameter::Assignment& assignment) const;
  /// Returns the squared distance of two places in one coordinate, in [0, 1].
  double squared_distance(std::size_t coordinate, double left, double right) const;

 private:
  std::vector<parameter::Distribution> distributions_;
  std::vector<Coordinate> coordinates_;
  std::vector<std::size_t> first_;  ///< [parameters + 1]
};

}  // namespace lathe::sampler
