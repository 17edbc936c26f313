#pragma once

#include <fmt/format.h>

#include "lathe/base/error.h"

/// Throws InternalError when a condition that our own code promises does not hold.
#define LATHE_CHECK(condition, ...)                                                                            \
  do {                                                                                                         \
    if (!(condition)) [[unlikely]]                                                                             \
      throw ::lathe::InternalError(                                                                            \
          ::fmt::format("check failed: " #condition __VA_OPT__("; ") "{}", ::lathe::check_text(__VA_ARGS__))); \
  } while (false)

/// As LATHE_CHECK for equality; prints both values.
#define LATHE_CHECK_EQ(left, right)                                                                      \
  do {                                                                                                   \
    const auto& lathe_left_ = (left);                                                                    \
    const auto& lathe_right_ = (right);                                                                  \
    if (!(lathe_left_ == lathe_right_)) [[unlikely]]                                                     \
      throw ::lathe::InternalError(                                                                      \
          ::fmt::format("check failed: " #left " == " #right "; {} and {}", lathe_left_, lathe_right_)); \
  } while (false)

namespace lathe {
inline std::string check_text() { return {}; }
template <typename... Args>
std::string check_text(fmt::format_string<Args...> text, Args&&... args) {
  return fmt::format(text, std::forward<Args>(args)...);
}
}  // namespace lathe
