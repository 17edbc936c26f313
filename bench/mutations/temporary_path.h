#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace lathe::mutations {

/// Holds a file that is there for a moment.
struct TemporaryPath {
  std::filesystem::path path;
  TemporaryPath() {
    std::string name = (std::filesystem::temp_directory_path() / "lathe-mutations-XXXXXX").string();
    ::close(::mkstemp(name.data()));
    path = name;
  }
  ~TemporaryPath() { ::unlink(path.c_str()); }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
};

}  // namespace lathe::mutations
