#include "lathe/quant/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

UserError option_error(const FormatKind& kind, const std::string& message) {
  return UserError(fmt::format("number format {}: {}", kind.name, message));
}

void check_names(const FormatKind& kind, std::span<const GivenOption> given) {
  std::vector<std::string> known;
  for (const auto& declaration : kind.options) known.push_back(declaration.name);
  for (auto option = given.begin(); option != given.end(); ++option) {
    if (std::find(known.begin(), known.end(), option->name) == known.end())
      throw option_error(kind, fmt::format("unknown option \"{}\"{}", option->name, suggestion(option->name, known)));
    if (std::any_of(given.begin(), option, [&](const GivenOption& o) { return o.name == option->name; }))
      throw option_error(kind, fmt::format("option {} is given twice", option->name));
  }
}

// Reals are float32 (`converted`): the shortest text of the float.
std::string show(double value) {
  std::string text = fmt::format("{}", static_cast<float>(value));
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string show(std::int64_t value) { return std::to_string(value); }

template <typename Number>
std::string show_list(const std::vector<Number>& list) {
  std::string text = "[";
  for (std::size_t i = 0; i < list.size(); ++i) text += (i == 0 ? "" : ", ") + show(list[i]);
  return text + "]";
}

std::string show(const OptionValue& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return show(*integer);
  if (const auto* number = std::get_if<double>(&value)) return show(*number);
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) return show_list(*numbers);
  if (const auto* integers = std::get_if<Shape>(&value)) return show_list(*integers);
  return std::get<std::string>(value);
}

/// Returns what the user gave as the type of the option; nullopt where nothing was.
std::optional<OptionValue> given_value(const FormatKind& kind, const FormatOptionDeclaration& declaration,
                                       std::span<const GivenOption> given) {
  const auto found =
      std::find_if(given.begin(), given.end(), [&](const GivenOption& o) { return o.name == declaration.name; });
  if (found != given.end() && found->value) {
    if (auto value = converted(*found->value, declaration.type)) return value;
    throw option_error(
        kind, fmt::format("{} must be {}; got {}", declaration.name, to_string(declaration.type), show(*found->value)));
  }
  if (declaration.default_value || declaration.optional) return std::nullopt;
  throw option_error(kind, found == given.end() ? fmt::format("option {} is missing", declaration.name)
                                                : fmt::format("option {} may not be NA", declaration.name));
}

std::vector<double> numbers_of(const OptionValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return {static_cast<double>(*integer)};
  if (const auto* number = std::get_if<double>(&value)) return {*number};
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) return *numbers;
  if (const auto* integers = std::get_if<Shape>(&value)) return {integers->begin(), integers->end()};
  return {};
}

void check_range(const FormatKind& kind, const FormatOptionDeclaration& declaration, const OptionValue& value) {
  const bool real = declaration.type == OptionType::kReal || declaration.type == OptionType::kReals;
  const auto bound = [real](double number) { return real ? static_cast<double>(static_cast<float>(number)) : number; };
  for (const double number : numbers_of(value))
    if (!(number >= bound(declaration.low) && number <= bound(declaration.high)))
      throw option_error(kind, fmt::format("{} must be in [{}, {}]; got {}", declaration.name, declaration.low,
                                           declaration.high, real ? show(number) : fmt::format("{}", number)));
  const bool is_list = declaration.type == OptionType::kReals || declaration.type == OptionType::kIntegers;
  if (is_list && numbers_of(value).empty()) throw option_error(kind, declaration.name + " is an empty list");
  if (declaration.type != OptionType::kName) return;
  const std::string& name = std::get<std::string>(value);
  if (std::find(declaration.names.begin(), declaration.names.end(), name) == declaration.names.end())
    throw option_error(kind, fmt::format("{} is no {}{}", name, declaration.name, suggestion(name, declaration.names)));
}

std::vector<double> in_floats(std::vector<double> numbers) {
  for (double& number : numbers) number = static_cast<double>(static_cast<float>(number));
  return numbers;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

UserError text_error(std::string_view text) {
  return UserError(
      fmt::format("\"{}\" is no number format; expected the form integer(width=8, frac_width=4, signed=1)", text));
}

template <typename Number>
std::optional<Number> read_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Cuts text at the commas that stand in no brackets.
std::vector<std::string_view> items_of(std::string_view text) {
  std::vector<std::string_view> items;
  int depth = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '[') ++depth;
    if (i < text.size() && text[i] == ']') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    items.push_back(trimmed(text.substr(first, i - first)));
    first = i + 1;
  }
  if (items.size() == 1 && items[0].empty()) items.clear();
  return items;
}

OptionValue parse_list(std::string_view inside, std::string_view whole) {
  Shape integers;
  std::vector<double> numbers;
  for (const std::string_view item : items_of(inside)) {
    if (const auto integer = read_number<std::int64_t>(item)) integers.push_back(*integer);
    const auto number = read_number<double>(item);
    if (!number) throw text_error(whole);
    numbers.push_back(*number);
  }
  if (integers.size() == numbers.size()) return integers;
  return numbers;
}

