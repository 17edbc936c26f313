#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Tells whether a file is HDF5 by its content and holds a data set of that name, or is a damaged HDF5 file that
/// cannot be looked into (so that reading it says what is wrong). Never throws.
bool holds_hdf5_table(const std::filesystem::path& path, const std::string& table);

/// Reads named number columns of a table of records (a one-dimensional HDF5 data set of compound type), in the order
/// named, as float32. Returns [rows, columns.size()], row-major. Other columns are not converted. Chunks may be
/// compressed with gzip or with h5py's LZF. Throws DataError for a file that is no HDF5, damaged or truncated, a table
/// or column that is absent (those present are listed) and a column that does not hold numbers. Damaged files can make
/// libhdf5 crash: both functions run it in a process of its own (isolated.h). Thread-safe.
std::vector<float> read_hdf5_table(const std::filesystem::path& path, const std::string& table,
                                   const std::vector<std::string>& columns, const Progress& progress = {});

}  // namespace lathe::data
