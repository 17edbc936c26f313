#pragma once

#include <filesystem>
#include <string>

#include "lathe/recipe/settings.h"

namespace lathe::app {

/// Returns the folder that a run writes to (UserError where the name of the project leads out of project_dir):
/// `project_dir/project`; without a project `{model}_{task}_{dataset}_{date}`, with - for the slashes of paths. Nothing
/// is made.
std::filesystem::path project_folder(const recipe::Settings& settings);

/// Returns the name of a project: that of its folder.
std::string project_name(const std::filesystem::path& project);

/// Returns what all searches of a project share: the database of its studies, trained base networks, and copies of the
/// newest best.json and log.json, where MASE's scripts look for them.
std::filesystem::path search_folder(const std::filesystem::path& project);
/// Returns the file with the studies of a project.
std::filesystem::path project_database(const std::filesystem::path& project);

/// Writes the settings of the newest run to PROJECT/settings.toml. A file there that is not of lathe stays, with a
/// warning: each run has its settings in its own folder, too.
void write_project_settings(const std::filesystem::path& project, const std::string& document);

}  // namespace lathe::app
