#include "lathe/sampler/draw.h"

#include <algorithm>
#include <cmath>

namespace lathe::sampler {
namespace {

double draw_log_integer(const parameter::Integer& range, RandomStream& stream) {
  const double low = std::log(static_cast<double>(range.low) - 0.5);
  const double high = std::log(static_cast<double>(range.high) + 0.5);
  const double value = std::round(std::exp(low + (high - low) * stream.uniform()));
  return std::clamp(value - static_cast<double>(range.low), 0.0, static_cast<double>(range.high - range.low));
}

double draw_continuous(const parameter::Float& range, RandomStream& stream) {
  if (range.low == range.high) return range.low;
  const double u = stream.uniform();
  const double value = range.log ? std::exp(std::log(range.low) + (std::log(range.high) - std::log(range.low)) * u)
                                 : range.low + (range.high - range.low) * u;
  return std::clamp(value, range.low, std::nextafter(range.high, range.low));
}

}  // namespace

double draw_code(const parameter::Distribution& distribution, RandomStream& stream) {
  if (const auto* range = std::get_if<parameter::Integer>(&distribution); range != nullptr && range->log) {
    return draw_log_integer(*range, stream);
  }
  const auto values = parameter::size(distribution);
  if (values) return static_cast<double>(stream.below(static_cast<std::uint64_t>(*values)));
  return draw_continuous(std::get<parameter::Float>(distribution), stream);
}

parameter::Assignment draw_assignment(const parameter::Space& space, RandomStream& stream) {
  parameter::Assignment assignment(space.parameters().size(), parameter::kInactive);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (space.is_active(assignment, i)) assignment[i] = draw_code(space.parameters()[i].distribution, stream);
  }
  return assignment;
}

}  // namespace lathe::sampler
