#pragma once

#include <filesystem>

#include "lathe/config/settings.h"

namespace lathe::cli {

/// Returns the folder that a run writes to: `project_dir/project`; without a project `{model}_{task}_{dataset}_{date}`,
/// with - for the slashes of paths. Nothing is made.
std::filesystem::path project_folder(const config::Settings& settings);

}  // namespace lathe::cli
