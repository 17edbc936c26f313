#include "lathe/app/project.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/base/visible.h"

namespace lathe::app {
namespace {

std::string without_slashes(std::string text) {
  std::replace(text.begin(), text.end(), '/', '-');
  while (text.starts_with('.') || text.starts_with('-')) text.erase(0, 1);
  return text;
}

std::string automatic_name(const recipe::Settings& settings) {
  const std::string model = settings.model_is_table || settings.model.empty() ? "model" : settings.model;
  return fmt::format("{}_{}_{}_{:%Y-%m-%d}", without_slashes(model), settings.task, without_slashes(settings.dataset),
                     fmt::localtime(std::time(nullptr)));
}

// A project is a folder in project_dir: its name does not lead elsewhere.
void check_name(const recipe::Settings& settings) {
  const std::filesystem::path name = settings.project;
  const bool climbs = std::find(name.begin(), name.end(), "..") != name.end();
  if (!name.is_absolute() && !climbs) return;
  const std::string message = fmt::format(
      "\"{}\" leads out of project_dir: give a name, and the folder that it is in as "
      "project_dir",
      visible_line(settings.project));
  const auto given = settings.given.find("project");
  if (given == settings.given.end()) throw UserError("project", message);
  throw UserError(given->second, "project", message);
}

}  // namespace

std::filesystem::path project_folder(const recipe::Settings& settings) {
  check_name(settings);
  const std::string name = settings.project.empty() ? automatic_name(settings) : settings.project;
  return std::filesystem::path(settings.project_dir) / name;
}

std::string project_name(const std::filesystem::path& project) {
  std::filesystem::path folder = project.lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // `p/`
  const std::string name = folder.filename().string();
  return name.empty() || name == "." || name == ".." ? "study" : name;
}

std::filesystem::path search_folder(const std::filesystem::path& project) { return project / "search_ckpts"; }

std::filesystem::path project_database(const std::filesystem::path& project) {
  return search_folder(project) / "study.db";
}

void write_project_settings(const std::filesystem::path& project, const std::string& document) {
  const std::filesystem::path file = project / "settings.toml";
  if (is_file(file) && !read_text_file(file).starts_with("lathe_version = ")) {
    log::warning("{} is not of lathe and stays as it is; the folder of the run has its settings", file.string());
    return;
  }
  write_text_file_atomically(file, document);
}

}  // namespace lathe::app
