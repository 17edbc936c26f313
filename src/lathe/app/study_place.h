#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/app/request.h"
#include "lathe/storage/storage.h"

/// Where stored studies are found. `storage` is an address that was given by hand; none: it follows from the request.
namespace lathe::app {

/// Holds an open storage and one of its studies.
struct StudyPlace {
  std::unique_ptr<storage::Storage> storage;
  storage::StudyInfo info;
  std::filesystem::path project = {};  ///< of its files; empty: not known
};

/// Lists the storages that may be meant: `storage`; else the study file of the project that --config or --project
/// names; else every study file of a project in project_dir. Throws UserError where there is none.
std::vector<std::string> study_addresses(const Request& request, const std::optional<std::string>& storage);

/// Opens the storages of study_addresses. A file that cannot be read among several is named in a warning.
std::vector<std::unique_ptr<storage::Storage>> open_study_storages(const Request& request,
                                                                   const std::optional<std::string>& storage);

/// Finds a study by name. Throws UserError where it is in none of the storages (the nearest name is shown) or in
/// several of them. Says which file was taken where the user named none.
StudyPlace find_study(const Request& request, const std::optional<std::string>& storage, const std::string& name);

/// Opens the one storage that a new study goes to, and makes it where `storage` or the request names it.
std::unique_ptr<storage::Storage> open_target_storage(const Request& request,
                                                      const std::optional<std::string>& storage);

}  // namespace lathe::app
