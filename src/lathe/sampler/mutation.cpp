#include "lathe/sampler/mutation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "lathe/sampler/draw.h"

namespace lathe::sampler {
namespace {

constexpr double kContinuousStep = 0.1;
constexpr int kDraws = 16;

/// Brings a place back into [low, high] as a mirror at each end would.
double reflected(double place, double low, double high) {
  if (place < low) place = 2 * low - place;
  if (place > high) place = 2 * high - place;
  return std::clamp(place, low, high);
}

double number_of(const parameter::Choice& choice) {
  if (const auto* integer = std::get_if<std::int64_t>(&choice)) return static_cast<double>(*integer);
  const auto* number = std::get_if<double>(&choice);
  return number != nullptr ? *number : std::numeric_limits<double>::quiet_NaN();
}

double other_log_integer(const parameter::Distribution& distribution, double code, RandomStream& stream) {
  double drawn = draw_code(distribution, stream);
  for (int i = 0; i < kDraws && drawn == code; ++i) drawn = draw_code(distribution, stream);
  return drawn;
}

}  // namespace

bool is_ordered(const parameter::Distribution& distribution) {
  const auto* list = std::get_if<parameter::Categorical>(&distribution);
  if (list == nullptr) return true;
  for (std::size_t i = 1; i < list->choices.size(); ++i) {
    if (!(number_of(list->choices[i - 1]) < number_of(list->choices[i]))) return false;
  }
  return true;
}

double other_value(const parameter::Distribution& distribution, double code, RandomStream& stream) {
  const auto values = parameter::size(distribution);
  if (!values) return draw_code(distribution, stream);
  if (*values == 1) return code;
  const auto* range = std::get_if<parameter::Integer>(&distribution);
  if (range != nullptr && range->log) return other_log_integer(distribution, code, stream);
  const auto drawn = static_cast<double>(stream.below(static_cast<std::uint64_t>(*values - 1)));
  return drawn < code ? drawn : drawn + 1;
}

double nearby_value(const parameter::Distribution& distribution, double code, RandomStream& stream) {
  if (!is_ordered(distribution)) return other_value(distribution, code, stream);
  const auto values = parameter::size(distribution);
  if (!values) {
    return code_at(distribution, reflected(unit_of(distribution, code) + kContinuousStep * stream.normal(), 0, 1));
  }
  if (*values == 1) return code;
  const double distance = 1 + std::countr_zero(stream.next_u32() | 0x80000000U);
  const bool up = stream.next_u32() % 2 == 0;
  const double moved = reflected(up ? code + distance : code - distance, 0, static_cast<double>(*values - 1));
  return moved != code ? moved : (code > 0 ? code - 1 : code + 1);
}

double polynomial_value(const parameter::Distribution& distribution, double code, double eta, RandomStream& stream) {
  if (!parameter::is_numeric(distribution)) return other_value(distribution, code, stream);
  const double place = unit_of(distribution, code);
  const double u = stream.uniform();
  const double power = 1 / (eta + 1);
  const double delta = u <= 0.5 ? std::pow(2 * u + (1 - 2 * u) * std::pow(1 - place, eta + 1), power) - 1
                                : 1 - std::pow(2 * (1 - u) + 2 * (u - 0.5) * std::pow(place, eta + 1), power);
  return code_at(distribution, std::clamp(place + delta, 0.0, 1.0));
}

}  // namespace lathe::sampler