std::optional<OptionValue> parse_option_value(std::string_view value, std::string_view whole) {
  if (value == "NA") return std::nullopt;
  if (value == "true" || value == "false") return value == "true";
  if (value.starts_with('[') && value.ends_with(']')) return parse_list(value.substr(1, value.size() - 2), whole);
  if (const auto integer = read_number<std::int64_t>(value)) return *integer;
  if (const auto number = read_number<double>(value)) return *number;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_letter)) throw text_error(whole);
  return std::string(value);
}

GivenOption parse_option(std::string_view item, std::string_view whole) {
  const auto equals = item.find('=');
  if (equals == std::string_view::npos) throw text_error(whole);
  return {std::string(trimmed(item.substr(0, equals))), parse_option_value(trimmed(item.substr(equals + 1)), whole)};
}

}  // namespace

std::string to_string(OptionType type) {
  switch (type) {
    case OptionType::kBoolean: return "true or false";
    case OptionType::kInteger: return "an integer";
    case OptionType::kReal: return "a number";
    case OptionType::kReals: return "a list of numbers";
    case OptionType::kIntegers: return "a list of integers";
    case OptionType::kName: return "a name";
  }
  return {};
}

std::optional<OptionValue> converted(const OptionValue& value, OptionType type) {
  const bool numeric = std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
  const bool list = std::holds_alternative<Shape>(value) || std::holds_alternative<std::vector<double>>(value);
  if (type == OptionType::kReal && numeric) return in_floats(numbers_of(value)).front();
  if (type == OptionType::kReals && (numeric || list)) return in_floats(numbers_of(value));
  if (value.index() == static_cast<std::size_t>(type)) return value;
  if (type == OptionType::kInteger && std::holds_alternative<bool>(value))
    return std::int64_t{std::get<bool>(value) ? 1 : 0};
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (type == OptionType::kIntegers && integer != nullptr) return Shape{*integer};
  return std::nullopt;
}

const OptionValue* Format::find(std::string_view name) const {
  const auto found = std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.name == name; });
  return found == options.end() ? nullptr : &found->value;
}

std::int64_t Format::integer(std::string_view name) const {
  const OptionValue* value = find(name);
  LATHE_CHECK(value != nullptr, "number format {} has no option {}", kind, name);
  return std::get<std::int64_t>(*value);
}

std::string Format::to_string() const {
  std::string text = kind + "(";
  for (std::size_t i = 0; i < options.size(); ++i)
    text += fmt::format("{}{}={}", i == 0 ? "" : ", ", options[i].name, show(options[i].value));
  return text + ")";
}

const FormatKind& format_kind(std::string_view name) {
  if (const FormatKind* kind = format_kinds().find(name)) return *kind;
  throw UserError(
      fmt::format("unknown number format \"{}\"{}", name, suggestion(name, format_kinds().all_spellings())));
}

const FormatOptionDeclaration* find_option(std::string_view name) {
  for (const FormatKind& kind : format_kinds())
    for (const FormatOptionDeclaration& option : kind.options)
      if (option.name == name) return &option;
  return nullptr;
}

Format make_format(std::string_view kind_name, std::span<const GivenOption> given) {
  const FormatKind& kind = format_kind(kind_name);
  check_names(kind, given);
  Format format{kind.name, {}};
  for (const auto& declaration : kind.options) {
    std::optional<OptionValue> value = given_value(kind, declaration, given);
    if (!value && declaration.default_value) value = declaration.default_value(format, given);
    if (!value) continue;
    check_range(kind, declaration, *value);
    if (declaration.optional && !declaration.names.empty() && *value == OptionValue(declaration.names.front()))
      continue;
    format.options.push_back({declaration.name, std::move(*value)});
  }
  try {
    kind.arithmetic(format);
  } catch (const UserError& error) {
    throw option_error(kind, error.what());
  }
  return format;
}

Format parse_format(std::string_view text) {
  const std::string_view whole = trimmed(text);
  const auto open = whole.find('(');
  if (open == std::string_view::npos || whole.back() != ')') throw text_error(text);
  std::vector<GivenOption> given;
  for (const std::string_view item : items_of(whole.substr(open + 1, whole.size() - open - 2)))
    given.push_back(parse_option(item, text));
  return make_format(trimmed(whole.substr(0, open)), given);
}

std::optional<std::string> misfit(const Format& format, const Shape& shape) {
  const Arithmetic arithmetic = format_kind(format.kind).arithmetic(format);
  const Granularity& granularity = arithmetic.granularity;
  if (granularity.kind == Granularity::Kind::kBlock && granularity.block.size() > shape.size())
    return fmt::format("{}: a block of {} does not lie in {}", format.to_string(), lathe::to_string(granularity.block),
                       lathe::to_string(shape));
  if (granularity.kind != Granularity::Kind::kChannel) return std::nullopt;
  const auto axis = static_cast<std::size_t>(granularity.axis);
  if (axis >= shape.size())
    return fmt::format("{}: {} has no dimension {}", format.to_string(), lathe::to_string(shape), axis);
  for (const std::vector<double>& constants : arithmetic.channel_constants)
    if (constants.size() > 1 && static_cast<std::int64_t>(constants.size()) != shape[axis])
      return fmt::format("{}: {} numbers for the {} indices of dimension {} of {}", format.to_string(),
                         constants.size(), shape[axis], axis, lathe::to_string(shape));
  return std::nullopt;
}

}  // namespace lathe::quant
