#include "storage/storage_suite.h"

#include <cmath>
#include <limits>
#include <thread>

#include "lathe/base/error.h"
#include "storage/sample.h"

namespace lathe::storage {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_same_parameters(const std::vector<Parameter>& read, const std::vector<Parameter>& written) {
  ASSERT_EQ(read.size(), written.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].name, written[i].name);
    EXPECT_EQ(*read[i].distribution, *written[i].distribution);
    EXPECT_EQ(read[i].value, written[i].value);
  }
}

void expect_same(const Trial& read, const Trial& written) {
  EXPECT_EQ(read.trial_id, written.trial_id);
  EXPECT_EQ(read.number, written.number);
  EXPECT_EQ(read.state, written.state);
  EXPECT_EQ(read.values, written.values);
  EXPECT_EQ(read.user_attributes, written.user_attributes);
  EXPECT_EQ(read.system_attributes, written.system_attributes);
  EXPECT_EQ(read.started, written.started);
  EXPECT_EQ(read.completed, written.completed);
  expect_same_parameters(read.parameters, written.parameters);
}

/// One parameter of each kind; the names are not in the order of the alphabet.
std::vector<Parameter> all_kinds() {
  return {categorical("zoo", {std::monostate{}, 0.5, std::string("é"), true}, 2),
          {"width", shared(parameter::Integer{.low = 8, .high = 64, .step = 8}), 40},
          {"rate", shared(parameter::Float{.low = 1e-5, .high = 0.1, .log = true}), 0.0015676677195506068},
          {"dropout", shared(parameter::Float{.low = 0, .high = 0.5, .step = 0.1}), 0.1 + 0.2},
          {"depth", shared(parameter::Integer{.low = 1, .high = 32, .log = true}), 3}};
}

TEST_P(StorageSuite, TrialsComeBackAsTheyWereWritten) {
  const auto study = storage_->create_study("jets", {Direction::kMaximize, Direction::kMinimize},
                                            {{"fingerprint", "\"abc\""}}, {{"study:metric_names", "[\"a\", \"b\"]"}});
  Trial written = start(*storage_, study, all_kinds());
  EXPECT_EQ(written.number, 0);
  EXPECT_EQ(written.state, TrialState::kRunning);
  written.state = TrialState::kComplete;
  written.values = {kInfinity, -0.1};
  written.intermediate_values = {{1, 0.5}, {2, std::nan("")}, {3, -kInfinity}};
  written.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5}"}};
  written.system_attributes = {{"constraints", "[-1.0]"}};
  written.completed = kStart + milliseconds(1500);
  EXPECT_TRUE(storage_->finish_trial(written));
  const auto trials = place_->open()->trials(study);
  ASSERT_EQ(trials.size(), 1U);
  expect_same(trials[0], written);
  const auto& reports = trials[0].intermediate_values;
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports.at(1), 0.5);
  EXPECT_TRUE(std::isnan(reports.at(2)));
  EXPECT_EQ(reports.at(3), -kInfinity);
}

TEST_P(StorageSuite, StudiesAreFoundByName) {
  const auto study = storage_->create_study("jets 'é\"", {Direction::kMaximize, Direction::kMinimize},
                                            {{"fingerprint", "\"abc\""}}, {{"study:metric_names", "[\"a\"]"}});
  make_study({Direction::kMinimize}, "other");
  storage_->set_study_attributes(study, {{"fingerprint", "\"def\""}, {"more", "1"}}, {{"system", "null"}});
  const auto again = place_->open();
  EXPECT_EQ(again->studies().size(), 2U);
  const auto found = again->find_study("jets 'é\"");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->study_id, study);
  EXPECT_EQ(found->directions, (std::vector{Direction::kMaximize, Direction::kMinimize}));
  EXPECT_EQ(found->user_attributes, (Attributes{{"fingerprint", "\"def\""}, {"more", "1"}}));
  EXPECT_EQ(found->system_attributes, (Attributes{{"study:metric_names", "[\"a\"]"}, {"system", "null"}}));
  EXPECT_FALSE(again->find_study("absent").has_value());
  EXPECT_TRUE(again->trials(4711).empty());
}

