#include "lathe/app/storages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "lathe/base/error.h"

namespace lathe::app {
namespace {

std::string message_of(const std::string& url) {
  try {
    app::open_storage(url);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

constexpr const char* kForms =
    " (known: sqlite:///study.db (from this folder), sqlite:////home/me/study.db, study.db, "
    "postgresql://user@host:port/database, memory)";

TEST(Storages, OpensWhatAnAddressNames) {
  std::string folder = std::filesystem::temp_directory_path() / "lathe_storages_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(app::open_storage("memory")->address(), "memory");
  EXPECT_EQ(app::open_storage("sqlite:///" + folder + "/a.db")->address(), "sqlite:///" + folder + "/a.db");
  EXPECT_TRUE(std::filesystem::exists(folder + "/a.db"));
  EXPECT_EQ(app::open_storage(folder + "/b.sqlite3")->address(), "sqlite:///" + folder + "/b.sqlite3");
  const auto working_folder = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  EXPECT_EQ(app::open_storage("sqlite:///c.db")->address(), "sqlite:///c.db");
  EXPECT_TRUE(std::filesystem::exists(folder + "/c.db"));
  std::filesystem::current_path(working_folder);
  std::filesystem::remove_all(folder);
}

TEST(Storages, ExistingOnesAreOpenedAndOthersNotMade) {
  std::string folder = std::filesystem::temp_directory_path() / "lathe_storages_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/a.db";
  EXPECT_THROW(app::open_existing_storage(file), SystemError);
  EXPECT_FALSE(std::filesystem::exists(file));
  app::open_storage(file);
  EXPECT_EQ(app::open_existing_storage(file)->address(), "sqlite:///" + file);
  std::filesystem::remove_all(folder);
}

TEST(Storages, OtherAddressesAreRefused) {
  EXPECT_EQ(message_of("mysql://me@host/db"), std::string("\"mysql://\" is no storage that lathe knows") + kForms);
  EXPECT_EQ(message_of("study"), std::string("\"study\" is no address of a storage") + kForms);
  EXPECT_EQ(message_of(""), std::string("\"\" is no address of a storage") + kForms);
  EXPECT_EQ(message_of("sqlite://study.db"),
            "\"sqlite://study.db\": a path stands behind three slashes: sqlite:///study.db, or four where it begins at "
            "the root: sqlite:////home/me/study.db");
  EXPECT_EQ(message_of("sqlite:///:memory:"),
            "\"sqlite:///:memory:\" names no file; use `memory` for a study that ends with the program");
}

TEST(Storages, AnUnreachableServerIsNamedWithoutItsPassword) {
  const std::string message = message_of("postgresql://me:secret@/db?host=/nowhere");
  EXPECT_NE(message.find("postgresql://me@/db?host=/nowhere"), std::string::npos) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

}  // namespace
}  // namespace lathe::app
