#include "lathe/storage/postgres/address.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "lathe/base/error.h"

namespace lathe::storage::postgres {
namespace {

/// What a URL gets that does not say otherwise: a server that has gone is noticed in seconds, not hours.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kDefaults{
    {{"connect_timeout", "10"}, {"tcp_user_timeout", "20000"}, {"application_name", "lathe"}}};

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      plain += static_cast<char>(code);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Cuts the password out of `user:password@host`.
std::string cut_user_password(std::string& authority) {
  const std::size_t at = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  if (at == std::string::npos || colon == std::string::npos || colon > at) return {};
  std::string password = authority.substr(colon + 1, at - colon - 1);
  authority.erase(colon, at - colon);
  return password;
}

/// Cuts `password=...` out of the options behind the question mark.
std::string cut_option_password(std::string& options) {
  constexpr std::string_view kKey = "password=";
  std::size_t begin = options.starts_with(kKey) ? 0 : options.find("&password=");
  if (begin == std::string::npos) return {};
  const std::size_t value = begin + kKey.size() + (begin > 0 ? 1 : 0);
  const std::size_t end = std::min(options.find('&', value), options.size());
  std::string password = options.substr(value, end - value);
  options.erase(begin, end - begin);
  if (begin == 0 && options.starts_with('&')) options.erase(0, 1);
  return password;
}

bool has_option(std::string_view options, std::string_view key) {
  const std::string wanted = "&" + std::string(key) + "=";
  return ("&" + std::string(options)).find(wanted) != std::string::npos;
}

}  // namespace

std::string Address::without_password(std::string text) const {
  replace_all(text, password, "***");
  replace_all(text, decoded(password), "***");
  return text;
}

Address read_address(const std::string& url) {
  const std::size_t scheme_end = url.find("://");
  const std::string scheme = url.substr(0, url.find_first_of(":+"));
  if (scheme_end == std::string::npos || (scheme != "postgresql" && scheme != "postgres")) {
    throw UserError("the address of a PostgreSQL database starts with postgresql://");
  }
  std::string rest = url.substr(scheme_end + 3);
  const std::size_t question = std::min(rest.find('?'), rest.size());
  std::string options = question < rest.size() ? rest.substr(question + 1) : std::string();
  const std::string location = rest.substr(0, question);
  const std::size_t slash = std::min(location.find('/'), location.size());
  std::string authority = location.substr(0, slash);
  const std::string all_options = options;

  Address address;
  address.password = cut_user_password(authority);
  const std::string option_password = cut_option_password(options);
  if (!option_password.empty()) address.password = option_password;
  address.shown = "postgresql://" + authority + location.substr(slash) + (options.empty() ? "" : "?" + options);
  address.connection = "postgresql://" + location + "?" + all_options;
  for (const auto& [key, value] : kDefaults) {
    if (has_option(all_options, key)) continue;
    const char* separator = address.connection.ends_with('?') ? "" : "&";
    address.connection += fmt::format("{}{}={}", separator, key, value);
  }
  return address;
}

}  // namespace lathe::storage::postgres
