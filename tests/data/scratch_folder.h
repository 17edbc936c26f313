#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/base/file.h"

namespace lathe::data::testing {

/// Owns an empty folder for one test, removed with what is in it.
class ScratchFolder {
 public:
  ScratchFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("lathe_{}_{}_{}", test->test_suite_name(), test->name(), ::getpid());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    write_text_file_atomically(file(name), text);
    return file(name);
  }
  std::string text(const std::string& name) const { return read_text_file(file(name)); }

 private:
  std::filesystem::path path_;
};

/// Sets an environment variable while it lives.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    had_ = std::getenv(name) != nullptr;
    ::setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() {
    if (had_)
      ::setenv(name_, old_.c_str(), 1);
    else
      ::unsetenv(name_);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

/// Returns the text of the error that `action` ends with; `<no error>` when there is none of that kind.
template <typename ErrorKind, typename Action>
std::string error_text(Action&& action) {
  try {
    action();
  } catch (const ErrorKind& error) {
    return error.what();
  }
  return "<no error>";
}

/// Builds the bytes of a .npy file of version 1.0.
inline std::string npy_text(std::string_view header, std::string_view body) {
  std::string padded(header);
  while ((10 + padded.size() + 1) % 64 != 0) padded += ' ';
  padded += '\n';
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(padded.size() & 255);
  text += static_cast<char>(padded.size() >> 8);
  return text + padded + std::string(body);
}

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Builds a .npy file: `shape` as Python prints it, `(2, 3)`.
template <typename T>
std::string npy_text(std::string_view type, std::string_view shape, const std::vector<T>& values) {
  return npy_text(fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape),
                  bytes_of(values));
}

}  // namespace lathe::data::testing
