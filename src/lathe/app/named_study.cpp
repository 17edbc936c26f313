#include "lathe/app/named_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lathe/app/project.h"
#include "lathe/app/run_folder.h"
#include "lathe/app/storages.h"
#include "lathe/app/study_folder.h"
#include "lathe/app/study_record.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/base/visible.h"
#include "lathe/study/closing.h"
#include "lathe/study/open.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

// Returns the folder of a study so that its project can be read off: PROJECT/studies/NAME.
fs::path whole_path(const fs::path& folder) {
  const auto without_slash = [](const fs::path& path) { return path.has_filename() ? path : path.parent_path(); };
  const fs::path normal = without_slash(folder.lexically_normal());
  if (normal.parent_path().has_parent_path()) return normal;
  std::error_code unknown;
  const fs::path absolute = fs::absolute(normal, unknown);
  return unknown ? normal : without_slash(absolute.lexically_normal());
}

// Writes a text as a TOML string.
std::string quoted(const std::string& text) { return config::Value(text, {}, {}).to_toml(); }

bool names_results(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == "best.json" || name == "log.json" || name == "study.json";
}

std::string names_of(const std::vector<storage::StudyInfo>& studies) {
  constexpr std::size_t kMostShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(studies.size(), kMostShown); ++i) text += (i == 0 ? "" : ", ") + studies[i].name;
  return studies.size() > kMostShown ? fmt::format("{} and {} more", text, studies.size() - kMostShown) : text;
}

// Opens a database that a user gave as the study: there must be one in it, or one that is called as the project.
StudyPlace only_study(const std::string& address, const std::string& project = {}) {
  auto storage = open_existing_storage(address);
  std::vector<storage::StudyInfo> studies = storage->studies();
  if (studies.empty()) throw UserError(fmt::format("there is no study in {}", storage->address()));
  for (storage::StudyInfo& info : studies) {
    if (info.name == project) return {std::move(storage), std::move(info)};
  }
  if (studies.size() > 1) {
    throw UserError(fmt::format("there are {} studies in {}: write NAME@{} ({})", studies.size(), storage->address(),
                                address, names_of(studies)));
  }
  return {std::move(storage), std::move(studies.front())};
}

StudyPlace study_in(const std::string& name, const std::string& address) {
  auto storage = open_existing_storage(address);
  auto info = storage->find_study(name);
  if (!info) {
    std::vector<std::string> known;
    for (const storage::StudyInfo& other : storage->studies()) known.push_back(other.name);
    throw UserError(fmt::format("there is no study \"{}\" in {}{}", visible_line(name), storage->address(),
                                visible_line(suggestion(name, known))));
  }
  return {std::move(storage), std::move(*info)};
}

// Returns the address of the database that a folder of a study belongs to.
std::string address_of(const StudyOrigin& origin, const fs::path& project) {
  if (origin.storage.empty()) return project_database(project).string();
  if (origin.storage.find("://") != std::string::npos) return origin.storage;
  const fs::path file = origin.storage;
  return "sqlite:///" + (file.is_absolute() ? file : project / file).lexically_normal().string();
}

StudyPlace study_of_folder(const fs::path& folder) {
  const std::optional<StudyOrigin> origin = read_origin(folder);
  if (!origin) {
    throw UserError(fmt::format("{} is no folder of a study: it has no origin.json", folder.string()));
  }
  if (origin->storage == "memory") {
    throw UserError(
        fmt::format("the study \"{}\" was kept in memory and ended with its program: only its files in {} "
                    "are left (--load takes its weights)",
                    origin->study, folder.string()));
  }
  StudyPlace place = study_in(origin->study, address_of(*origin, folder.parent_path().parent_path()));
  place.project = folder.parent_path().parent_path();
  if (study::uid_of(place.info) != origin->uid) {
    throw UserError(fmt::format("the study \"{}\" in {} is another one than that of {}: it was made anew",
                                origin->study, place.storage->address(), folder.string()));
  }
  return place;
}

// Finds the study whose results a file holds.
StudyPlace study_of_results(const fs::path& file) {
  const fs::path folder = file.parent_path();
  if (read_origin(folder)) return study_of_folder(whole_path(folder));
  for (const fs::path& other : run_folders(folder / ".." / "studies")) {
    if (same_content(file, other / file.filename())) return study_of_folder(whole_path(other));
  }
  parse_json<nlohmann::json>(read_text_file(file), file.string());  // a damaged file has no better explanation
  if (!is_file(folder / "study.db")) {
    throw UserError(
        fmt::format("{}: the study that it is of is not known: there is no origin.json beside it, and no "
                    "study.db",
                    file.string()));
  }
  const std::string address = (folder / "study.db").string();
  if (!is_file(folder / "study.json")) return only_study(address);
  const auto json = json_or_discarded<nlohmann::json>(read_text_file(folder / "study.json"));
  const bool named = json.is_object() && json.contains("study") && json["study"].is_string();
  return named ? study_in(json["study"].get<std::string>(), address) : only_study(address);
}

