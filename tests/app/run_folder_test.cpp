#include "lathe/app/run_folder.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "lathe/app/study_folder.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "program.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

TEST(FolderName, KeepsWhatAFolderCanBeCalled) {
  for (const char* name : {"jets", "jets-2", "a b", "größe", "v1.2", "日本"}) EXPECT_EQ(app::folder_name(name), name);
}

TEST(FolderName, LeavesTheParentFolderAlone) {
  EXPECT_EQ(app::folder_name(".."), "_.");
  EXPECT_EQ(app::folder_name("."), "_");
  EXPECT_EQ(app::folder_name(".hidden"), "_hidden");
  EXPECT_EQ(app::folder_name("-rf"), "_rf");
  EXPECT_EQ(app::folder_name("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(app::folder_name("a/b\\c"), "a_b_c");
  EXPECT_EQ(app::folder_name(""), "unnamed");
}

TEST(FolderName, HasNoBytesThatATerminalOrAFileSystemMinds) {
  EXPECT_EQ(app::folder_name("a\n\x1b[31mb\x7f"), "a__[31mb_");
  EXPECT_EQ(app::folder_name(std::string("a\0b", 3)), "a_b");
  EXPECT_EQ(app::folder_name("a\xff\xc3"), "a__");
  EXPECT_EQ(app::folder_name("\xc2\x9b"
                             "1m"),
            "__1m");  // an escape sequence of the second control block
}

TEST(FolderName, OfLongNamesIsShortAndStillTheirs) {
  const std::string one = std::string(300, 'x') + "1", two = std::string(300, 'x') + "2";
  EXPECT_LE(app::folder_name(one).size(), 150u);
  EXPECT_NE(app::folder_name(one), app::folder_name(two));
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "日";
  EXPECT_EQ(app::folder_name(app::folder_name(wide)), app::folder_name(wide));  // cut between two characters
}

TEST(RunFolder, IsMadeOnceAndWhole) {
  const testing::TemporaryFolder place;
  const fs::path folder = place.path() / "parent" / "run";
  EXPECT_TRUE(app::make_run_folder(folder, "settings.toml", "seed = 1\n"));
  EXPECT_EQ(read_text_file(folder / "settings.toml"), "seed = 1\n");
  EXPECT_FALSE(app::make_run_folder(folder, "settings.toml", "seed = 2\n"));
  EXPECT_EQ(read_text_file(folder / "settings.toml"), "seed = 1\n");
  EXPECT_EQ(app::new_run_folder(folder.parent_path(), "run", "settings.toml", "").filename(), "run-2");
  EXPECT_EQ(app::run_folders(folder.parent_path()).size(), 2u);  // nothing unfinished lies about
}

TEST(RunFolder, IsNeverSomebodyElsesFileOrFolder) {
  const testing::TemporaryFolder place;
  write_text_file_atomically(place.path() / "run", "a file");
  fs::create_directory(place.path() / "run-2");
  EXPECT_EQ(app::new_run_folder(place.path(), "run", "x", "").filename(), "run-3");
  EXPECT_EQ(read_text_file(place.path() / "run"), "a file");
}

TEST(RunFolder, GoesToOneOfManyThatBeginAtOnce) {
  const testing::TemporaryFolder place;
  constexpr int kRuns = 8;
  std::vector<fs::path> folders(kRuns);
  std::vector<std::thread> threads;
  for (int i = 0; i < kRuns; ++i) {
    threads.emplace_back(
        [&, i] { folders[static_cast<std::size_t>(i)] = app::new_run_folder(place.path(), "run", "x", ""); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<fs::path>(folders.begin(), folders.end()).size(), std::size_t{kRuns});
}

TEST(RunFolder, ThatCannotBeMadeIsAnError) {
  const testing::TemporaryFolder place;
  write_text_file_atomically(place.path() / "file", "");
  EXPECT_THROW(app::make_run_folder(place.path() / "file" / "run", "x", ""), SystemError);
}

TEST(ShareFile, ReplacesWhatIsThere) {
  const testing::TemporaryFolder place;
  const fs::path from = place.path() / "from", to = place.path() / "to";
  write_text_file_atomically(from, "new");
  write_text_file_atomically(to, "old");
  EXPECT_FALSE(app::same_content(from, to));
  app::share_file(from, to);
  app::share_file(from, to);  // a second time changes nothing
  EXPECT_EQ(read_text_file(to), "new");
  EXPECT_TRUE(app::same_content(from, to));
  write_text_file_atomically(from, "newer");  // the copy keeps what it had
  EXPECT_EQ(read_text_file(to), "new");
  EXPECT_EQ(list_folder(place.path()).size(), 2u);
  EXPECT_THROW(app::share_file(place.path() / "absent", to), SystemError);
}

class StudyFolders : public ::testing::Test {
 protected:
  static study::OpenedStudy made(const std::string& name, const app::StudyFolder& folder) {
    return {.id = 1, .name = name, .uid = folder.new_uid()};
  }
  static study::OpenedStudy joined(const std::string& name, const std::string& uid) {
    return {.id = 1, .name = name, .uid = uid, .joined = true};
  }
  fs::path project() const { return place_.path() / "p"; }
  std::string database() const { return "sqlite:///" + (project() / "search_ckpts" / "study.db").string(); }
  // Makes a study and its folder, and returns the study's unique text.
  std::string make(const std::string& name, const std::string& address) const {
    app::StudyFolder folder(project(), address);
    EXPECT_TRUE(folder.reserve(name));
    folder.settle(made(name, folder));
    return folder.new_uid();
  }

 private:
  testing::TemporaryFolder place_;
};

TEST_F(StudyFolders, AreSharedByTheWorkersOfAStudyAlone) {
  const std::string uid = make("jets", database());
  EXPECT_EQ(StudyFolder(project(), database()).settle(joined("jets", uid)).filename(), "jets");
  // Another database, another study of that name in this one after the first was deleted, a study of Optuna.
  EXPECT_EQ(StudyFolder(project(), "sqlite:////elsewhere.db").settle(joined("jets", uid)).filename(), "jets-2");
  EXPECT_EQ(StudyFolder(project(), database()).settle(joined("jets", "other")).filename(), "jets-3");
  EXPECT_EQ(StudyFolder(project(), database()).settle(joined("jets", "")).filename(), "jets-4");
  EXPECT_EQ(StudyFolder(project(), database()).settle(joined("jets", "")).filename(), "jets-4");
  app::StudyFolder another(project(), database());
  EXPECT_FALSE(another.reserve("jets"));
}

TEST_F(StudyFolders, StayThoseOfTheirStudiesWhenTheProjectMoves) {
  const std::string uid = make("jets", database());
  const fs::path moved = project().parent_path() / "moved";
  fs::rename(project(), moved);
  const std::string address = "sqlite:///" + (moved / "search_ckpts" / "study.db").string();
  EXPECT_EQ(StudyFolder(moved, address).settle(joined("jets", uid)), moved / "studies" / "jets");
}

TEST_F(StudyFolders, OfStudiesThatDidNotComeAboutGoAgain) {
  {
    app::StudyFolder folder(project(), database());
    EXPECT_TRUE(folder.reserve("jets"));
    EXPECT_TRUE(folder.reserve("jets-2"));  // another run was faster with the first name
    EXPECT_EQ(app::run_folders(project() / "studies").size(), 1u);
  }
  EXPECT_TRUE(app::run_folders(project() / "studies").empty());
}

TEST_F(StudyFolders, OfOneStudyAreOneWhenItsWorkersBeginAtOnce) {
  constexpr int kWorkers = 8;
  std::vector<fs::path> folders(kWorkers);
  std::vector<std::thread> threads;
  for (int i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, i] {
      folders[static_cast<std::size_t>(i)] = StudyFolder(project(), database()).settle(joined("jets", "uid"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const fs::path& folder : folders) EXPECT_EQ(folder.filename(), "jets");
}

}  // namespace
}  // namespace lathe::app
