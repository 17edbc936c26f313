#pragma once

#include <cstdint>
#include <string>

#include "lathe/study/exchange/export.h"

namespace lathe::study {

/// Reads what export_json printed. Throws DataError naming the file and the trial: no JSON (cut off), another kind of
/// file, a newer layout, a value that makes no sense.
ExportedStudy read_export(const std::string& text, const std::string& path);

/// Says what became of an imported study.
struct ImportedStudy {
  std::int64_t study_id = 0;
  std::int64_t queued_again = 0;  ///< trials that ran when the study was exported: they wait under their own numbers
  std::int64_t renumbered = 0;    ///< trials behind a gap between the numbers
};

/// Writes a study into a storage: whole or, where anything fails, not at all. UserError when the name is taken.
ImportedStudy import_study(storage::Storage& storage, ExportedStudy study);

}  // namespace lathe::study
