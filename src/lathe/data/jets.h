#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "lathe/data/folders.h"
#include "lathe/data/prepare.h"

namespace lathe::data {

/// Tells whether a folder has the layout of the project's simulated jets: feature_names.txt, class_names.txt,
/// X_train.npy, X_test.npy and their labels.
bool is_jets_folder(const std::filesystem::path& folder);

/// Finds simulated jets in the first place that has them, either as the place itself or in its folder `jets`.
std::optional<std::filesystem::path> find_jets(std::span<const SearchPlace> places);

/// Reads the simulated jets; `source` says which (the bundled sample, or those of a folder). Throws as read_arrays.
RawDataset read_jets(const std::filesystem::path& folder);

}  // namespace lathe::data