TEST_P(StorageSuite, ATakenNameIsRefused) {
  make_study();
  const std::string message = message_of([&] { make_study(); });
  EXPECT_NE(message.find(" already holds a study named \"jets\"; choose another name or file"), std::string::npos)
      << message;
  EXPECT_THROW(storage_->import_study({.name = "jets", .directions = {Direction::kMaximize}}, {}), UserError);
  EXPECT_EQ(storage_->studies().size(), 1U);
}

TEST_P(StorageSuite, ANumberThatIsTakenStartsNoTrial) {
  const auto study = make_study();
  const auto other = place_->open();
  const auto first = storage_->start_trial(study, {.number = 0, .parameters = two_parameters(), .started = kStart});
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(other->start_trial(study, {.number = 0, .started = kStart}).has_value());
  EXPECT_FALSE(other->start_trial(study, {.number = 2, .started = kStart}).has_value());
  EXPECT_EQ(other->start_trial(study, {.number = 1, .started = kStart})->number, 1);
  EXPECT_EQ(storage_->trials(study).size(), 2U);
}

TEST_P(StorageSuite, OnlyRunningTrialsEnd) {
  const auto study = make_study();
  const Trial trial = start(*storage_, study);
  EXPECT_TRUE(complete(*storage_, trial, {1.0}));
  Trial late = ended(trial, TrialState::kFail);
  late.user_attributes = {{"late", "true"}};
  EXPECT_FALSE(place_->open()->finish_trial(late));
  const Trial read = storage_->trials(study)[0];
  EXPECT_EQ(read.values, std::vector{1.0});
  EXPECT_EQ(read.state, TrialState::kComplete);
  EXPECT_TRUE(read.user_attributes.empty());
}

TEST_P(StorageSuite, AnUnreadableEndIsOurDefectAndChangesNothing) {
  const auto study = make_study();
  const Trial trial = start(*storage_, study);
  EXPECT_THROW(complete(*storage_, trial, {}), InternalError);
  EXPECT_THROW(complete(*storage_, trial, {std::nan("")}), InternalError);
  EXPECT_THROW(complete(*storage_, trial, {1.0, 2.0}), InternalError);
  EXPECT_THROW(storage_->finish_trial(ended(trial, TrialState::kRunning)), InternalError);
  EXPECT_EQ(storage_->trials(study)[0].state, TrialState::kRunning);
  EXPECT_TRUE(complete(*storage_, trial, {1.0}));
}

TEST_P(StorageSuite, PrunedTrialsMayHaveAValue) {
  const auto study = make_study();
  EXPECT_TRUE(storage_->finish_trial(ended(start(*storage_, study), TrialState::kPruned, {0.25})));
  EXPECT_TRUE(storage_->finish_trial(ended(start(*storage_, study), TrialState::kPruned)));
  EXPECT_TRUE(storage_->finish_trial(ended(start(*storage_, study), TrialState::kFail)));
  EXPECT_EQ(storage_->trials(study)[0].values, std::vector{0.25});
  EXPECT_TRUE(storage_->trials(study)[1].values.empty());
}

TEST_P(StorageSuite, EnqueuedTrialsAreClaimedOnce) {
  const auto study = make_study();
  const Trial queued = storage_->enqueue_trial(study, two_parameters(), {{"from", "\"hand\""}});
  EXPECT_EQ(queued.state, TrialState::kWaiting);
  EXPECT_EQ(queued.number, 0);
  const Attributes fixed{{"fixed_params",
                          "{\"seq_blocks_2/config/channel_multiplier\": 4, "
                          "\"seq_blocks_2/config/data_in_frac_width\": 0.5}"}};
  const auto other = place_->open();
  const Trial seen = other->trials(study).at(0);
  expect_same(seen, queued);
  EXPECT_EQ(seen.system_attributes, fixed);
  EXPECT_FALSE(seen.started.has_value());
  const NewTrial beginning{.parameters = two_parameters(), .user_attributes = {{"worker", "1"}}, .started = kStart};
  EXPECT_TRUE(other->claim_waiting_trial(queued.trial_id, beginning));
  EXPECT_FALSE(storage_->claim_waiting_trial(queued.trial_id, beginning));
  const Trial running = storage_->trials(study).at(0);
  EXPECT_EQ(running.state, TrialState::kRunning);
  EXPECT_EQ(running.started, kStart);
  EXPECT_EQ(running.system_attributes, fixed);
  EXPECT_EQ(running.user_attributes, (Attributes{{"from", "\"hand\""}, {"worker", "1"}}));
  expect_same_parameters(running.parameters, two_parameters());
  EXPECT_EQ(start(*storage_, study).number, 1);
  EXPECT_TRUE(complete(*storage_, running, {1.0}));
}

