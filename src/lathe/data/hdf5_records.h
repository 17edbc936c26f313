#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// Reads tables of records with libhdf5 in this process, which damaged files can make libhdf5 crash: everybody reads
/// them through hdf5_table.h, in a process of its own. Not thread-safe, as libhdf5.
namespace lathe::data {

/// So many rows come at once.
inline constexpr std::uint64_t kRecordsPerRead = 65'536;

/// A table that claims more rows is refused.
inline constexpr std::uint64_t kMostRecords = 1'000'000'000;

/// Takes the values of the next rows, row-major; `rows` are in the whole table.
using RecordReceiver = std::function<void(std::uint64_t rows, std::span<const float> values)>;

/// Does what holds_hdf5_table does, for a file with the signature of HDF5.
bool holds_records(const std::filesystem::path& path, const std::string& table);

/// Does what read_hdf5_table does, for a file with the signature of HDF5.
void read_records(const std::filesystem::path& path, const std::string& table, const std::vector<std::string>& columns,
                  const RecordReceiver& receive);

}  // namespace lathe::data