// Finds the study that a path leads to; nullopt where nothing there is of a study: the text may be a name.
std::optional<StudyPlace> study_at(const fs::path& path) {
  if (is_file(path) && (names_results(path) || path.extension() == ".json")) return study_of_results(path);
  if (is_file(path) && is_storage_address(path.string())) return only_study(path.string());
  if (!is_folder(path)) return std::nullopt;
  if (read_origin(path)) return study_of_folder(whole_path(path));
  for (const fs::path& database : {project_database(path), path / "study.db"}) {
    if (is_file(database)) return only_study(database.string(), project_name(path));
  }
  return std::nullopt;
}

// Returns where `NAME@ADDRESS` is to be split: names may have an @, and so do addresses.
std::size_t address_begin(const std::string& text) {
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    if (is_storage_address(text.substr(at + 1))) return at;
  }
  return std::string::npos;
}

// Puts every value that was typed on the command line into the settings of a study.
void put_typed(const config::Value& typed, bool top, const TakesKey& takes_key, config::Value& root) {
  for (const config::Member& member : typed.as_table()) {
    const std::string key = top ? member.name : member.value.key();
    if (member.value.is_table()) {
      put_typed(member.value, false, takes_key, root);
    } else if (member.value.position().file == config::kCommandLine && (!takes_key || takes_key(key))) {
      config::set_value(root, key, member.value);
    }
  }
}

// Finds a file that a setting names from where the study's run found it.
void find_path(const std::string& key, const fs::path& then, config::Value& root) {
  const config::Value* given = root.find(key);
  if (given == nullptr || !given->is_string() || given->as_string().empty() || then.empty()) return;
  const fs::path path = given->as_string(), there = then / path;
  if (given->position().file == config::kCommandLine || path.is_absolute()) return;
  const bool is_here = key != "model" && path_exists(path);  // networks are read from beside the study file
  if (!is_here && path_exists(there)) config::set_by_path(root, key, quoted(there.string()));
}

void find_paths(const storage::StudyInfo& info, config::Value& root) {
  const study::Whereabouts then = study::whereabouts_of(info);
  for (const char* key : {"dataset", "data_dir", "load_name"}) find_path(key, then.working_folder, root);
  find_path("model", then.study_file_folder, root);
}

std::string settings_of(const storage::StudyInfo& info) {
  if (const auto closing = study::read_closing(info)) return closing->settings_document;
  const std::string text = text_attribute(info.user_attributes, "lathe:settings");
  if (!text.empty()) return text;
  throw UserError(fmt::format("the study \"{}\" stores no settings: lathe did not make it", info.name));
}

// Finds the project that the files of a study belong to.
fs::path own_project(const StudyPlace& place, const recipe::Settings& stored) {
  if (!place.project.empty()) return place.project;
  constexpr std::string_view kFile = "sqlite:///";
  const std::string address = place.storage->address();
  if (address.starts_with(kFile)) {
    const fs::path folder = fs::path(address.substr(kFile.size())).parent_path();
    if (folder == search_folder(folder.parent_path())) return folder.parent_path();
  }
  if (!stored.project.empty()) return fs::path(stored.project_dir) / stored.project;
  return fs::path(stored.project_dir) / folder_name(place.info.name);
}

}  // namespace

StudyPlace named_study(const Request& request, const std::optional<std::string>& storage, const std::string& text) {
  if (storage) return find_study(request, storage, text);
  if (auto place = study_at(text)) return std::move(*place);
  const std::size_t at = address_begin(text);
  if (at != std::string::npos) return study_in(text.substr(0, at), text.substr(at + 1));
  if (names_results(text) || is_storage_address(text))
    throw UserError(fmt::format("{} is not there", visible_line(text)));
  return find_study(request, storage, text);
}

std::optional<fs::path> typed_project(const Request& request) {
  if (request.config_path.empty() && request.settings.project.empty()) return std::nullopt;
  return project_folder(request.settings);
}

Request stored_request(const Request& request, const StudyPlace& place, const TakesKey& takes_key) {
  Request stored = request;
  const std::string source = fmt::format("study {}", place.info.name);
  stored.config_path = source;
  stored.root = config::parse_text(settings_of(place.info), source);
  find_paths(place.info, stored.root);
  put_typed(request.root, true, takes_key, stored.root);
  stored.settings = recipe::read_settings(stored.root);
  const fs::path project = own_project(place, stored.settings);
  const bool climbs = project.filename() == "..";  // as a folder that the user named, not as a project's name
  stored.settings.project_dir = (climbs ? project : project.parent_path()).string();
  stored.settings.project = climbs ? "." : project.filename().string();
  return stored;
}

}  // namespace lathe::app
