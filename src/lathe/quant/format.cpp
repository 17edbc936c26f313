#include "lathe/quant/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

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

std::int64_t resolve(const FormatKind& kind, const FormatOptionDeclaration& declaration,
                     std::span<const GivenOption> given, const Format& so_far) {
  const auto found =
      std::find_if(given.begin(), given.end(), [&](const GivenOption& o) { return o.name == declaration.name; });
  if (found != given.end() && found->value) return *found->value;
  if (declaration.default_value) return declaration.default_value(so_far);
  throw option_error(kind, found == given.end() ? fmt::format("option {} is missing", declaration.name)
                                                : fmt::format("option {} may not be NA", declaration.name));
}

void check_range(const FormatKind& kind, const FormatOptionDeclaration& declaration, std::int64_t value) {
  if (value >= declaration.low && value <= declaration.high) return;
  throw option_error(
      kind, fmt::format("{} must be in [{}, {}]; got {}", declaration.name, declaration.low, declaration.high, value));
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

std::optional<std::int64_t> parse_option_value(std::string_view value, std::string_view whole) {
  if (value == "NA") return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) throw text_error(whole);
  return number;
}

GivenOption parse_option(std::string_view item, std::string_view whole) {
  const auto equals = item.find('=');
  if (equals == std::string_view::npos) throw text_error(whole);
  return {std::string(trimmed(item.substr(0, equals))), parse_option_value(trimmed(item.substr(equals + 1)), whole)};
}

}  // namespace

std::int64_t Format::option(std::string_view name) const {
  const auto found = std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.name == name; });
  LATHE_CHECK(found != options.end(), "number format {} has no option {}", kind, name);
  return found->value;
}

std::string Format::to_string() const {
  std::string text = kind + "(";
  for (std::size_t i = 0; i < options.size(); ++i)
    text += fmt::format("{}{}={}", i == 0 ? "" : ", ", options[i].name, options[i].value);
  return text + ")";
}

const FormatKind& format_kind(std::string_view name) {
  if (const FormatKind* kind = format_kinds().find(name)) return *kind;
  throw UserError(
      fmt::format("unknown number format \"{}\"{}", name, suggestion(name, format_kinds().all_spellings())));
}

Format make_format(std::string_view kind_name, std::span<const GivenOption> given) {
  const FormatKind& kind = format_kind(kind_name);
  check_names(kind, given);
  Format format{kind.name, {}};
  for (const auto& declaration : kind.options) {
    const std::int64_t value = resolve(kind, declaration, given, format);
    check_range(kind, declaration, value);
    format.options.push_back({declaration.name, value});
  }
  return format;
}

Format parse_format(std::string_view text) {
  const std::string_view whole = trimmed(text);
  const auto open = whole.find('(');
  if (open == std::string_view::npos || whole.back() != ')') throw text_error(text);
  std::string_view rest = trimmed(whole.substr(open + 1, whole.size() - open - 2));
  std::vector<GivenOption> given;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    given.push_back(parse_option(rest.substr(0, comma), text));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return make_format(trimmed(whole.substr(0, open)), given);
}

std::unique_ptr<const Quantizer> make_quantizer(const Format& format) { return format_kind(format.kind).make(format); }

}  // namespace lathe::quant
