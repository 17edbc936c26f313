#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// PROJECT/trainings/NAME/: what one training left behind as files.
namespace lathe::app {

/// Names the files of a training in its folder. PROJECT/training_ckpts (history.csv: PROJECT) has the same files of the
/// newest training, for MASE's scripts and short commands.
struct TrainingFiles {
  explicit TrainingFiles(const std::filesystem::path& folder);
  /// Names the copies in a project.
  static TrainingFiles copies_in(const std::filesystem::path& project);

  /// Lists the paths, in the same order for every folder.
  std::vector<std::filesystem::path> all() const { return {best, last, resume, history}; }

  std::filesystem::path best, last, resume, history;
};

/// Lists the folders of the trainings called `name` in a project, newest first: NAME-3, NAME-2, NAME.
std::vector<std::filesystem::path> trainings_of(const std::filesystem::path& project, const std::string& name);

/// Gives a folder to what lies in PROJECT/training_ckpts and is of no training that has one: an earlier version of
/// lathe left it. False where there is nothing of that kind.
bool keep_earlier_training(const std::filesystem::path& project);
/// Makes the folder of a new training, with its settings, after keep_earlier_training.
std::filesystem::path new_training(const std::filesystem::path& project, const std::string& name,
                                   const std::string& settings_document);

/// Makes the files of a training those in PROJECT/training_ckpts; what it does not have is not there either.
void publish_training(const std::filesystem::path& project, const std::filesystem::path& folder);

}  // namespace lathe::app
