#include "lathe/sampler/embedding.h"

#include <algorithm>
#include <cmath>

namespace lathe::sampler {
namespace {

using parameter::kInactive;

/// Tells whether the choices are numbers in ascending or descending order, three at least.
bool is_ordered_list(const parameter::Distribution& distribution) {
  const auto* list = std::get_if<parameter::Categorical>(&distribution);
  if (list == nullptr || list->choices.size() < 3) return false;
  std::vector<double> numbers;
  for (const parameter::Choice& choice : list->choices) {
    if (const auto* integer = std::get_if<std::int64_t>(&choice)) {
      numbers.push_back(static_cast<double>(*integer));
    } else if (const auto* number = std::get_if<double>(&choice)) {
      numbers.push_back(*number);
    } else {
      return false;
    }
  }
  return std::is_sorted(numbers.begin(), numbers.end()) || std::is_sorted(numbers.rbegin(), numbers.rend());
}

double relative(double value, double low, double high) { return high > low ? (value - low) / (high - low) : 0; }

double position(const parameter::Integer& range, double code) {
  const auto low = static_cast<double>(range.low);
  const auto high = static_cast<double>(range.high);
  const double value = low + code * static_cast<double>(range.step);
  return range.log ? relative(std::log(value), std::log(low), std::log(high)) : relative(value, low, high);
}

double position(const parameter::Float& range, double code) {
  const double value = range.step ? range.low + code * *range.step : code;
  return range.log ? relative(std::log(value), std::log(range.low), std::log(range.high))
                   : relative(value, range.low, range.high);
}

double position(const parameter::Categorical& list, double code) {
  return relative(code, 0, static_cast<double>(list.choices.size()) - 1);
}

}  // namespace

Embedding::Embedding(const parameter::Space& space) {
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    const parameter::Distribution& distribution = space.parameters()[i].distribution;
    first_.push_back(coordinates_.size());
    distributions_.push_back(distribution);
    const bool numeric = parameter::is_numeric(distribution);
    if (!numeric) coordinates_.push_back({i, false});
    if (numeric || is_ordered_list(distribution)) coordinates_.push_back({i, true});
  }
  first_.push_back(coordinates_.size());
}

std::pair<std::size_t, std::size_t> Embedding::range(std::size_t parameter) const {
  return {first_[parameter], first_[parameter + 1]};
}

double Embedding::place(std::size_t coordinate, double code) const {
  if (code == kInactive || !coordinates_[coordinate].ordered) return code;
  const auto& distribution = distributions_[coordinates_[coordinate].parameter];
  return std::visit([code](const auto& kind) { return position(kind, code); }, distribution);
}

std::vector<double> Embedding::embed(const parameter::Assignment& assignment) const {
  std::vector<double> places(size());
  for (std::size_t i = 0; i < size(); ++i) places[i] = place(i, assignment[coordinates_[i].parameter]);
  return places;
}

double Embedding::squared_distance(std::size_t coordinate, double left, double right) const {
  if (left == right) return 0;
  if (!coordinates_[coordinate].ordered) return 1;
  if (left == kInactive || right == kInactive) return 0.25;
  return (left - right) * (left - right);
}

}  // namespace lathe::sampler
