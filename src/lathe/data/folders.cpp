#include "lathe/data/folders.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

fs::path from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? fs::path{} : fs::path(value);
}

// Says why nothing can be in a place; empty where one can look into it.
std::string state_of(const fs::path& place) {
  std::error_code reason;
  const bool there = fs::exists(place, reason);
  if (!there && !reason) return ": does not exist";
  if (there && ::access(place.c_str(), R_OK) != 0) reason = std::error_code(errno, std::generic_category());
  return reason ? fmt::format(": cannot be looked into: {}", reason.message()) : "";
}

// Where Debian's package dataset-fashion-mnist puts its files.
constexpr const char* kDebianFashion = "/usr/share/datasets/fashion-mnist";

// Adds where a data set is found without anybody saying so.
void add_own_places(const DatasetRequest& request, std::vector<SearchPlace>& places) {
  if (request.name == "jets") places.push_back({bundled_jets_folder(), "bundled sample"});
  const std::vector<std::string> fashion = {"fashion-mnist", "fashion_mnist", "FashionMNIST"};
  if (std::find(fashion.begin(), fashion.end(), request.name) != fashion.end())
    places.push_back({kDebianFashion, "Debian's dataset-fashion-mnist"});
}

}  // namespace

fs::path cache_folder() {
  if (const fs::path cache = from_environment("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "lathe";
  const fs::path home = from_environment("HOME");
  return home.empty() ? fs::path{} : home / ".cache" / "lathe";
}

fs::path bundled_jets_folder() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path().parent_path() / LATHE_INSTALLED_DATA / "jets";
  if (!program.empty() && fs::is_directory(installed, ignored)) return installed;
  return fs::path(LATHE_SOURCE_DATA) / "jets";
}

std::vector<SearchPlace> search_places(const DatasetRequest& request) {
  if (!request.data_dir.empty()) return {{request.data_dir, "data_dir"}};
  std::vector<SearchPlace> places;
  if (const fs::path folder = from_environment("LATHE_DATA_DIR"); !folder.empty()) {
    places.push_back({folder, "LATHE_DATA_DIR"});
  }
  if (const fs::path folder = cache_folder(); !folder.empty()) places.push_back({folder, "cache folder"});
  add_own_places(request, places);
  return places;
}

std::vector<fs::path> search_folders(const DatasetRequest& request) {
  std::vector<fs::path> folders;
  for (const SearchPlace& place : search_places(request)) folders.push_back(place.path);
  return folders;
}

DataError absent_dataset(const DatasetRequest& request, std::string_view looked_for, std::string_view fetchable) {
  std::string text = fmt::format("data set \"{}\" was not found. Looked in:\n", request.name);
  for (const SearchPlace& place : search_places(request)) {
    text += fmt::format("  {} ({}){}\n", place.path.string(), place.origin, state_of(place.path));
  }
  text += fmt::format("for {}.\n", looked_for);
  text +=
      "Say where it is with --data-dir DIR, `data_dir = \"DIR\"` in the file, or the environment variable "
      "LATHE_DATA_DIR";
  if (!fetchable.empty()) text += fmt::format(", or download it with `lathe data fetch {}`", fetchable);
  return DataError(text + ".");
}

std::vector<std::string> read_names(const fs::path& path) {
  const std::string text = read_data_text(path);
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string::npos) names.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
    begin = end + 1;
  }
  return names;
}

}  // namespace lathe::data
