#include "lathe/parameter/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::parameter {
namespace {

constexpr double kGridTolerance = 1e-8;

template <typename... Function>
struct Overloaded : Function... {
  using Function::operator()...;
};
template <typename... Function>
Overloaded(Function...) -> Overloaded<Function...>;

std::optional<double> number_of(const Choice& choice) {
  if (const auto* integer = std::get_if<std::int64_t>(&choice)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&choice)) return *number;
  return std::nullopt;
}

std::int64_t grid_size(double low, double high, double step) {
  return static_cast<std::int64_t>(std::floor((high - low) / step + kGridTolerance)) + 1;
}

// Returns low + code * step as people write it: 0.1 + 2 * 0.1 is 0.3.
double grid_value(const Float& range, double code) {
  const std::string text = fmt::format("{:.15g}", range.low + code * *range.step);
  return std::min(std::strtod(text.c_str(), nullptr), range.high);
}

Distribution checked_integer(Integer range) {
  if (range.low > range.high) throw UserError(fmt::format("low {} is above high {}", range.low, range.high));
  if (range.step < 1) throw UserError(fmt::format("step must be at least 1; got {}", range.step));
  if (range.log && range.step != 1) throw UserError("log and step exclude each other");
  if (range.log && range.low < 1) throw UserError(fmt::format("log needs low >= 1; got {}", range.low));
  constexpr std::int64_t kLargest = std::int64_t{1} << 53;
  if (range.low < -kLargest || range.high > kLargest) throw UserError("integers beyond 2^53 are not supported");
  range.high = range.low + (range.high - range.low) / range.step * range.step;
  return range;
}

Distribution checked_float(Float range) {
  if (!std::isfinite(range.low) || !std::isfinite(range.high)) throw UserError("low and high must be finite");
  if (range.low > range.high) throw UserError(fmt::format("low {} is above high {}", range.low, range.high));
  if (!std::isfinite(range.high - range.low)) throw UserError("low and high are too far apart");
  if (range.log && range.step) throw UserError("log and step exclude each other");
  if (range.log && range.low <= 0) throw UserError(fmt::format("log needs low > 0; got {}", range.low));
  if (!range.step) return range;
  if (!(*range.step > 0)) throw UserError(fmt::format("step must be above 0; got {}", *range.step));
  if (!std::isfinite(*range.step)) throw UserError("step must be finite");
  if ((range.high - range.low) / *range.step > 1e15) throw UserError("the step is too small for the range");
  const auto last = static_cast<double>(grid_size(range.low, range.high, *range.step) - 1);
  range.high = grid_value(range, last);
  return range;
}

std::optional<double> on_grid(double position, std::int64_t count) {
  const double code = std::round(position);
  if (std::abs(position - code) > kGridTolerance * std::max(1.0, std::abs(position))) return std::nullopt;
  if (!(code >= 0) || code >= static_cast<double>(count)) return std::nullopt;
  return code;
}

}  // namespace

std::string to_string(const Choice& choice) {
  if (std::holds_alternative<std::monostate>(choice)) return "NA";
  if (const auto* boolean = std::get_if<bool>(&choice)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&choice)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&choice)) return fmt::format("{}", *number);
  return std::get<std::string>(choice);
}

bool same_value(const Choice& left, const Choice& right) {
  const auto left_number = number_of(left);
  const auto right_number = number_of(right);
  return left_number && right_number ? *left_number == *right_number : left == right;
}

Distribution checked(Distribution distribution) {
  return std::visit(Overloaded{[](Categorical list) -> Distribution {
                                 if (list.choices.empty()) throw UserError("needs at least one choice");
                                 return list;
                               },
                               [](Integer range) { return checked_integer(range); },
                               [](Float range) { return checked_float(range); }},
                    std::move(distribution));
}

std::optional<std::int64_t> size(const Distribution& distribution) {
  return std::visit(Overloaded{[](const Categorical& list) -> std::optional<std::int64_t> {
                                 return static_cast<std::int64_t>(list.choices.size());
                               },
                               [](const Integer& range) -> std::optional<std::int64_t> {
                                 return (range.high - range.low) / range.step + 1;
                               },
                               [](const Float& range) -> std::optional<std::int64_t> {
                                 if (!range.step) return std::nullopt;
                                 return grid_size(range.low, range.high, *range.step);
                               }},
                    distribution);
}

bool is_numeric(const Distribution& distribution) { return !std::holds_alternative<Categorical>(distribution); }

double internal_value(const Distribution& distribution, double code) {
  return std::visit(Overloaded{[&](const Categorical&) { return code; },
                               [&](const Integer& range) {
                                 return static_cast<double>(range.low) + code * static_cast<double>(range.step);
                               },
                               [&](const Float& range) { return range.step ? grid_value(range, code) : code; }},
                    distribution);
}

Choice choice(const Distribution& distribution, double code) {
  if (const auto* list = std::get_if<Categorical>(&distribution)) {
    LATHE_CHECK(code >= 0 && code < static_cast<double>(list->choices.size()), "code {}", code);
    return list->choices[static_cast<std::size_t>(code)];
  }
  const double value = internal_value(distribution, code);
  if (std::holds_alternative<Integer>(distribution)) return static_cast<std::int64_t>(value);
  return value;
}

std::optional<double> code_of_internal(const Distribution& distribution, double internal) {
  if (!std::isfinite(internal)) return std::nullopt;
  if (const auto* range = std::get_if<Float>(&distribution); range != nullptr && !range->step) {
    if (internal < range->low || internal > range->high) return std::nullopt;
    return internal;
  }
  const double low = std::visit(Overloaded{[](const Categorical&) { return 0.0; },
                                           [](const auto& range) { return static_cast<double>(range.low); }},
                                distribution);
  const double step = std::visit(Overloaded{[](const Categorical&) { return 1.0; },
                                            [](const Integer& range) { return static_cast<double>(range.step); },
                                            [](const Float& range) { return *range.step; }},
                                 distribution);
  return on_grid((internal - low) / step, *size(distribution));
}

std::optional<double> code_of(const Distribution& distribution, const Choice& value) {
  if (const auto* list = std::get_if<Categorical>(&distribution)) {
    const auto found = std::find_if(list->choices.begin(), list->choices.end(),
                                    [&](const Choice& choice) { return same_value(choice, value); });
    if (found == list->choices.end()) return std::nullopt;
    return static_cast<double>(found - list->choices.begin());
  }
  const auto number = number_of(value);
  return number ? code_of_internal(distribution, *number) : std::nullopt;
}

}  // namespace lathe::parameter
