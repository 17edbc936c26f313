#include "lathe/cli/project.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace lathe::cli {
namespace {

std::string without_slashes(std::string text) {
  std::replace(text.begin(), text.end(), '/', '-');
  while (text.starts_with('.') || text.starts_with('-')) text.erase(0, 1);
  return text;
}

std::string automatic_name(const config::Settings& settings) {
  const std::string model = settings.model_is_table || settings.model.empty() ? "model" : settings.model;
  return fmt::format("{}_{}_{}_{:%Y-%m-%d}", without_slashes(model), settings.task, without_slashes(settings.dataset),
                     fmt::localtime(std::time(nullptr)));
}

}  // namespace

std::filesystem::path project_folder(const config::Settings& settings) {
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

}  // namespace lathe::cli
