#include "lathe/app/training_folder.h"

#include <algorithm>

#include "lathe/app/run_folder.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/study/open.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSettingsFile = "settings.toml";

fs::path folder_of_all(const fs::path& project) { return project / "trainings"; }

// Tells whether a file in PROJECT/training_ckpts is one that a training has in its own folder.
bool is_copy(const fs::path& copy, const fs::path& trainings) {
  const std::vector<fs::path> folders = run_folders(trainings);
  const auto is_link = [&](const fs::path& folder) {
    std::error_code unknown;
    return fs::equivalent(copy, folder / copy.filename(), unknown);
  };
  const auto is_same = [&](const fs::path& folder) { return same_content(copy, folder / copy.filename()); };
  return std::any_of(folders.begin(), folders.end(), is_link) || std::any_of(folders.begin(), folders.end(), is_same);
}

// Names a training by the network in its checkpoint.
std::string name_of_earlier(const TrainingFiles& files) {
  try {
    for (const fs::path& file : {files.best, files.last}) {
      if (is_file(file)) return checkpoint::load_model(file).graph.name;
    }
  } catch (const Error&) {
    // damaged, or no checkpoint of lathe
  }
  return "earlier";
}

}  // namespace

TrainingFiles::TrainingFiles(const fs::path& folder)
    : best(folder / "best.safetensors"),
      last(folder / "last.safetensors"),
      resume(folder / "last.resume.safetensors"),
      history(folder / "history.csv") {}

TrainingFiles TrainingFiles::copies_in(const fs::path& project) {
  TrainingFiles files(project / "training_ckpts");
  files.history = project / "history.csv";
  return files;
}

std::vector<fs::path> trainings_of(const fs::path& project, const std::string& name) {
  const auto place = [&](const fs::path& folder) {
    return study::place_in_family(folder.filename().string(), folder_name(name));
  };
  std::vector<fs::path> folders = run_folders(folder_of_all(project));
  std::erase_if(folders, [&](const fs::path& folder) { return place(folder) == 0; });
  std::sort(folders.begin(), folders.end(), [&](const fs::path& a, const fs::path& b) { return place(a) > place(b); });
  return folders;
}

fs::path new_training(const fs::path& project, const std::string& name, const std::string& settings_document) {
  keep_earlier_training(project);
  return new_run_folder(folder_of_all(project), folder_name(name), kSettingsFile, settings_document);
}

bool keep_earlier_training(const fs::path& project) {
  const TrainingFiles copies = TrainingFiles::copies_in(project);
  const std::vector<fs::path> files = copies.all();
  const bool unknown = std::any_of(files.begin(), files.end(), [&](const fs::path& file) {
    return is_file(file) && !is_copy(file, folder_of_all(project));
  });
  if (!unknown) return false;
  const fs::path settings = project / kSettingsFile;
  const fs::path folder = new_run_folder(folder_of_all(project), folder_name(name_of_earlier(copies)), kSettingsFile,
                                         is_file(settings) ? read_text_file(settings) : std::string());
  for (const fs::path& file : files) {
    if (is_file(file)) share_file(file, folder / file.filename());
  }
  log::info("The files of an earlier training are in {} now", folder.string());
  return true;
}

void publish_training(const fs::path& project, const fs::path& folder) {
  const std::vector<fs::path> files = TrainingFiles(folder).all();
  const std::vector<fs::path> copies = TrainingFiles::copies_in(project).all();
  make_directories(copies.front().parent_path());
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (is_file(files[i]))
      share_file(files[i], copies[i]);
    else
      remove_file(copies[i]);
  }
}

}  // namespace lathe::app
