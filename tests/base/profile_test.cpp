#include "lathe/base/profile.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "lathe/base/error.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;

void work_for(milliseconds time) {
  const auto end = Profile::Clock::now() + time;
  while (Profile::Clock::now() < end) continue;
}

ProfileTotals::Duration sum(const ProfileTotals& totals) {
  ProfileTotals::Duration all{};
  for (const auto spent : totals.phases) all += spent;
  return all;
}

TEST(Profile, AddsUpToTheWallTimeOfOneThread) {
  Profile profile;
  const Profile::Thread part(&profile);
  {
    const PhaseScope train(Phase::kTrain);
    work_for(milliseconds(20));
  }
  const ProfileTotals totals = profile.totals();
  EXPECT_EQ(totals.threads, 1);
  EXPECT_EQ(sum(totals), totals.wall);
  EXPECT_GE(totals.seconds(Phase::kTrain), 0.02);
  EXPECT_EQ(totals.seconds(Phase::kStorage), 0);
}

TEST(Profile, InnerPhasesAreNotCountedForOuterOnes) {
  Profile profile;
  const Profile::Thread part(&profile);
  {
    const PhaseScope train(Phase::kTrain);
    work_for(milliseconds(5));
    {
      const PhaseScope evaluate(Phase::kEvaluate);
      const PhaseScope again(Phase::kEvaluate);
      work_for(milliseconds(20));
    }
    work_for(milliseconds(5));
  }
  const ProfileTotals totals = profile.totals();
  EXPECT_GE(totals.seconds(Phase::kEvaluate), 0.02);
  EXPECT_GE(totals.seconds(Phase::kTrain), 0.01);
  EXPECT_LE(totals.seconds(Phase::kTrain), totals.wall_seconds() - totals.seconds(Phase::kEvaluate));
  EXPECT_EQ(sum(totals), totals.wall);
}

TEST(Profile, TimeWithoutAllThreadsIsIdle) {
  Profile profile;
  const Profile::Thread part(&profile);
  work_for(milliseconds(10));
  std::thread other([given = Profile::current()] {
    const Profile::Thread own(given);
    const PhaseScope sampler(Phase::kSampler);
    work_for(milliseconds(10));
  });
  {
    const PhaseScope waits(Phase::kIdle);
    other.join();
  }
  const ProfileTotals totals = profile.totals();
  EXPECT_EQ(totals.threads, 2);
  EXPECT_EQ(sum(totals), 2 * totals.wall);
  EXPECT_GE(totals.seconds(Phase::kSampler), 0.01);
  EXPECT_GE(totals.seconds(Phase::kIdle), 0.01) << "while there was but one; how long it waited is the machine's";
  double shares = 0;
  for (std::size_t i = 0; i < kPhases; ++i) shares += totals.share(static_cast<Phase>(i));
  EXPECT_NEAR(shares, 1, 1e-12);
}

TEST(Profile, ThreadsWithoutAProfileCountNothing) {
  EXPECT_EQ(Profile::current(), nullptr);
  const Profile::Thread part(nullptr);
  const PhaseScope train(Phase::kTrain);
  EXPECT_EQ(Profile::current(), nullptr);
  Profile profile;
  const ProfileTotals totals = profile.totals();
  EXPECT_EQ(totals.seconds(Phase::kTrain), 0);
  EXPECT_EQ(sum(totals), totals.wall);
}

TEST(Profile, AThreadTakesPartOnce) {
  Profile profile;
  const Profile::Thread part(&profile);
  EXPECT_THROW(const Profile::Thread again(&profile), InternalError);
}

TEST(Profile, PhasesHaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kPhases; ++i) {
    names.insert(to_string(static_cast<Phase>(i)));
    EXPECT_FALSE(description(static_cast<Phase>(i)).empty());
  }
  EXPECT_EQ(names.size(), kPhases);
}

}  // namespace
}  // namespace lathe
