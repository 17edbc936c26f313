#include "lathe/sampler/draw.h"

#include <algorithm>
#include <cmath>

namespace lathe::sampler {
namespace {

/// Holds the interval that a continuous or logarithmic parameter covers, in the logarithm where it has one.
struct Interval {
  double low = 0, high = 0;
  bool log = false;

  double at(double unit) const {
    const double place = low + (high - low) * unit;
    return log ? std::exp(place) : place;
  }
  double unit_of(double value) const {
    if (low == high) return 0;
    return ((log ? std::log(value) : value) - low) / (high - low);
  }
};

bool is_log_integer(const parameter::Distribution& distribution) {
  const auto* range = std::get_if<parameter::Integer>(&distribution);
  return range != nullptr && range->log;
}

Interval interval_of(const parameter::Integer& range) {
  return {std::log(static_cast<double>(range.low) - 0.5), std::log(static_cast<double>(range.high) + 0.5), true};
}

Interval interval_of(const parameter::Float& range) {
  if (!range.log) return {range.low, range.high, false};
  return {std::log(range.low), std::log(range.high), true};
}

double log_integer_at(const parameter::Integer& range, double unit) {
  const double value = std::round(interval_of(range).at(unit));
  return std::clamp(value - static_cast<double>(range.low), 0.0, static_cast<double>(range.high - range.low));
}

double continuous_at(const parameter::Float& range, double unit) {
  if (range.low == range.high) return range.low;
  return std::clamp(interval_of(range).at(unit), range.low, std::nextafter(range.high, range.low));
}

}  // namespace

double code_at(const parameter::Distribution& distribution, double unit) {
  if (is_log_integer(distribution)) return log_integer_at(std::get<parameter::Integer>(distribution), unit);
  const auto values = parameter::size(distribution);
  if (!values) return continuous_at(std::get<parameter::Float>(distribution), unit);
  const auto count = static_cast<double>(*values);
  return std::clamp(std::floor(unit * count), 0.0, count - 1);
}

double unit_of(const parameter::Distribution& distribution, double code) {
  if (is_log_integer(distribution)) {
    const auto& range = std::get<parameter::Integer>(distribution);
    return interval_of(range).unit_of(static_cast<double>(range.low) + code);
  }
  const auto values = parameter::size(distribution);
  if (!values) return interval_of(std::get<parameter::Float>(distribution)).unit_of(code);
  return (code + 0.5) / static_cast<double>(*values);
}

double draw_code(const parameter::Distribution& distribution, RandomStream& stream) {
  const auto values = parameter::size(distribution);
  if (!values || is_log_integer(distribution)) return code_at(distribution, stream.uniform());
  return static_cast<double>(stream.below(static_cast<std::uint64_t>(*values)));
}

parameter::Assignment draw_assignment(const parameter::Space& space, RandomStream& stream) {
  parameter::Assignment assignment(space.parameters().size(), parameter::kInactive);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (space.is_active(assignment, i)) assignment[i] = draw_code(space.parameters()[i].distribution, stream);
  }
  return assignment;
}

}  // namespace lathe::sampler