TEST_P(StorageSuite, TrialsWithoutHeartbeatsGoStale) {
  const auto study = make_study();
  const Trial lost = start(*storage_, study);
  const Trial alive = start(*storage_, study);
  const Trial done = start(*storage_, study);
  const auto other = place_->open();
  complete(*storage_, done, {1.0});
  EXPECT_TRUE(other->stale_trials(study, duration<double>(5)).empty());
  std::this_thread::sleep_for(milliseconds(400));
  // Asked again where a busy machine took longer than the grace from the heartbeat to the answers.
  for (bool in_time = false; !in_time;) {
    const auto beat = std::chrono::steady_clock::now();
    storage_->heartbeat({alive.trial_id, done.trial_id});
    const auto stale = other->stale_trials(study, duration<double>(0.3));
    in_time = std::chrono::steady_clock::now() - beat < milliseconds(250);
    if (in_time) {
      EXPECT_EQ(stale, std::vector{lost.trial_id});
    }
  }
  EXPECT_FALSE(other->take_over_trial(alive.trial_id, duration<double>(60), {}));
  const auto beats = other->heartbeats(study);
  EXPECT_TRUE(beats.contains(alive.trial_id) && beats.contains(lost.trial_id) && !beats.contains(done.trial_id));
  EXPECT_FALSE(other->take_over_trial(done.trial_id, duration<double>(0), {}));
  EXPECT_TRUE(other->take_over_trial(lost.trial_id, duration<double>(0.3), {{"lathe:attempts", "2"}}));
  EXPECT_FALSE(storage_->take_over_trial(lost.trial_id, duration<double>(60), {{"lathe:attempts", "3"}}));
  EXPECT_TRUE(storage_->stale_trials(study, duration<double>(60)).empty());
  EXPECT_EQ(storage_->trials(study)[0].user_attributes, (Attributes{{"lathe:attempts", "2"}}));
}

TEST_P(StorageSuite, ReadersLoadOnlyWhatChanged) {
  const auto study = make_study();
  const auto other_study = make_study({Direction::kMinimize}, "other");
  const Trial first = start(*storage_, study);
  start(*storage_, other_study);
  const Trial second = start(*storage_, study);
  const auto reader = place_->open();
  EXPECT_EQ(reader->trials(study).size(), 2U);
  EXPECT_TRUE(reader->changed_trials(study, second.trial_id, {}).empty());
  complete(*storage_, first, {0.5});
  const Trial third = start(*storage_, study);
  start(*storage_, other_study);
  const auto changed = reader->changed_trials(study, second.trial_id, {first.trial_id, second.trial_id});
  ASSERT_EQ(changed.size(), 3U);
  EXPECT_EQ(changed[0].state, TrialState::kComplete);
  EXPECT_EQ(changed[0].values, std::vector{0.5});
  EXPECT_EQ(changed[1].state, TrialState::kRunning);
  EXPECT_EQ(changed[2].trial_id, third.trial_id);
  expect_same_parameters(changed[2].parameters, two_parameters());
}

