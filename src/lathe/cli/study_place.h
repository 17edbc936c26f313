#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lathe/cli/command.h"
#include "lathe/storage/storage.h"

/// Where `lathe study` finds studies.
namespace lathe::cli {

/// Holds an open storage and one of its studies.
struct StudyPlace {
  std::unique_ptr<storage::Storage> storage;
  storage::StudyInfo info;
  std::filesystem::path project = {};  ///< of its files; empty: not known
};

/// Lists the storages that a command may mean: --storage; else the study file of the project that --config or --project
/// names; else every study file of a project in --project-dir. Throws UserError where there is none.
std::vector<std::string> study_addresses(const Invocation& invocation);

/// Opens the storages of study_addresses. A file that cannot be read among several is named in a warning.
std::vector<std::unique_ptr<storage::Storage>> open_study_storages(const Invocation& invocation);

/// Finds a study by name. Throws UserError where it is in none of the storages (the nearest name is shown) or in
/// several of them. Says which file was taken where the user named none.
StudyPlace find_study(const Invocation& invocation, const std::string& name);

/// Opens the one storage that a new study goes to, and makes it where --storage, --config or --project names it.
std::unique_ptr<storage::Storage> open_target_storage(const Invocation& invocation);

}  // namespace lathe::cli
