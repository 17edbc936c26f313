#include "lathe/app/compare.h"

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

TEST(Compare, RunsEverySamplerWithEverySeed) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  testing::Counts counts;
  Request request = small_request(folder.path());
  request.progress = &counts;
  const auto compared = compare_samplers(request, {.samplers = {"random", "brute_force"}, .seeds = 2});
  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->record.seeds, 2);
  ASSERT_EQ(compared->record.samplers.size(), 2U);
  EXPECT_EQ(compared->record.samplers[1].name, "brute_force");
  EXPECT_EQ(compared->record.samplers[1].runs.size(), 2U);
  EXPECT_EQ(compared->record.candidates, 4);
  EXPECT_EQ(compared->folder, folder.path() / "p" / "comparison");
  EXPECT_TRUE(fs::exists(compared->folder / "comparison.json"));
  EXPECT_TRUE(counts.has("compare"));
}

TEST(Compare, EndsBeforeTheFirstTrialWithoutFiles) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  engine::StopToken stop;
  const CompareOptions options{.samplers = {"random"}, .seeds = 1, .stop = &stop, .begun = [&] { stop.request(); }};
  EXPECT_FALSE(compare_samplers(small_request(folder.path()), options));
  EXPECT_FALSE(fs::exists(folder.path() / "p"));
}

TEST(Compare, RefusesSamplersTwiceAndNone) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  const Request request = small_request(folder.path());
  EXPECT_THROW(compare_samplers(request, {.samplers = {"tpe", "TPE"}}), UserError);
  EXPECT_THROW(compare_samplers(request, {}), UserError);
}

}  // namespace
}  // namespace lathe::app
