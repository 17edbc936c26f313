#include "lathe/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace lathe {

std::string SourcePosition::to_string() const {
  if (file.empty()) return {};
  if (line == 0) return file;
  if (column == 0) return fmt::format("{}:{}", file, line);
  return fmt::format("{}:{}:{}", file, line, column);
}

namespace {

std::string joined(const std::string& first, const std::string& second, const std::string& message) {
  std::string text;
  for (const std::string* part : {&first, &second}) {
    if (!part->empty()) text += *part + ": ";
  }
  return text + message;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool equal = same(a[i - 1], b[j - 1]);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (equal ? 0 : 1)});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

UserError::UserError(const std::string& message) : Error(message, ExitCode::kUsage) {}
UserError::UserError(const std::string& key, const std::string& message)
    : Error(joined(key, {}, message), ExitCode::kUsage) {}
UserError::UserError(const SourcePosition& position, const std::string& key, const std::string& message)
    : Error(joined(position.to_string(), key, message), ExitCode::kUsage) {}

DataError::DataError(const std::string& message) : Error(message, ExitCode::kData) {}
DataError::DataError(const std::string& path, const std::string& message)
    : Error(joined(path, {}, message), ExitCode::kData) {}

UnsupportedError::UnsupportedError(const std::string& message) : Error(message, ExitCode::kUnsupported) {}

SystemError::SystemError(const std::string& operation, const std::string& path, const std::string& reason)
    : Error(fmt::format("cannot {} {}: {}", operation, path, reason), ExitCode::kSystem) {}

InternalError::InternalError(const std::string& message, std::source_location where)
    : Error(fmt::format("internal error at {}:{}: {}; please report it with the command that you ran",
                        where.file_name(), where.line(), message),
            ExitCode::kInternal) {}

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, std::span<const std::string> candidates, std::size_t most_listed) {
  std::string text;
  if (const std::string near = nearest_name(name, candidates); !near.empty()) {
    text = fmt::format("; did you mean \"{}\"?", near);
  }
  if (candidates.empty()) return text;
  const std::size_t listed = std::min(candidates.size(), most_listed);
  text += " (known: ";
  for (std::size_t i = 0; i < listed; ++i) text += (i == 0 ? "" : ", ") + candidates[i];
  if (listed < candidates.size()) text += fmt::format(", ... {} in all", candidates.size());
  return text + ")";
}

}  // namespace lathe
