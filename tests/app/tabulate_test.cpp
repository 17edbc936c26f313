#include "lathe/app/tabulate.h"

#include <gtest/gtest.h>

#include "app/small_study.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "program.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;
using lathe::testing::TemporaryFolder;
using testing::small_request;

TEST(Tabulate, MakesATableAndFindsItAsItWas) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  testing::Counts counts;
  Request request = small_request(folder.path());
  request.progress = &counts;
  const std::string name = (folder.path() / "small").string();
  const auto made = make_table(request, {.output = name, .seeds = 2});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->contents.assignments.size(), 4U);
  EXPECT_EQ(made->diverged, 0U);
  EXPECT_TRUE(fs::exists(made->files.arrays));
  EXPECT_TRUE(counts.has("table"));
  EXPECT_THROW(make_table(request, {.output = name}), UserError) << "it is there";

  const auto check = check_table(request, {.table = name, .candidates = 2});
  ASSERT_TRUE(check);
  EXPECT_EQ(check->checked, 2U);
  EXPECT_EQ(check->candidates, 4U);
  EXPECT_THROW(check_table(small_request(folder.path(), {{"seed", "7"}}), {.table = name}), DataError);

  const table::Table table = table::Table::load(name);
  const auto objectives = objectives_by(table, std::nullopt);
  ASSERT_EQ(objectives.size(), 1U);
  EXPECT_EQ(objectives_by(table, "loss")[0].direction, Direction::kMinimize);
  EXPECT_THROW(objectives_by(table, "beauty"), UserError);
  const auto all = find_candidates(table, {}, objectives[0]);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_GE(table.mean(all[0], "accuracy").mean, table.mean(all[3], "accuracy").mean);
  EXPECT_EQ(find_candidates(table, {{"seq_blocks_2.channel_multiplier", "2"}}, objectives[0]).size(), 2U);
  EXPECT_THROW(find_candidates(table, {{"seq_blocks_2.channel_multiplier", "5"}}, objectives[0]), UserError);
}

TEST(Tabulate, GoesOnAfterItWasStopped) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  const Request request = small_request(folder.path());
  EXPECT_THROW(make_table(request, {}), UserError) << "no place";
  const fs::path name = folder.path() / "small";
  engine::StopToken stop;
  EXPECT_FALSE(make_table(request, {.output = name, .stop = &stop, .begun = [&] { stop.request(); }}));
  EXPECT_FALSE(fs::exists(folder.path() / "small.npz"));
  EXPECT_TRUE(make_table(request, {.output = name, .seeds = 1}));
}

}  // namespace
}  // namespace lathe::app
