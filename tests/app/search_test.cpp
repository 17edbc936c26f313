#include "lathe/app/search.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "app/small_study.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "log_lines.h"
#include "program.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

// The quickstart's search, shortened, with a seed of its own.
Request request_of(const fs::path& folder, const std::string& project, int seed) {
  return read_request(fs::path(LATHE_SOURCE_DIR) / "examples/quickstart.toml",
                      {{"project_dir", '"' + folder.string() + '"'},
                       {"project", '"' + project + '"'},
                       {"seed", std::to_string(seed)},
                       {"max_train_rows", "512"},
                       {"search.strategy.setup.n_trials", "5"},
                       {"search.strategy.setup.n_jobs", "2"},
                       {"search.strategy.sw_runner.basic_train.max_epochs", "1"}});
}

// Runs a search and prints what it found.
std::string found_by(const Request& request, const SearchOptions& options = {}) {
  const auto ready = ready_search(request);
  const auto result = run_search(request, *ready, options);
  if (!result) return "nothing";
  std::ostringstream text;
  for (const study::Trial& trial : result->study.trials) {
    text << trial.number << ' ' << trial.key.to_hex();
    for (const double value : trial.values) text << ' ' << value;
    text << '\n';
  }
  for (const std::size_t best : result->study.best) text << "best " << best << '\n';
  return text.str();
}

TEST(Search, TwoAtOnceFindWhatEachFindsAlone) {
  const lathe::testing::TemporaryFolder folder;
  const log::Capture process;
  const std::string first = found_by(request_of(folder.path(), "alone-1", 1));
  const std::string second = found_by(request_of(folder.path(), "alone-2", 2));
  EXPECT_NE(first, second);
  lathe::testing::LogLines messages[2];
  testing::Counts counts[2];
  std::string found[2];
  const std::string before = process.text();
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const log::Scope scope(&messages[i]);
      Request request = request_of(folder.path(), i == 0 ? "one" : "two", i + 1);
      request.progress = &counts[i];
      found[i] = found_by(request);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found[0], first);
  EXPECT_EQ(found[1], second);
  EXPECT_EQ(process.text(), before) << "their messages are their own";
  for (int i = 0; i < 2; ++i) {
    const std::string own = i == 0 ? "one" : "two", other = i == 0 ? "two" : "one";
    EXPECT_NE(messages[i].text().find("Created study \"" + own + "\""), std::string::npos);
    EXPECT_EQ(messages[i].text().find("study \"" + other + "\""), std::string::npos);
    const std::string run_log = read_text_file(folder.path() / own / "run.log");
    EXPECT_NE(run_log.find("Searching is completed"), std::string::npos);
    EXPECT_EQ(run_log.find("study \"" + other + "\""), std::string::npos);
    EXPECT_TRUE(fs::exists(folder.path() / own / "studies" / own / "best.json"));
    EXPECT_TRUE(counts[i].has("search"));
  }
}

TEST(Search, ACallerEndsItAndGoesOn) {
  const lathe::testing::TemporaryFolder folder;
  const std::string whole = found_by(request_of(folder.path(), "whole", 3));
  const Request request = request_of(folder.path(), "cut", 3);
  engine::StopToken stop;
  const std::string cut =
      found_by(request, {.stop = &stop, .begun = [&](const study::OpenedStudy&) { stop.request(); }});
  EXPECT_NE(cut, whole);
  EXPECT_EQ(found_by(request, {.resume = true}), whole);
}

TEST(Search, SaysWhatDoesNotFitBeforeAnythingIsWritten) {
  const lathe::testing::TemporaryFolder folder;
  const Request request = request_of(folder.path(), "p", 1);
  const auto ready = ready_search(request);
  EXPECT_THROW(run_search(request, *ready, {.study = ""}), UserError);
  EXPECT_THROW(run_search(request, *ready, {.resume = true, .warm_start = "other"}), UserError);
  EXPECT_FALSE(fs::exists(folder.path() / "p"));
  EXPECT_THROW(request_of(folder.path(), "p", -1), UserError);
}

}  // namespace
}  // namespace lathe::app
