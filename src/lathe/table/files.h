#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/table/contents.h"

namespace lathe::table {

/// Counts the layout of the two files. Raise it with every change that a reader can notice.
inline constexpr int kSchemaVersion = 1;

/// Names the two files of a table.
struct Files {
  std::filesystem::path arrays, document;
};
/// Returns NAME.npz and NAME.json for NAME, NAME.npz or NAME.json.
Files files_of(const std::filesystem::path& name);

/// Holds the bytes of the two files: a function of the contents alone.
struct Encoded {
  std::vector<std::byte> arrays;
  std::string document;
};
Encoded encode(const Contents& contents);

/// Hashes what the trainings of a table depend on and what is known before them: all but metrics, values and curves.
Digest plan_digest(const Contents& contents);

/// Writes both files, each whole or not at all. Throws SystemError.
void write_table(const Contents& contents, const std::filesystem::path& name);

/// Reads both files. Throws SystemError when one cannot be read, DataError when they do not fit together: another
/// schema version, an array that is absent or of another shape than the document says, codes outside the space.
Contents read_table(const std::filesystem::path& name);

}  // namespace lathe::table
