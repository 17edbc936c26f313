#include "lathe/app/study_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>

#include "lathe/app/project.h"
#include "lathe/app/run_folder.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kOriginFile = "origin.json";

std::string random_uid() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string text_of(const StudyOrigin& origin) {
  const Json json = {{"schema_version", 1}, {"study", origin.study}, {"storage", origin.storage}, {"uid", origin.uid}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Reads JSON that may be absent or damaged; null then.
Json read_json(const fs::path& path) {
  try {
    if (!is_file(path)) return nullptr;
    Json json = json_or_discarded<Json>(read_text_file(path));
    return json.is_object() ? json : Json(nullptr);
  } catch (const SystemError&) {
    return nullptr;
  }
}

// Names a database so that the name stays when the whole project is moved.
std::string storage_text(const std::string& address, const fs::path& project) {
  constexpr std::string_view kFile = "sqlite:///";
  if (!address.starts_with(kFile)) return address;
  std::error_code unknown;
  const fs::path file = fs::weakly_canonical(address.substr(kFile.size()), unknown);
  const fs::path root = fs::weakly_canonical(project, unknown);
  if (unknown) return address;
  const fs::path inside = file.lexically_relative(root);
  return inside.empty() || inside.begin()->string() == ".." ? file.string() : inside.generic_string();
}

// Gives a file of an earlier version a second name, without touching the first.
void share_if_there(const fs::path& from, const fs::path& to) {
  if (is_file(from)) share_file(from, to);
}

// Tells whether a best.json or log.json is not a copy that a study with a folder of its own left there: those have
// `member` in every entry.
bool is_of_its_own(const fs::path& file, const char* member, const fs::path& studies) {
  if (!is_file(file)) return false;
  const Json entries = read_json(file);
  const bool has_members = !entries.is_null() && std::all_of(entries.begin(), entries.end(), [&](const Json& entry) {
    return entry.is_object() && entry.contains(member);
  });
  const std::vector<fs::path> folders = run_folders(studies);
  return !has_members && std::none_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
    return same_content(file, folder / file.filename());
  });
}

bool is_of(const fs::path& folder, const StudyOrigin& origin) {
  const std::optional<StudyOrigin> there = read_origin(folder);
  return there && origin.owns(*there);
}

// Gives a folder to results that lie in PROJECT/search_ckpts alone: those of lathe before it had folders of studies,
// of other programs, or a user's own files.
void keep_earlier_results(const fs::path& project, const fs::path& studies) {
  const fs::path shared = search_folder(project);
  if (!is_file(shared / "study.json") && !is_of_its_own(shared / "best.json", "key", studies) &&
      !is_of_its_own(shared / "log.json", "user_attrs_lathe:untrained", studies))
    return;
  const Json study = read_json(shared / "study.json");
  const std::string named = study.is_null() ? std::string() : text_in(study, "study");
  const std::string name = named.empty() ? "earlier" : named;
  const fs::path folder =
      new_run_folder(studies, folder_name(name), kOriginFile, text_of({.study = name, .storage = {}, .uid = {}}));
  make_directories(folder / "trials");
  if (is_folder(shared / "trials")) {
    for (const fs::path& weights : list_folder(shared / "trials")) {
      share_if_there(weights, folder / "trials" / weights.filename());
    }
  }
  for (const char* file : {"best.json", "log.json"}) {
    if (is_file(shared / file)) write_file_atomically(folder / file, read_file(shared / file));
  }
  std::error_code absent;  // or another run that starts now moves it
  for (const char* file : {"trials.csv", "front.svg", "study.json"}) fs::rename(shared / file, folder / file, absent);
  log::info("The results of the earlier study \"{}\" are in {} now", name, folder.string());
}

}  // namespace

std::optional<StudyOrigin> read_origin(const fs::path& folder) {
  const Json json = read_json(folder / kOriginFile);
  if (json.is_null()) return std::nullopt;
  return StudyOrigin{text_in(json, "study"), text_in(json, "storage"), text_in(json, "uid")};
}

bool StudyOrigin::owns(const StudyOrigin& other) const {
  const bool same_place = other.storage == storage || (other.storage.empty() && other.uid.empty());
  return other.study == study && other.uid == uid && same_place;
}

StudyFolder::StudyFolder(const fs::path& project, const std::string& address)
    : studies_(project / "studies"), storage_(storage_text(address, project)), uid_(random_uid()) {
  keep_earlier_results(project, studies_);
}

StudyFolder::~StudyFolder() { give_back(); }

void StudyFolder::give_back() {
  if (reserved_.empty()) return;
  std::error_code ignored;
  fs::remove(reserved_ / kOriginFile, ignored);
  fs::remove(reserved_, ignored);  // not if somebody put something there
  reserved_.clear();
}

bool StudyFolder::reserve(const std::string& name) {
  give_back();
  const fs::path folder = studies_ / folder_name(name);
  if (!make_run_folder(folder, kOriginFile, text_of(origin_of(name, uid_)))) return false;
  reserved_ = folder;
  reserved_name_ = name;
  return true;
}

fs::path StudyFolder::settle(const study::OpenedStudy& study) {
  if (!study.joined && !reserved_.empty() && reserved_name_ == study.name) return std::exchange(reserved_, {});
  give_back();
  if (auto folder = find(study)) return *folder;
  const StudyOrigin origin = origin_of(study.name, study.uid);
  for (int place = 1;; ++place) {
    const fs::path folder = studies_ / name_in_family(folder_name(study.name), place);
    if (make_run_folder(folder, kOriginFile, text_of(origin)) || is_of(folder, origin)) return folder;
  }
}

std::optional<fs::path> StudyFolder::find(const study::OpenedStudy& study) const {
  const StudyOrigin origin = origin_of(study.name, study.uid);
  for (const fs::path& folder : run_folders(studies_)) {
    if (is_of(folder, origin)) return folder;
  }
  return std::nullopt;
}

}  // namespace lathe::app
