#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lathe/study/open.h"

/// PROJECT/studies/NAME/: what one study left behind as files.
namespace lathe::app {

/// Holds whose a study's folder is. Workers that share a study share its folder; studies of other databases, and those
/// that were made after one of their name was deleted, get folders of their own. Stored in origin.json: do not change.
struct StudyOrigin {
  std::string study;
  std::string storage;  ///< where the study is kept: a path from the project, an address; empty: not known
  std::string uid;      ///< OpenedStudy::uid

  /// Tells whether a folder of `other` is one of this study.
  bool owns(const StudyOrigin& other) const;
};

/// Reads whose a folder is; nullopt where it is no folder of a study.
std::optional<StudyOrigin> read_origin(const std::filesystem::path& folder);

/// Finds or makes the folder of a study. Nothing that is there is changed.
class StudyFolder {
 public:
  /// `address` is that of the study's storage. What a version of lathe without such folders left in
  /// PROJECT/search_ckpts gets one first.
  StudyFolder(const std::filesystem::path& project, const std::string& address);
  /// Removes the folder of a study that did not come about.
  ~StudyFolder();
  StudyFolder(const StudyFolder&) = delete;
  StudyFolder& operator=(const StudyFolder&) = delete;

  /// Returns the unique text that a study made now gets.
  const std::string& new_uid() const { return uid_; }
  /// Makes the folder of a study that is about to be made; false where its name has a folder already.
  bool reserve(const std::string& name);
  /// Returns the folder of an opened study; nullopt where there is none.
  std::optional<std::filesystem::path> find(const study::OpenedStudy& study) const;
  /// Returns the folder of an opened study, and makes it where there is none.
  std::filesystem::path settle(const study::OpenedStudy& study);

 private:
  void give_back();
  StudyOrigin origin_of(const std::string& name, const std::string& uid) const { return {name, storage_, uid}; }

  std::filesystem::path studies_;  ///< PROJECT/studies
  std::string storage_, uid_;
  std::string reserved_name_;
  std::filesystem::path reserved_;  ///< empty: none
};

}  // namespace lathe::app
