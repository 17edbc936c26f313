#include "lathe/space/domain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/config/field.h"

namespace lathe::space {
namespace {

constexpr const char* kRangeExample = "{ low = 2, high = 16 }";

std::vector<Scalar> read_choices(const config::Value& list) {
  if (!list.is_array()) list.fail(fmt::format("must be a list of choices; for one choice write [{}]", list.to_toml()));
  if (list.as_array().empty()) list.fail("the list of choices is empty; it needs at least one");
  std::vector<Scalar> choices;
  for (const config::Value& choice : list.as_array()) choices.push_back(read_scalar(choice));
  return choices;
}

When read_when(const config::Value& table) {
  constexpr const char* kExample = "when = { key = \"name\", is = [\"integer\"] }";
  static const std::vector<std::string> known{"key", "is"};
  if (!table.is_table()) table.fail(fmt::format("expected a table: {}", kExample));
  for (const config::Member& member : table.as_table()) {
    if (member.name != "key" && member.name != "is") config::unknown_key(member, known);
  }
  When when{.key = table.find("key")};
  const config::Value* is = table.find("is");
  if (when.key == nullptr || is == nullptr) {
    table.fail(fmt::format("{} is missing; write, for example, {}", is == nullptr ? "is" : "key", kExample));
  }
  when.key->as_string();
  if (is->is_array() && is->as_array().empty()) is->fail("the list is empty; the key would never be there");
  if (is->is_array()) {
    for (const config::Value& value : is->as_array()) when.is_sources.push_back(&value);
  } else {
    when.is_sources.push_back(is);
  }
  for (const config::Value* value : when.is_sources) when.is.push_back(read_scalar(*value));
  return when;
}

/// Holds the members of a range that are there.
struct RangeMembers {
  const config::Value* low = nullptr;
  const config::Value* high = nullptr;
  const config::Value* step = nullptr;
  bool log = false;
};

RangeMembers range_members(const config::Value& table) {
  RangeMembers members{.low = table.find("low"), .high = table.find("high"), .step = table.find("step")};
  if (const config::Value* log = table.find("log")) members.log = log->as_boolean();
  if (members.low == nullptr && members.high == nullptr) {
    table.fail(fmt::format("needs choices = [...], or low and high: {}", kRangeExample));
  }
  if (members.low == nullptr || members.high == nullptr) {
    table.fail(fmt::format("{} is missing; a range has both ends: {}", members.low == nullptr ? "low" : "high",
                           kRangeExample));
  }
  return members;
}

bool all_integers(const RangeMembers& members) {
  return members.low->is_integer() && members.high->is_integer() &&
         (members.step == nullptr || members.step->is_integer());
}

[[noreturn]] void fail_for_fraction(const RangeMembers& members) {
  for (const config::Value* value : {members.low, members.high, members.step}) {
    if (value == nullptr || value->is_integer()) continue;
    value->as_number();
    value->fail(fmt::format("must be an integer, as the values of this key are; got {}", value->to_toml()));
  }
  throw InternalError("a range of integers was taken for another");
}

parameter::Distribution range_of(const RangeMembers& members, bool integers) {
  if (integers) {
    return parameter::Integer{.low = members.low->as_integer(),
                              .high = members.high->as_integer(),
                              .step = members.step != nullptr ? members.step->as_integer() : 1,
                              .log = members.log};
  }
  parameter::Float range{.low = members.low->as_number(), .high = members.high->as_number(), .log = members.log};
  if (members.step != nullptr) range.step = members.step->as_number();
  return range;
}

double upper_end(const parameter::Distribution& distribution) {
  const auto codes = sample_codes(distribution, 2);
  return parameter::internal_value(distribution, codes.back());
}

parameter::Distribution read_range(const config::Value& table, KeyType type) {
  if (type == KeyType::kText) {
    table.fail("has words for values, not numbers: list them, as in { choices = [\"NA\", \"integer\"] }");
  }
  const RangeMembers members = range_members(table);
  const bool integers = type != KeyType::kReal && all_integers(members);
  if (type == KeyType::kInteger && !integers) fail_for_fraction(members);
  parameter::Distribution range = range_of(members, integers);
  try {
    range = parameter::checked(range);
  } catch (const UserError& error) {
    table.fail(error.what());
  }
  if (upper_end(range) != members.high->as_number()) {
    log::warning("{}: {}: the step does not reach high = {}; the last value is {}", table.position().to_string(),
                 table.key(), members.high->to_toml(), upper_end(range));
  }
  if (members.low->as_number() == members.high->as_number()) return parameter::Categorical{{read_scalar(*members.low)}};
  return range;
}

parameter::Distribution read_table(const config::Value& table, KeyType type) {
  static const std::vector<std::string> known{"choices", "low", "high", "step", "log", "when"};
  for (const config::Member& member : table.as_table()) {
    if (std::find(known.begin(), known.end(), member.name) == known.end()) config::unknown_key(member, known);
  }
  const config::Value* choices = table.find("choices");
  if (choices == nullptr) return read_range(table, type);
  for (const char* name : {"low", "high", "step", "log"}) {
    if (const config::Value* member = table.find(name)) member->fail("belongs to a range and excludes choices");
  }
  return parameter::Categorical{read_choices(*choices)};
}

double evenly(double low, double high, double share, bool log) {
  if (share <= 0) return low;
  if (share >= 1) return high;
  if (!log) return low + (high - low) * share;
  const double ratio = high / low;
  const double value = std::isfinite(ratio) ? low * std::pow(ratio, share)
                                            : std::exp(std::log(low) + (std::log(high) - std::log(low)) * share);
  return std::clamp(value, low, high);
}

}  // namespace

Scalar read_scalar(const config::Value& value) {
  if (value.is_na()) return std::monostate{};
  if (value.is_boolean()) return value.as_boolean();
  if (value.is_integer()) return value.as_integer();
  if (value.is_float()) return value.as_number();
  if (value.is_string()) return value.as_string();
  value.fail(fmt::format("a choice must be a number, a string or a boolean; got {}", value.to_toml()));
}

Domain read_domain(const config::Value& value, KeyType type) {
  Domain domain{.distribution = {}, .when = {}, .source = &value};
  if (!value.is_table()) {
    domain.distribution = parameter::Categorical{read_choices(value)};
    return domain;
  }
  domain.distribution = read_table(value, type);
  if (const config::Value* when = value.find("when")) domain.when = read_when(*when);
  return domain;
}

const config::Value* choice_list(const config::Value& source) {
  return source.is_table() ? source.find("choices") : &source;
}

std::string to_text(const parameter::Distribution& distribution) {
  if (const auto* list = std::get_if<parameter::Categorical>(&distribution)) {
    std::string text = "[";
    for (const Scalar& value : list->choices)
      text += fmt::format("{}{}", text.size() > 1 ? ", " : "", to_string(value));
    return text + "]";
  }
  if (const auto* range = std::get_if<parameter::Integer>(&distribution)) {
    return fmt::format("{} .. {}{}{}", range->low, range->high,
                       range->step != 1 ? fmt::format(" step {}", range->step) : "", range->log ? " log" : "");
  }
  const auto& range = std::get<parameter::Float>(distribution);
  return fmt::format("{} .. {}{}{}", range.low, range.high, range.step ? fmt::format(" step {}", *range.step) : "",
                     range.log ? " log" : "");
}

bool is_constant(const parameter::Distribution& distribution) { return parameter::size(distribution) == 1; }

std::vector<double> sample_codes(const parameter::Distribution& distribution, std::size_t most) {
  const auto size = parameter::size(distribution);
  const auto* range = std::get_if<parameter::Float>(&distribution);
  const double low = size ? 0 : range->low;
  const double high = size ? static_cast<double>(*size - 1) : range->high;
  const std::size_t count = size ? std::min<std::size_t>(most, static_cast<std::size_t>(*size)) : most;
  std::vector<double> codes;
  for (std::size_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    const double code = evenly(low, high, share, !size && range->log);
    codes.push_back(size ? std::round(code) : code);
  }
  return codes;
}

}  // namespace lathe::space
