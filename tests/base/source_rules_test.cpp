#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "program.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

const fs::path kSources = fs::path(LATHE_SOURCE_DIR) / "src" / "lathe";

// Returns the last argument of the call whose bracket opens at `open`.
std::string last_argument(const std::string& text, std::size_t open) {
  int depth = 0;
  std::size_t begin = open + 1;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '{') ++depth;
    if (text[i] == ',' && depth == 1) begin = i + 1;
    if ((text[i] == ')' || text[i] == '}') && --depth == 0) return text.substr(begin, i - begin);
  }
  return {};
}

// Lists the calls of std::filesystem in a source that throw filesystem_error: those without a std::error_code at the
// end.
std::vector<std::string> throwing_calls(const std::string& text) {
  static const std::regex kCall(
      R"((filesystem|fs)::(absolute|canonical|copy|copy_file|create_\w+|current_path|directory_iterator|equivalent|exists|file_size|hard_link_count|is_\w+|last_write_time|permissions|proximate|read_symlink|recursive_directory_iterator|relative|remove|remove_all|rename|resize_file|space|status|symlink_status|temp_directory_path|weakly_canonical)(\s+\w+)?[({])");
  static const std::regex kEntryCall(
      R"(\.(is_regular_file|is_directory|file_size|last_write_time|symlink_status)\(\))");
  std::vector<std::string> found;
  for (std::sregex_iterator call(text.begin(), text.end(), kCall), end; call != end; ++call) {
    const auto open = static_cast<std::size_t>(call->position() + call->length() - 1);
    std::string argument = last_argument(text, open);
    argument.erase(0, argument.find_first_not_of(" \n"));
    const bool reports = text.find("std::error_code " + argument) != std::string::npos;
    if (argument.empty() || !reports) found.push_back(call->str() + "... " + argument);
  }
  for (std::sregex_iterator call(text.begin(), text.end(), kEntryCall), end; call != end; ++call) {
    found.push_back(call->str());
  }
  return found;
}

TEST(FilesystemCalls, AreFoundWhereTheyThrow) {
  EXPECT_EQ(throwing_calls("if (fs::exists(path)) {").size(), 1u);
  EXPECT_EQ(throwing_calls("std::error_code ignored;\nif (fs::exists(path, ignored)) {").size(), 0u);
  EXPECT_EQ(throwing_calls("std::error_code e;\nfor (auto& x : std::filesystem::directory_iterator(f(a, e)))").size(),
            1u);
  EXPECT_EQ(throwing_calls("std::error_code e;\nstd::filesystem::directory_iterator entry(path, e);").size(), 0u);
  EXPECT_EQ(throwing_calls("if (entry.is_directory()) {").size(), 1u);
}

// Calls `use` with the path and the text of every source of the program.
template <typename Use>
void each_source(const Use& use) {
  for (const auto& entry : fs::recursive_directory_iterator(kSources)) {
    const std::string extension = entry.path().extension();
    if (extension == ".cpp" || extension == ".h") use(entry.path(), testing::file_text(entry.path()));
  }
}

// An exception of std::filesystem is no lathe::Error: it would reach the user as an internal error. base/file.h has
// the same questions with our errors.
TEST(FilesystemCalls, NeverThrowInTheProgram) {
  each_source([](const fs::path& path, const std::string& text) {
    EXPECT_EQ(throwing_calls(text), std::vector<std::string>{}) << path;
  });
}

// The same holds for the JSON library; base/json.h has limits and our errors.
TEST(JsonCalls, AreGuarded) {
  static const std::regex kCall(R"(\b[jJ]son::parse\(|>> *json\b)");
  each_source([](const fs::path& path, const std::string& text) {
    const bool looks_itself = text.find("json_limit_broken(") != std::string::npos;
    EXPECT_TRUE(looks_itself || !std::regex_search(text, kCall)) << path;
  });
}

}  // namespace
}  // namespace lathe
