#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

/// Holds a folder (or file) to look in and how it came to be one: `--data-dir`, `LATHE_DATA_DIR`, ...
struct SearchPlace {
  std::filesystem::path path;
  std::string origin;
};

/// Returns what search_folders returns, with origins.
std::vector<SearchPlace> search_places(const DatasetRequest& request);

/// Returns the user's folder for downloaded data: $XDG_CACHE_HOME/lathe, or ~/.cache/lathe; empty without a home.
std::filesystem::path cache_folder();

/// Returns the folder of the bundled jets: beside the installed program, or in the source tree.
std::filesystem::path bundled_jets_folder();

/// Builds the error for a data set that no place holds: where it was looked for, what for, and how to get it.
/// `fetchable` is the name for `lathe data fetch`, empty where there is nothing to download.
DataError absent_dataset(const DatasetRequest& request, std::string_view looked_for, std::string_view fetchable);

/// Reads the lines of a text file, without surrounding blanks; empty lines are left out. Throws SystemError.
std::vector<std::string> read_names(const std::filesystem::path& path);

}  // namespace lathe::data
