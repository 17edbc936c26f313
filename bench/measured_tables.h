#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "problems.h"

namespace lathe::bench {

/// Makes problems of the tables of trained networks in a folder (nasbench201_cifar10.csv, nasbenchmacro_cifar10.csv,
/// hpolib_protein_structure.csv): every cell of a grid, with what training it gave, means over the seeds. Accuracies
/// become errors in percent. Two objectives (error, million FLOPs) are scaled to [0, 1] of the table's range. Files
/// that are absent are left out.
///
/// Tables of `lathe table` in the folder (NAME.json with NAME.npz) are problems too: table_NAME, table_NAME_mo with two
/// objectives; values are means over the seeds, scaled to [0, 1] of the table's range.
std::vector<Problem> measured_problems(const std::filesystem::path& folder);

}  // namespace lathe::bench