TEST_P(StorageSuite, SomeTrialsAreSelected) {
  const auto study = make_study();
  for (int i = 0; i < 6; ++i) {
    const Trial trial = start(*storage_, study);
    if (i % 2 == 0) complete(*storage_, trial, {0.5});
    if (i == 3) storage_->finish_trial(ended(trial, TrialState::kFail));
  }
  const auto numbers = [&](const TrialSelection& selection) {
    std::vector<std::int64_t> found;
    for (const Trial& trial : storage_->selected_trials(study, selection)) {
      expect_same_parameters(trial.parameters, two_parameters());
      found.push_back(trial.number);
    }
    return found;
  };
  using Numbers = std::vector<std::int64_t>;
  EXPECT_EQ(numbers({}), (Numbers{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(numbers({.states = {TrialState::kComplete}}), (Numbers{0, 2, 4}));
  EXPECT_EQ(numbers({.states = {TrialState::kComplete, TrialState::kFail}, .newest = 2}), (Numbers{3, 4}));
  EXPECT_EQ(numbers({.states = {TrialState::kFail}, .newest = 2}), (Numbers{3}));
  EXPECT_EQ(numbers({.newest = 4}), (Numbers{2, 3, 4, 5}));
  EXPECT_EQ(numbers({.states = {TrialState::kPruned}}), Numbers{});
}

TEST_P(StorageSuite, TrialsAreCountedWithoutLoadingThem) {
  const auto study = make_study();
  make_study({Direction::kMinimize}, "empty");
  complete(*storage_, start(*storage_, study, {}, kStart + std::chrono::seconds(10)), {0.5});
  complete(*storage_, start(*storage_, study), {0.5});
  storage_->enqueue_trial(study, {}, {});
  const auto counts = storage_->trial_counts();
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts.at(study).in(TrialState::kComplete), 2);
  EXPECT_EQ(counts.at(study).in(TrialState::kWaiting), 1);
  EXPECT_EQ(counts.at(study).in(TrialState::kFail), 0);
  EXPECT_EQ(counts.at(study).all(), 3);
  EXPECT_EQ(counts.at(study).first_started, kStart);
  EXPECT_EQ(counts.at(study).last_completed, kStart + std::chrono::seconds(11));
}

TEST_P(StorageSuite, DistributionsAreListedInTheirOrder) {
  const auto study = make_study();
  start(*storage_, study, all_kinds());
  start(*storage_, study, {{"width", shared(parameter::Integer{.low = 8, .high = 128, .step = 8}), 40}});
  start(*storage_, study, all_kinds());
  const auto found = storage_->distributions(study);
  ASSERT_EQ(found.size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(found[i].name, all_kinds()[i].name);
    EXPECT_EQ(*found[i].distribution, *all_kinds()[i].distribution);
  }
  EXPECT_EQ(found[5].name, "width");
}

TEST_P(StorageSuite, ChangesByOthersAreSeen) {
  const auto study = make_study();
  const auto other = place_->open();
  storage_->changed_by_others();
  start(*other, study);
  EXPECT_TRUE(storage_->changed_by_others());
}

TEST_P(StorageSuite, ADeletedStudyLeavesNothing) {
  const auto study = make_study();
  const auto kept = make_study({Direction::kMinimize}, "kept");
  Trial trial = start(*storage_, study);
  trial.intermediate_values = {{1, 0.5}};
  trial.user_attributes = {{"a", "1"}};
  trial.system_attributes = {{"b", "2"}};
  complete(*storage_, trial, {1.0});
  storage_->add_repeat(trial.trial_id, 1, "{}", "outcomes");
  storage_->set_study_attributes(study, {{"a", "1"}}, {{"b", "1"}});
  complete(*storage_, start(*storage_, kept), {1.0});
  storage_->delete_study(study);
  EXPECT_FALSE(storage_->find_study("jets").has_value());
  EXPECT_TRUE(storage_->trials(study).empty());
  EXPECT_EQ(place_->open()->trials(kept).size(), 1U);
  if (GetParam() == "memory") return;
  for (const char* table : {"trials", "trial_params", "trial_values", "trial_heartbeats", "trial_intermediate_values",
                            "trial_user_attributes", "trial_system_attributes", "lathe_repeats", "lathe_outcomes"}) {
    EXPECT_EQ(place_->sql(std::string("SELECT count(*) FROM ") + table +
                          " WHERE trial_id = " + std::to_string(trial.trial_id)),
              "0\n")
        << table;
  }
}

TEST_P(StorageSuite, NothingIsWrittenToADeletedStudy) {
  const auto study = make_study();
  const Trial trial = start(*storage_, study);
  const auto other = place_->open();
  other->delete_study(study);
  other->delete_study(study);
  const std::string absent = ": the study is not there; it was deleted";
  for (const std::string& message :
       {message_of([&] { start(*storage_, study); }), message_of([&] { storage_->enqueue_trial(study, {}, {}); })}) {
    EXPECT_TRUE(message.starts_with("cannot write the ") && message.ends_with(absent)) << message;
  }
  EXPECT_FALSE(complete(*storage_, trial, {1.0}));
  EXPECT_FALSE(storage_->claim_waiting_trial(trial.trial_id, {.started = kStart}));
  EXPECT_FALSE(storage_->take_over_trial(trial.trial_id, duration<double>(0), {}));
  storage_->heartbeat({trial.trial_id});
  EXPECT_TRUE(storage_->changed_trials(study, 0, {trial.trial_id}).empty());
  EXPECT_TRUE(storage_->stale_trials(study, duration<double>(0)).empty());
}

TEST_P(StorageSuite, ImportedTrialsGetNumbersInTheirOrder) {
  std::vector<Trial> trials;
  for (int i = 0; i < 300; ++i) {
    Trial trial{.number = 1000 - i, .parameters = all_kinds(), .started = kStart};
    trial = ended(trial, i % 3 == 0 ? TrialState::kFail : TrialState::kComplete);
    if (trial.state == TrialState::kComplete) trial.values = {0.1 * i};
    trial.intermediate_values = {{i, 0.25}};
    trial.user_attributes = {{"i", std::to_string(i)}};
    trial.system_attributes = {{"constraints", "[-1.0]"}};
    trials.push_back(trial);
  }
  make_study({Direction::kMaximize}, "before");
  const auto study = storage_->import_study(
      {.name = "jets", .directions = {Direction::kMinimize}, .user_attributes = {{"from", "\"csv\""}}}, trials);
  const auto reader = place_->open();
  EXPECT_EQ(reader->find_study("jets")->user_attributes, (Attributes{{"from", "\"csv\""}}));
  const auto read = reader->trials(study);
  ASSERT_EQ(read.size(), trials.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    trials[i].number = static_cast<std::int64_t>(i);
    trials[i].trial_id = read[i].trial_id;
    expect_same(read[i], trials[i]);
    EXPECT_EQ(read[i].intermediate_values, trials[i].intermediate_values);
    if (i > 0) {
      EXPECT_GT(read[i].trial_id, read[i - 1].trial_id);
    }
  }
  EXPECT_EQ(start(*storage_, study).number, 300);
}

TEST_P(StorageSuite, RepeatsStayAsTheyWereFirst) {
  const auto study = make_study();
  const Trial trial = start(*storage_, study);
  complete(*storage_, trial, {1.0});
  EXPECT_TRUE(storage_->repeats(study).empty());
  storage_->add_repeat(trial.trial_id, 1, "{\"accuracy\": 0.5}");
  storage_->add_repeat(trial.trial_id, 1, "{\"accuracy\": 0.75}");
  place_->open()->add_repeat(trial.trial_id, 2, "{}");
  const std::map<std::int64_t, std::string> expected{{1, "{\"accuracy\": 0.5}"}, {2, "{}"}};
  EXPECT_EQ(storage_->repeats(study).at(trial.trial_id), expected);
  EXPECT_TRUE(storage_->repeats(study + 1).empty());
}

TEST_P(StorageSuite, KeepsWhatTheRowsSaid) {
  const auto study = make_study();
  const Trial first = start(*storage_, study), second = start(*storage_, study);
  EXPECT_TRUE(storage_->outcomes({first.trial_id, second.trial_id}).empty());
  Trial ended_trial = ended(first, TrialState::kComplete, {1.0});
  ended_trial.outcomes = {"of seed 0", "of seed 1"};
  EXPECT_TRUE(storage_->finish_trial(ended_trial));
  ended_trial.outcomes = {"of somebody who was given up"};
  EXPECT_FALSE(storage_->finish_trial(ended_trial));
  storage_->add_repeat(first.trial_id, 2, "{}", "of seed 2");
  storage_->add_repeat(first.trial_id, 2, "{}", "again");
  storage_->add_repeat(first.trial_id, 3, "{}");
  complete(*storage_, second, {1.0});
  const std::map<std::int64_t, std::string> expected{{0, "of seed 0"}, {1, "of seed 1"}, {2, "of seed 2"}};
  const auto found = place_->open()->outcomes({first.trial_id, second.trial_id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.at(first.trial_id), expected);
  EXPECT_TRUE(storage_->outcomes({second.trial_id}).empty());
}

TEST_P(StorageSuite, ThreadsShareOneStorage) {
  const auto study = make_study();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) complete(*storage_, start(*storage_, study), {1.0});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto trials = storage_->trials(study);
  ASSERT_EQ(trials.size(), 80U);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    EXPECT_EQ(trials[i].number, static_cast<std::int64_t>(i));
    EXPECT_EQ(trials[i].state, TrialState::kComplete);
  }
}

}  // namespace
}  // namespace lathe::storage
