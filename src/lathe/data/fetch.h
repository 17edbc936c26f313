#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Is told how many bytes have come and how many there are (0: unknown), several times a second; returns whether to go
/// on.
using FetchProgress = std::function<bool(std::int64_t done_bytes, std::int64_t total_bytes)>;

/// Says what a download left.
struct FetchedFile {
  std::filesystem::path path;
  std::int64_t size_bytes = 0;
  std::string hash;         ///< SHA-256 (hex) of the file
  bool downloaded = false;  ///< false: it was there already, with the recorded hash
  bool first_use = false;   ///< the hash was recorded now; later downloads must have it
};

/// Downloads `url` (http, https) to `target`: into a temporary file beside it, renamed when complete. The SHA-256 is
/// recorded in `TARGET.sha256` at first use and checked from then on; a target that has the recorded hash is not
/// downloaded again. Returns nullopt when `progress` asked to stop. Whatever fails, no new file is left.
/// Throws SystemError (no connection, an HTTP error with its number, a full disk) and DataError (another hash than the
/// recorded one, a web page where a file was expected).
std::optional<FetchedFile> fetch_file(const std::string& url, const std::filesystem::path& target,
                                      const FetchProgress& progress = {});

/// Downloads a data set's public file into `folder`, from `url` where given. An address of OpenML's description of a
/// data set (`.../api/v1/json/data/ID`) is followed to the file that it names. Throws UserError for a data set that
/// has nothing to download, and as fetch_file.
std::optional<FetchedFile> fetch_dataset(const DatasetKind& kind, const std::string& url,
                                         const std::filesystem::path& folder, const FetchProgress& progress = {});

}  // namespace lathe::data
