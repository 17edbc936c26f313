#include "lathe/app/study_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lathe/app/project.h"
#include "lathe/app/storages.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/base/visible.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

// Returns what the user named; nullopt where it is to be looked for.
std::optional<std::string> named_address(const Request& request, const std::optional<std::string>& storage) {
  if (storage) {
    if (*storage == "memory") throw UserError("--storage", "a storage in memory ends with the program; name a file");
    return storage;
  }
  const bool names_project = !request.config_path.empty() || !request.settings.project.empty();
  if (!names_project) return std::nullopt;
  return project_database(project_folder(request.settings)).string();
}

// Lists the study files of all projects in a folder, by name.
std::vector<std::string> files_of_projects(const fs::path& folder) {
  std::vector<std::string> files;
  if (!is_folder(folder)) return files;
  for (const fs::path& project : list_folder(folder)) {
    const fs::path file = project_database(project);
    try {
      if (path_exists(file)) files.push_back(file.string());
    } catch (const SystemError& error) {
      log::warning("left out: {}", error.what());
    }
  }
  return files;
}

std::string places_text(const std::vector<std::string>& places) {
  constexpr std::size_t kMostShown = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(places.size(), kMostShown); ++i) text += (i == 0 ? "" : ", ") + places[i];
  return places.size() > kMostShown ? fmt::format("{} and {} more", text, places.size() - kMostShown) : text;
}

[[noreturn]] void fail_unknown(const std::string& name, std::vector<std::unique_ptr<storage::Storage>>& storages) {
  std::vector<std::string> known, places;
  for (const auto& storage : storages) {
    places.push_back(storage->address());
    for (const storage::StudyInfo& info : storage->studies()) known.push_back(info.name);
  }
  const std::string hint = known.empty() ? std::string("; there is none at all") : suggestion(name, known);
  throw UserError(
      fmt::format("there is no study \"{}\" in {}{}", visible_line(name), places_text(places), visible_line(hint)));
}

}  // namespace

std::vector<std::string> study_addresses(const Request& request, const std::optional<std::string>& storage) {
  if (const auto named = named_address(request, storage)) return {*named};
  std::vector<std::string> files = files_of_projects(request.settings.project_dir);
  if (files.empty()) {
    throw UserError(
        fmt::format("there is no study file {}/*/search_ckpts/study.db; name one with --storage ADDRESS or "
                    "--config study.toml",
                    request.settings.project_dir));
  }
  return files;
}

std::vector<std::unique_ptr<storage::Storage>> open_study_storages(const Request& request,
                                                                   const std::optional<std::string>& storage) {
  const std::vector<std::string> addresses = study_addresses(request, storage);
  std::vector<std::unique_ptr<storage::Storage>> storages;
  for (const std::string& address : addresses) {
    try {
      storages.push_back(open_existing_storage(address));
    } catch (const SystemError& error) {
      if (addresses.size() == 1) throw;
      log::warning("left out: {}", error.what());
    }
  }
  return storages;
}

StudyPlace find_study(const Request& request, const std::optional<std::string>& storage, const std::string& name) {
  std::vector<std::unique_ptr<storage::Storage>> storages = open_study_storages(request, storage);
  std::vector<StudyPlace> found;
  for (auto& each : storages) {
    if (auto info = each->find_study(name)) found.push_back({std::move(each), std::move(*info)});
  }
  if (found.empty()) fail_unknown(name, storages);
  if (found.size() > 1) {
    std::vector<std::string> places;
    for (const StudyPlace& place : found) places.push_back(place.storage->address());
    throw UserError(fmt::format("there are several studies \"{}\": in {}; name one place with --storage",
                                visible_line(name), places_text(places)));
  }
  if (!named_address(request, storage)) log::info("Study \"{}\" is in {}", name, found[0].storage->address());
  return std::move(found[0]);
}

std::unique_ptr<storage::Storage> open_target_storage(const Request& request,
                                                      const std::optional<std::string>& storage) {
  if (const auto named = named_address(request, storage)) {
    if (!storage) make_directories(fs::path(*named).parent_path());
    return open_storage(*named);
  }
  const std::vector<std::string> files = files_of_projects(request.settings.project_dir);
  if (files.size() != 1) {
    throw UserError(fmt::format("--storage ADDRESS must say where the study goes: there {} in {}",
                                files.empty() ? "is no study file" : fmt::format("are {} study files", files.size()),
                                request.settings.project_dir));
  }
  log::info("The study goes to {}", files[0]);
  return open_existing_storage(files[0]);
}

}  // namespace lathe::app
