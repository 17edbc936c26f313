#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lathe/storage/storage.h"

/// Studies as JSON files: all that a storage holds of one, to keep it or to carry it elsewhere.
namespace lathe::study {

/// Counts the layout of the files. Raise it with every change that a reader can notice.
inline constexpr int kExportVersion = 1;

/// Holds a study without the ids of its storage.
struct ExportedStudy {
  storage::StudyInfo info;
  std::vector<storage::Trial> trials;  ///< in the order of their numbers
  /// Further evaluations: number of the trial -> repeat -> JSON.
  std::map<std::int64_t, std::map<std::int64_t, std::string>> repeats = {};
};

/// Loads a study with its trials and their further evaluations.
ExportedStudy load_study(storage::Storage& storage, const storage::StudyInfo& info);

/// Prints a study as strict JSON, one trial a line, that read_export reads back without loss: equal studies give equal
/// bytes, wherever they are stored. Each distribution stands once, in `distributions`; a parameter holds its `value`
/// for people and `stored`, the number of Optuna's tables. Numbers that JSON lacks are the texts "NaN", "Infinity",
/// "-Infinity". Attributes stand as JSON; those whose text JSON would change (NaN, large integers) as they are, in
/// `user_attribute_texts` and `system_attribute_texts`. Times are UTC.
std::string export_json(const ExportedStudy& study);

}  // namespace lathe::study
