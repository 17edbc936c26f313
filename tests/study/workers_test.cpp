#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "lathe/base/error.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/ledger.h"
#include "lathe/study/weights.h"
#include "program.h"
#include "study/fixture.h"
#include "study/run_sql.h"

// Several workers, restarts, foreign trials: the study is the one that a single undisturbed worker makes.
namespace lathe::study {
namespace {

const char* const kTpe =
    "n_trials = 6\nn_jobs = 1\nlag = 3\nsampler = \"tpe\"\nsampler_options = { n_startup_trials = 2 }\n";

using Outcomes = std::map<std::int64_t, std::pair<space::Assignment, std::vector<double>>>;

Outcomes outcomes(const StudyResult& result) {
  Outcomes all;
  for (const Trial& trial : result.trials) all[trial.number] = {trial.assignment, trial.values};
  return all;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class Workers : public ::testing::Test {
 protected:
  std::unique_ptr<storage::Storage> open() const { return storage::open_sqlite(folder_.path() / "study.db"); }
  void run_sql(const std::string& sql) const { study::run_sql(folder_.path() / "study.db", sql); }
  static Outcomes undisturbed(const char* setup) {
    Fixture fixture(trained_search(setup));
    return outcomes(fixture.run());
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(Workers, ShareAStudyOfOneFile) {
  const Outcomes expected = undisturbed(kTpe);
  std::vector<Outcomes> seen(4);
  std::vector<std::thread> threads;
  for (Outcomes& outcome : seen) {
    threads.emplace_back([this, &outcome] {
      Fixture fixture(trained_search(kTpe));
      outcome = outcomes(fixture.run_in(*open()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Outcomes& outcome : seen) EXPECT_EQ(outcome, expected);
}

// A space of 16 x 7 points, so that sixteen workers find work.
std::string wide_search() {
  std::string text = trained_search("n_trials = 48\nn_jobs = 1\nlag = 16\nsampler = \"tpe\"\n");
  text.replace(text.find("[0.5, 1, 2]"), 11, "{ low = 0.25, high = 4.0, step = 0.25 }");
  text.replace(text.find("[2, 6]"), 6, "{ low = 2, high = 8 }");
  return text;
}

TEST_F(Workers, AreOneOrTwoOrSixteen) {
  Fixture alone(wide_search());
  const Outcomes expected = outcomes(alone.run());
  EXPECT_EQ(expected.size(), 48u);
  Fixture threads(wide_search());
  threads.settings.n_jobs = 16;
  EXPECT_EQ(outcomes(threads.run()), expected);
  for (const int count : {2, 16}) {
    const auto shared = storage::open_memory();
    std::vector<Outcomes> seen(static_cast<std::size_t>(count));
    std::vector<std::thread> workers;
    for (Outcomes& outcome : seen) {
      workers.emplace_back([&shared, &outcome] {
        Fixture fixture(wide_search());
        outcome = outcomes(fixture.run_in(*shared));
      });
    }
    for (std::thread& worker : workers) worker.join();
    for (const Outcomes& outcome : seen) EXPECT_EQ(outcome, expected) << count;
  }
}

TEST_F(Workers, GoOnWhereAnInterruptedRunStopped) {
  const Outcomes expected = undisturbed(kTpe);
  for (int run = 0; run < 10; ++run) {
    Fixture fixture(trained_search(kTpe));
    const auto stop_after_one = [&](const Trial&, std::size_t ended, std::optional<std::int64_t>) {
      if (ended == static_cast<std::size_t>(run) + 1) fixture.stop.request();
    };
    const StudyResult result = fixture.run_in(*open(), nullptr, stop_after_one);
    if (result.end == StudyEnd::kInterrupted) continue;
    EXPECT_EQ(outcomes(result), expected);
    EXPECT_GE(run, 4);
    return;
  }
  FAIL() << "the study did not end";
}

TEST_F(Workers, TakeOverTheTrialsOfTheDead) {
  const Outcomes expected = undisturbed(kTpe);
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const OpenedStudy study = fixture.open(*storage);
  const auto first = fixture.make_sampler()->ask(0);
  storage::Attributes worker = worker_attributes("{\"host\": \"elsewhere\"}", 1);
  ASSERT_TRUE(storage->start_trial(study.id, {.number = 0,
                                              .parameters = storage_parameters(fixture.space.parameters(), *first),
                                              .user_attributes = worker,
                                              .started = std::chrono::system_clock::now()}));
  fixture.settings.heartbeat_grace_seconds = 0.05;
  const StudyResult result = fixture.run_in(*storage);
  EXPECT_EQ(outcomes(result), expected);
  EXPECT_EQ(result.trials.at(0).attempts, 2);
}

TEST_F(Workers, OfMachinesWhoseClocksAreBehindAreWatchedBeforeTheyCountAsDead) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const OpenedStudy study = fixture.open(*storage);
  const auto sampler = fixture.make_sampler();
  ASSERT_TRUE(
      storage->start_trial(study.id, {.number = 0,
                                      .parameters = storage_parameters(fixture.space.parameters(), *sampler->ask(0)),
                                      .user_attributes = worker_attributes("{\"host\": \"elsewhere\"}", 1),
                                      .started = std::chrono::system_clock::now()}));
  const auto last_look = [&](const char* beat) {
    run_sql(std::string("UPDATE trial_heartbeats SET heartbeat = ") + beat);
    Ledger ledger(fixture.settings, fixture.space, *sampler, *storage, study.id);
    ledger.refresh();
    return ledger.take_over();
  };
  // Two hours old by the clock here: silent for no time that this process has seen.
  ASSERT_GE(fixture.settings.heartbeat_grace_seconds, 30);
  EXPECT_FALSE(last_look("datetime('now', '-2 hours')"));
  EXPECT_EQ(storage->stale_trials(study.id, std::chrono::duration<double>(60)).size(), 1u);
  EXPECT_FALSE(last_look("datetime('now', '+2 hours')"));
  EXPECT_EQ(storage->trials(study.id).at(0).state, TrialState::kRunning);
  fixture.settings.heartbeat_grace_seconds = 0;  // nothing to watch for
  EXPECT_TRUE(last_look("datetime('now', '-2 hours')"));
}

TEST_F(Workers, GiveATrialUpThatKeepsKillingThem) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const OpenedStudy study = fixture.open(*storage);
  const auto first = fixture.make_sampler()->ask(0);
  ASSERT_TRUE(storage->start_trial(study.id, {.number = 0,
                                              .parameters = storage_parameters(fixture.space.parameters(), *first),
                                              .user_attributes = worker_attributes("{\"host\": \"elsewhere\"}", 3),
                                              .started = std::chrono::system_clock::now()}));
  fixture.settings.heartbeat_grace_seconds = 0.05;
  const StudyResult result = fixture.run_in(*storage);
  ASSERT_EQ(result.trials.size(), 6u);
  EXPECT_EQ(result.trials[0].state, TrialState::kFail);
  EXPECT_EQ(result.trials[0].reason, "given up: its workers died 3 times while they ran it");
  EXPECT_EQ(result.trials[0].failure, trial::Failure::kWorkers);
  EXPECT_FALSE(result.trials[0].finished().point_failed);
}

TEST_F(Workers, DoNotCountWhatTheUserInterrupted) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const OpenedStudy study = fixture.open(*storage);
  const auto sampler = fixture.make_sampler();
  Ledger ledger(fixture.settings, fixture.space, *sampler, *storage, study.id);
  ledger.refresh();
  std::optional<Begun> begun;
  ASSERT_EQ(ledger.begin(begun), Offer::kTrial);
  ledger.release(begun->trial, false);
  EXPECT_EQ(storage->trials(study.id).at(0).user_attributes.at(kAttemptsAttribute), "0");
  EXPECT_EQ(storage->trials(study.id).at(0).state, TrialState::kRunning);
}

TEST_F(Workers, EndAnEnqueuedTrialOfTheDeadThatCannotRun) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const OpenedStudy study = fixture.open(*storage);
  storage::Parameter wrong = storage_parameters(fixture.space.parameters(), {2, 0}).front();
  wrong.distribution = std::make_shared<const parameter::Distribution>(parameter::Categorical{{std::int64_t{77}}});
  wrong.value = 0;
  const storage::Trial enqueued = storage->enqueue_trial(study.id, {wrong}, {});
  ASSERT_TRUE(storage->claim_waiting_trial(
      enqueued.trial_id, {.user_attributes = worker_attributes("{\"host\": \"elsewhere\"}", 1), .started = {}}));
  fixture.settings.heartbeat_grace_seconds = 0.05;
  const StudyResult result = fixture.run_in(*storage);
  EXPECT_FALSE(result.failure);
  ASSERT_EQ(result.trials.size(), 6u);
  EXPECT_EQ(result.trials[0].state, TrialState::kFail);
}

TEST_F(Workers, RefuseCompleteTrialsWithoutValues) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const storage::Trial stored{.number = 0,
                              .state = TrialState::kComplete,
                              .parameters = storage_parameters(fixture.space.parameters(), {2, 0})};
  EXPECT_THROW(read_trial(fixture.settings, fixture.space, stored), DataError);
}

TEST_F(Workers, StopWhereTheStudyIsDeleted) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const auto remove = [&](const Trial& trial, std::size_t, std::optional<std::int64_t>) {
    if (trial.number == 5) return;
    if (const auto info = storage->find_study("small")) storage->delete_study(info->study_id);
  };
  fixture.settings.n_jobs = 3;
  const StudyResult result = fixture.run_in(*storage, nullptr, remove);
  EXPECT_TRUE(result.failure);
}

TEST_F(Workers, RestoreTheWeightsOfEqualCandidatesOnce) {
  Fixture fixture(trained_search(kTpe));
  StudyResult result = fixture.run();
  ASSERT_FALSE(result.best.empty());
  Trial& best = result.trials[result.best.front()];
  best.evaluation->state.reset();
  result.best.assign(4, result.best.front());
  fixture.settings.n_jobs = 4;
  std::int64_t most = 0;
  restore_weights(
      fixture.settings, fixture.evaluator, result, fixture.stop,
      [](const Trial& trial) { return trial.evaluation->state != nullptr; },
      [&](std::int64_t, std::int64_t planned) { most = planned; });
  EXPECT_EQ(most, 1);
  EXPECT_TRUE(best.evaluation->state);
}

TEST_F(Workers, RunEnqueuedTrialsFirst) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  const OpenedStudy study = fixture.open(*storage);
  const parameter::Space& space = fixture.space.parameters();
  const space::Assignment wanted{2, 0};
  storage->enqueue_trial(study.id, storage_parameters(space, wanted), {});
  storage->enqueue_trial(study.id, {storage_parameters(space, wanted).back()}, {});
  storage::Parameter wrong = storage_parameters(space, wanted).front();
  wrong.distribution = std::make_shared<const parameter::Distribution>(parameter::Categorical{{std::int64_t{77}}});
  wrong.value = 0;
  storage->enqueue_trial(study.id, {wrong}, {});
  const StudyResult result = fixture.run_in(*storage);
  ASSERT_EQ(result.trials.size(), 6u);
  EXPECT_EQ(result.trials[0].assignment, wanted);
  EXPECT_EQ(result.trials[1].assignment.back(), wanted.back());
  EXPECT_EQ(result.trials[2].state, TrialState::kFail);
  EXPECT_NE(result.trials[2].reason.find("the enqueued value 77 is not one of this study"), std::string::npos)
      << result.trials[2].reason;
}

TEST_F(Workers, RefuseAStudyOfOtherChoices) {
  const auto storage = open();
  Fixture first(trained_search(kTpe));
  first.run_in(*storage);
  std::string text = trained_search(kTpe);
  const std::size_t choices = text.find("[0.5, 1, 2]");
  text.replace(choices, 11, "[0.5, 1, 4]");
  Fixture other(text);
  const std::string message = message_of([&] { other.open(*storage); });
  EXPECT_NE(message.find("has other choices for seq_blocks_0/config/channel_multiplier"), std::string::npos) << message;
  Fixture seeded(trained_search(kTpe));
  seeded.settings.seed = 5;
  const std::string seed = message_of([&] { seeded.open(*storage); });
  EXPECT_NE(seed.find("differs in seed: 0 there, 5 now"), std::string::npos) << seed;
  EXPECT_EQ(storage->trials(1).size(), 6u);
}

TEST_F(Workers, RefuseAStudyOfAnotherFormula) {
  const auto storage = open();
  const auto with_formula = [](const std::string& formula) {
    return trained_search(kTpe) + "[search.strategy.constraints]\nwork = { expr = \"" + formula + "\", max = 1e9 }\n";
  };
  Fixture first(with_formula("flops * average_bitwidth"));
  first.open(*storage);
  Fixture other(with_formula("flops + average_bitwidth"));
  const std::string message = message_of([&] { other.open(*storage); });
  EXPECT_NE(message.find("differs in constraints: work (flops * average_bitwidth) <= 1000000000 there, work "
                         "(flops + average_bitwidth)"),
            std::string::npos)
      << message;
}

TEST_F(Workers, ResumeTheNewestStudyOfAName) {
  const auto storage = open();
  Fixture fixture(trained_search(kTpe));
  storage->create_study("other", fixture.settings.directions, {}, {});
  const std::string missing = message_of([&] { fixture.open(*storage, Existing::kResume); });
  EXPECT_NE(missing.find("there is no study \"small\""), std::string::npos) << missing;
  EXPECT_EQ(fixture.open(*storage, Existing::kLeave).name, "small");
  EXPECT_EQ(fixture.open(*storage, Existing::kLeave).name, "small-2");
  const OpenedStudy resumed = fixture.open(*storage, Existing::kResume);
  EXPECT_EQ(resumed.name, "small-2");
  EXPECT_TRUE(resumed.joined);
  EXPECT_EQ(fixture.open(*storage, Existing::kExact).name, "small");
  fixture.settings.n_trials = 50;  // samplers go on planning for the first budget
  EXPECT_EQ(fixture.open(*storage, Existing::kExact).budget, 6);
}

TEST_F(Workers, BeginFromTheTrialsOfAnotherStudy) {
  const auto storage = open();
  Fixture first(trained_search(kTpe));
  first.run_in(*storage);
  Fixture second(
      trained_search("n_trials = 2\nn_jobs = 1\nsampler = \"tpe\"\nsampler_options = { n_startup_trials = 2 }\n"));
  second.settings.seed = 9;
  const auto copies = trials_to_copy(*storage, "small", second.settings, second.space);
  EXPECT_EQ(copies.size(), 6u);
  second.settings.name = "warm";
  const StudyFacts facts{.space = &second.space,
                         .data = &second.evaluator.runner().dataset().fingerprint,
                         .weights = "fresh",
                         .backend = "test",
                         .settings_document = ""};
  const OpenedStudy study = open_study(*storage, second.settings, facts, Existing::kJoin, copies);
  const StudyResult result =
      StudyLoop(second.settings, second.space, second.evaluator, second.make_sampler(), *storage, study)
          .run(second.stop);
  EXPECT_EQ(result.end, StudyEnd::kSpaceExhausted);  // all six points were known
  EXPECT_EQ(result.trials.size(), 6u);
  EXPECT_TRUE(result.trials[0].imported);
}

TEST_F(Workers, KeepTheTrialsThatEndedBeforeTheStorageFailed) {
  class Failing final : public sampler::Sampler {
   public:
    std::optional<space::Assignment> ask(std::int64_t number) override {
      if (number == 2) throw SystemError("write the study file", "study.db", "no space left on device");
      return space::Assignment{static_cast<double>(number), 0};
    }
    void announce(std::int64_t, const space::Assignment&) override {}
    void tell(const sampler::FinishedTrial&) override {}
  };
  Fixture fixture(trained_search(kTpe));
  const StudyResult result = fixture.run_in(*open(), std::make_unique<Failing>());
  EXPECT_EQ(result.end, StudyEnd::kFailed);
  EXPECT_TRUE(result.failure);
  EXPECT_EQ(result.trials.size(), 2u);
}

}  // namespace
}  // namespace lathe::study
