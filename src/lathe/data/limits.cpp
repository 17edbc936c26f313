#include "lathe/data/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/process_memory.h"

namespace lathe::data {
namespace {

constexpr std::uint64_t kMostRatio = 64, kLeastLimit = std::uint64_t{128} << 20;

void check_file(const std::filesystem::path& path) {
  const PathKind kind = path_kind(path);
  if (kind == PathKind::kAbsent) throw SystemError("open", path.string(), "No such file or directory");
  if (kind != PathKind::kFile) {
    throw DataError(path.string(), kind == PathKind::kFolder ? "is a folder; expected a file"
                                                             : "is a device or a pipe; expected a plain file");
  }
  check_memory(size_of_file(path), 1, path.string(), "its content");
}

}  // namespace

std::uint64_t most_expanded(std::uint64_t packed) {
  if (packed > std::numeric_limits<std::uint64_t>::max() / kMostRatio) return packed;
  return std::max(packed * kMostRatio, kLeastLimit);
}

void check_memory(std::uint64_t count, std::uint64_t size, const std::string& path, std::string_view what) {
  const std::optional<std::int64_t> available = available_memory();
  std::uint64_t needed = 0;
  const bool overflows = __builtin_mul_overflow(count, size, &needed);
  if (!available || (!overflows && needed <= static_cast<std::uint64_t>(*available))) return;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const auto shown = static_cast<std::int64_t>(overflows ? kMost : std::min(needed, kMost));
  throw DataError(path, fmt::format("needs {} of memory for {}; {} are available", memory_text(shown), what,
                                    memory_text(*available)));
}

void check_rows_fit(std::uint64_t values, const std::string& path) {
  check_memory(values, 2 * sizeof(float), path, "its rows as float32");
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMostShown = 60;
  return text.size() <= kMostShown ? std::string(text) : std::string(text.substr(0, kMostShown)) + "...";
}

std::string few_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMostListed = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostListed); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", shortened(names[i]));
  if (names.size() > kMostListed) text += fmt::format(" and {} more", names.size() - kMostListed);
  return text;
}

std::vector<std::byte> read_data_file(const std::filesystem::path& path) {
  check_file(path);
  return read_file(path);
}

std::string read_data_text(const std::filesystem::path& path) {
  check_file(path);
  return read_text_file(path);
}

}  // namespace lathe::data
