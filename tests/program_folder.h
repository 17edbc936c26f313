#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "lathe/base/file.h"
#include "program.h"

namespace lathe::testing {

/// Holds the files below a folder: path -> content.
using Files = std::map<std::string, std::string>;

inline Files files_below(const std::filesystem::path& place) {
  Files found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
    if (entry.is_regular_file()) found[entry.path().lexically_relative(place)] = read_text_file(entry.path());
  }
  return found;
}

/// Returns what stands behind the header of a safetensors file: the tensors without their metadata.
inline std::string tensor_bytes(const std::filesystem::path& file) {
  const std::string bytes = read_text_file(file);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  return bytes.substr(sizeof header + header);
}

/// Runs the built program (LATHE_PROGRAM) in a folder of the test's own.
class ProgramFolder : public ::testing::Test {
 protected:
  const std::filesystem::path& folder() const { return folder_.path(); }

  void write(const std::string& name, const std::string& text) const {
    write_text_file_atomically(folder() / name, text);
  }
  std::string read(const std::filesystem::path& name) const { return read_text_file(folder() / name); }

  /// Runs `lathe WORDS` in the folder, or in `place` below it.
  ProgramResult run(const std::string& words, const std::string& place = ".") const {
    return run_program(fmt::format("cd {} && {} {}", (folder() / place).string(), std::getenv("LATHE_PROGRAM"), words),
                       folder());
  }
  /// The same, of what must succeed.
  ProgramResult done(const std::string& words, const std::string& place = ".") const {
    ProgramResult result = run(words, place);
    EXPECT_EQ(result.exit_code, 0) << words << '\n' << result.errors;
    return result;
  }
  /// The same; returns the document that --json prints.
  nlohmann::json done_json(const std::string& words) const {
    return nlohmann::json::parse(done(words + " --json").output, nullptr, false);
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace lathe::testing
