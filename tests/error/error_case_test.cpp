#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "program.h"

namespace lathe {
namespace {

const std::filesystem::path kCases = std::filesystem::path(LATHE_SOURCE_DIR) / "tests/error/cases";

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kCases)) {
    if (entry.path().extension() == ".args") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Compares line by line; a line `...` of the pattern stands for any number of lines.
bool matches(const std::vector<std::string>& pattern, std::size_t at, const std::vector<std::string>& lines,
             std::size_t line) {
  if (at == pattern.size()) return line == lines.size();
  if (pattern[at] == "...") {
    for (std::size_t next = line; next <= lines.size(); ++next) {
      if (matches(pattern, at + 1, lines, next)) return true;
    }
    return false;
  }
  return line < lines.size() && pattern[at] == lines[line] && matches(pattern, at + 1, lines, line + 1);
}

std::set<std::string> files_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, options)) {
    names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

// Prepares the folder of a case and runs lathe in it; what lathe prints goes to a second folder.
testing::ProgramResult run_case(const std::string& name, const std::filesystem::path& folder,
                                const std::filesystem::path& captured) {
  const std::filesystem::path study = kCases / (name + ".toml"), setup = kCases / (name + ".setup");
  if (std::filesystem::exists(study)) std::filesystem::copy_file(study, folder / "study.toml");
  const std::string enter = "cd '" + folder.string() + "' && ";
  if (std::filesystem::exists(setup)) {
    const testing::ProgramResult prepared = testing::run_program(enter + "sh '" + setup.string() + "'", captured);
    EXPECT_EQ(prepared.exit_code, 0) << prepared.errors;
  }
  std::string arguments = testing::file_text(kCases / (name + ".args"));
  arguments = replaced(replaced(arguments, "\n", " "), "{source}", LATHE_SOURCE_DIR);
  const std::string environment = "env -u LATHE_DATA_DIR XDG_CACHE_HOME='" + captured.string() + "/cache' NO_COLOR=1 ";
  return testing::run_program("( " + enter + environment + "\"$LATHE_PROGRAM\" " + arguments + " )", captured);
}

class ErrorCase : public ::testing::TestWithParam<std::string> {};

TEST_P(ErrorCase, PrintsTheExactMessage) {
  if (std::getenv("LATHE_PROGRAM") == nullptr) GTEST_SKIP() << "LATHE_PROGRAM is not set; run through ctest";
  const testing::TemporaryFolder folder, captured;
  const std::vector<std::string> expected = lines_of(testing::file_text(kCases / (GetParam() + ".expected")));
  ASSERT_FALSE(expected.empty()) << "no " << GetParam() << ".expected";

  const testing::ProgramResult result = run_case(GetParam(), folder.path(), captured.path());
  const std::string text =
      replaced(replaced(result.errors, folder.path().string(), "{folder}"), LATHE_SOURCE_DIR, "{source}");
  EXPECT_EQ(std::to_string(result.exit_code), expected.front());
  const std::vector<std::string> pattern(expected.begin() + 1, expected.end());
  EXPECT_TRUE(matches(pattern, 0, lines_of(text), 0)) << "standard error was:\n" << text;

  for (const std::string& file : files_in(folder.path())) {
    const std::filesystem::path path(file);
    std::error_code circle;  // of links: no folder
    if (path.filename() == "run.log" || path.filename() == "settings.toml" ||
        std::filesystem::is_directory(folder.path() / path, circle)) {
      continue;  // what a run that was refused may leave: its log and its settings, both complete
    }
    const bool prepared = file == "study.toml" || std::filesystem::exists(kCases / (GetParam() + ".setup"));
    EXPECT_TRUE(prepared) << "left behind: " << file;
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, ErrorCase, ::testing::ValuesIn(case_names()), test_name);

}  // namespace
}  // namespace lathe
