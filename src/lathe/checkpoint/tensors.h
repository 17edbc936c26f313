#pragma once

#include <string>
#include <vector>

#include "lathe/checkpoint/safetensors.h"
#include "lathe/engine/state.h"

namespace lathe::checkpoint {

/// Makes a stored tensor of a state's tensor: F32, or I64 for an integral one.
StoredTensor store_tensor(const std::string& name, const engine::NamedTensor& tensor);
/// Returns the values of a stored tensor as float (F64, F32, F16, BF16, integers, BOOL; rounded to nearest even).
/// Throws DataError for other dtypes.
std::vector<float> float_values(const StoredTensor& tensor, const std::string& path);

/// Stores and reads float64 tables (the history).
StoredTensor store_doubles(const std::string& name, Shape shape, const std::vector<double>& values);
std::vector<double> double_values(const StoredTensor& tensor, const std::string& path);

}  // namespace lathe::checkpoint
