#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mutate.h"

namespace lathe::mutations {

/// Holds a reader of files and what damaged files are made of.
struct Reader {
  std::string name;
  std::string file;                  ///< the name of the damaged file in the folder that is read
  std::vector<std::string> samples;  ///< whole files
  /// Makes a damaged file of a sample.
  std::function<std::string(Mutator&, const std::string& sample)> damage;
  /// Reads the folder with the damaged file. Throws what the reader throws.
  std::function<void(const std::filesystem::path& folder)> read;
  /// Writes the other files that the reader needs; may be empty.
  std::function<void(const std::filesystem::path& folder)> prepare = {};
  /// Damages what `damage` cannot (rows of a database), once the file is written; may be empty.
  std::function<void(Mutator&, const std::filesystem::path& folder)> damage_in_place = {};
};

/// Returns all readers. `source` is the repository, whose tests hold the samples.
std::vector<Reader> readers(const std::filesystem::path& source);

/// Reads a sample as it is in `folder`. Returns why it was refused; empty where it was read, as it must be for damage
/// to reach anything.
std::string try_sample(const Reader& reader, const std::filesystem::path& folder, const std::string& sample);

/// Writes one damaged file into `folder`, where the reader's other files are.
void write_damaged(const Reader& reader, const std::filesystem::path& folder, std::uint64_t seed, std::uint64_t index);

/// Reads one damaged file in `folder`. Returns what was found wrong: an exception that is none of lathe's, or an
/// internal error; empty where the file was read, or refused as it should be.
std::string try_reader(const Reader& reader, const std::filesystem::path& folder, std::uint64_t seed,
                       std::uint64_t index);

}  // namespace lathe::mutations
