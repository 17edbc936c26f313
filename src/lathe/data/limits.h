#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// What readers of data files look at before they set memory aside: a file may claim any size, and a small one may
/// expand to a very large one.
namespace lathe::data {

/// Returns how many bytes a compressed file of `packed` bytes may expand to: 64 times as many, at least 128 MiB.
std::uint64_t most_expanded(std::uint64_t packed);

/// Throws DataError with `path` where `count` numbers of `size` bytes are more than the memory that is available.
/// `what` ends "needs 8.4 GB for ...".
void check_memory(std::uint64_t count, std::uint64_t size, const std::string& path, std::string_view what);

/// As check_memory for the float32 values of a data set, twice: they are copied when parts are split off.
void check_rows_fit(std::uint64_t values, const std::string& path);

/// Cuts a text from a file down to what an error can show: 60 bytes and `...`.
std::string shortened(std::string_view text);

/// Lists names from a file for a message: the first ten, each shortened, and how many more there are.
std::string few_of(const std::vector<std::string>& names);

/// Reads a whole file as read_file does, where it is a plain one that fits into memory. Throws DataError otherwise.
std::vector<std::byte> read_data_file(const std::filesystem::path& path);
std::string read_data_text(const std::filesystem::path& path);

}  // namespace lathe::data
