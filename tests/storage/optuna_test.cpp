#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lathe/base/file.h"
#include "peers.h"
#include "storage/place.h"
#include "storage/sample.h"

/// The real python3-optuna opens, reads and continues what lathe wrote, and lathe what Optuna wrote.
namespace lathe::storage {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Optuna : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    place_ = make_place(GetParam());
    if (!place_) LATHE_PEER_IS_ABSENT("no PostgreSQL server is installed");
  }
  /// Runs a script of this folder on the database; an absent Optuna skips the test.
  std::string run(const std::string& script, const std::string& arguments = {}) {
    const Output output = run_command("/usr/bin/python3 " LATHE_SOURCE_DIR "/tests/storage/" + script + " '" +
                                      place_->url() + "' " + arguments);
    absent_ = output.exit_code == 77 || output.exit_code == 127;
    if (!absent_) {
      EXPECT_EQ(output.exit_code, 0) << output.text;
    }
    return output.text;
  }

  std::unique_ptr<Place> place_;
  bool absent_ = false;
};

INSTANTIATE_TEST_SUITE_P(Databases, Optuna, testing::Values("sqlite", "postgresql"),
                         [](const auto& kind) { return kind.param; });

/// The parameter `rate` exists only with a choice of `mixed`.
std::vector<Parameter> parameters(double multiplier, double mixed) {
  std::vector<Parameter> list{
      categorical("multiplier", {std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}, multiplier),
      categorical("mixed", {std::monostate{}, 0.5, 1.0, true, std::string("both é")}, mixed),
      {"width", shared(parameter::Integer{.low = 8, .high = 64, .step = 8}), 40},
      {"depth", shared(parameter::Integer{.low = 1, .high = 32, .log = true}), 5},
      {"dropout", shared(parameter::Float{.low = 0, .high = 0.5, .step = 0.1}), 0.4}};
  if (mixed == 0) list.push_back({"rate", shared(parameter::Float{.low = 1e-5, .high = 0.1, .log = true}), 1e-3});
  return list;
}

/// Trials of one objective: two complete, one failed, one pruned, one running, one that waits.
void write_single(Storage& storage) {
  const auto study = storage.create_study("jets", {Direction::kMaximize}, {{"dataset", "{\"rows\": 3}"}},
                                          {{"study:metric_names", "[\"accuracy\"]"}});
  Trial first = start(storage, study, parameters(2, 0));
  first.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5, \"note\": \"\\u00e9\"}"}};
  first.system_attributes = {{"constraints", "[-1.5]"}};
  first.intermediate_values = {{1, 0.25}, {2, std::nan("")}, {3, kInfinity}};
  complete(storage, first, {0.5});
  complete(storage, start(storage, study, parameters(0, 4)), {0.625});
  Trial third = start(storage, study, parameters(1, 3));
  third.user_attributes = {{"reason", "\"diverged\""}};
  storage.finish_trial(ended(third, TrialState::kFail));
  Trial fourth = start(storage, study, parameters(1, 2));
  fourth.intermediate_values = {{1, 0.125}};
  storage.finish_trial(ended(fourth, TrialState::kPruned, {0.125}));
  start(storage, study, parameters(1, 0));
  storage.enqueue_trial(
      study, {categorical("multiplier", {std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}, 2), parameters(0, 0)[2]},
      {{"from", "\"hand\""}});
  storage.add_repeat(first.trial_id, 1, "{\"accuracy\": 0.5}", "1AgAC");
}

constexpr const char* kSingle =
    R"(directions ['MAXIMIZE']
user_attrs {'dataset': {'rows': 3}}
names {'study:metric_names': ['accuracy']}
0 COMPLETE [0.5] {'depth': 5, 'dropout': 0.4, 'mixed': None, 'multiplier': 4, 'rate': 0.001, 'width': 40} {'software_metrics': {'accuracy': 0.5, 'note': 'é'}} {'constraints': [-1.5]} {1: 0.25, 2: nan, 3: inf} 0:00:01
1 COMPLETE [0.625] {'depth': 5, 'dropout': 0.4, 'mixed': 'both é', 'multiplier': 1, 'width': 40} {} {} {} 0:00:01
2 FAIL None {'depth': 5, 'dropout': 0.4, 'mixed': True, 'multiplier': 2, 'width': 40} {'reason': 'diverged'} {} {} 0:00:01
3 PRUNED [0.125] {'depth': 5, 'dropout': 0.4, 'mixed': 1.0, 'multiplier': 2, 'width': 40} {} {} {1: 0.125} 0:00:01
4 RUNNING None {'depth': 5, 'dropout': 0.4, 'mixed': None, 'multiplier': 2, 'rate': 0.001, 'width': 40} {} {} {} None
5 WAITING None {} {'from': 'hand'} {'fixed_params': {'multiplier': 4, 'width': 40}} {} None
depth IntDistribution(high=32, log=True, low=1, step=1)
dropout FloatDistribution(high=0.5, log=False, low=0.0, step=0.1)
mixed CategoricalDistribution(choices=(None, 0.5, 1.0, True, 'both é'))
multiplier CategoricalDistribution(choices=(1, 2, 4))
rate FloatDistribution(high=0.1, log=True, low=1e-05, step=None)
width IntDistribution(high=64, log=False, low=8, step=8)
best 1 0.625
stale []
told 5 4 40
)";

TEST_P(Optuna, LoadsAndContinuesAStudyStampedForIt) {
  const auto storage = place_->open("3.1");
  write_single(*storage);
  const std::string text = run("read_with_optuna.py", "jets");
  if (absent_) LATHE_PEER_IS_ABSENT("python3-optuna is not installed");
  EXPECT_EQ(text, kSingle);
  const auto trials = place_->open()->trials(1);
  ASSERT_EQ(trials.size(), 7U);
  EXPECT_EQ(trials[5].state, TrialState::kComplete) << "Optuna took the trial that lathe had queued";
  EXPECT_EQ(trials[5].values, std::vector{0.75});
  EXPECT_EQ(trials[5].parameters.at(1).value, 40);
  EXPECT_EQ(*trials[5].parameters[0].distribution, *trials[0].parameters[0].distribution);
  EXPECT_EQ(trials[6].state, TrialState::kWaiting);
  EXPECT_EQ(trials[6].system_attributes.at("fixed_params"), R"({"multiplier": 2, "width": 16})");
  const NewTrial claim{.parameters = parameters(1, 1), .started = kStart};
  EXPECT_TRUE(storage->claim_waiting_trial(trials[6].trial_id, claim));
  EXPECT_EQ(start(*storage, 1).number, 7);
  EXPECT_TRUE(storage->stale_trials(1, std::chrono::duration<double>(60)).empty());
}

TEST_P(Optuna, LoadsADefaultDatabaseWithoutTheVersionCheck) {
  write_single(*place_->open());
  const std::string text = run("read_with_optuna.py", "jets --skip-compatibility-check");
  if (absent_) LATHE_PEER_IS_ABSENT("python3-optuna is not installed");
  EXPECT_EQ(text, kSingle);
}

TEST_P(Optuna, ReadsSeveralObjectivesWhileLatheHasTheDatabaseOpen) {
  const auto storage = place_->open("3.1");
  const auto study = storage->create_study("front", {Direction::kMaximize, Direction::kMinimize}, {}, {});
  const std::vector<std::vector<double>> values{{0.5, 100}, {0.75, 300}, {0.5, 200}, {0.875, kInfinity}};
  for (const auto& pair : values) complete(*storage, start(*storage, study, parameters(0, 0)), pair);
  const std::string text = run("read_with_optuna.py", "front");
  if (absent_) LATHE_PEER_IS_ABSENT("python3-optuna is not installed");
  EXPECT_NE(text.find("directions ['MAXIMIZE', 'MINIMIZE']"), std::string::npos) << text;
  EXPECT_NE(text.find("3 COMPLETE [0.875, inf] "), std::string::npos) << text;
  EXPECT_NE(text.find("best [0, 1, 3]\nstale []\ntold 4 "), std::string::npos) << text;
  EXPECT_EQ(start(*storage, study).number, 6);
}

void expect_single(const std::vector<Trial>& trials) {
  ASSERT_EQ(trials.size(), 6U);
  const std::array states{TrialState::kComplete, TrialState::kPruned,  TrialState::kFail,
                          TrialState::kComplete, TrialState::kRunning, TrialState::kWaiting};
  for (std::size_t i = 0; i < states.size(); ++i) {
    EXPECT_EQ(trials[i].state, states[i]);
    EXPECT_EQ(trials[i].parameters.size(), i == 5 ? 0U : i % 2 == 0 ? 5U : 4U);
  }
  const std::vector<Parameter>& first = trials[0].parameters;
  EXPECT_EQ(first[0].name, "rate");
  EXPECT_EQ(first[0].value, 0.0015676677195506068);
  EXPECT_EQ(*first[0].distribution, parameter::Distribution(parameter::Float{.low = 1e-5, .high = 0.1, .log = true}));
  EXPECT_EQ(first[1].value, 0.4);
  EXPECT_EQ(*first[2].distribution, parameter::Distribution(parameter::Integer{.low = 8, .high = 64, .step = 8}));
  EXPECT_EQ(*first[3].distribution, parameter::Distribution(parameter::Integer{.low = 1, .high = 32, .log = true}));
  EXPECT_EQ(parameter::choice(*first[4].distribution, first[4].value), parameter::Choice(std::string("both é")));
  EXPECT_EQ(first[0].distribution, trials[1].parameters[0].distribution) << "equal ones are shared";
  EXPECT_EQ(trials[0].intermediate_values.at(1), 0.25);
  EXPECT_TRUE(std::isnan(trials[0].intermediate_values.at(2)));
  EXPECT_EQ(trials[0].intermediate_values.at(3), -kInfinity);
  EXPECT_EQ(trials[1].values, std::vector{0.125});
  EXPECT_EQ(trials[3].values, std::vector{kInfinity});
  EXPECT_EQ(trials[5].system_attributes.at("fixed_params"), R"({"rate": 0.001, "mixed": null})");
  EXPECT_EQ(trials[5].user_attributes.at("memo"), "\"queued\"");
}

void expect_what_optuna_wrote(Storage& storage) {
  const auto single = storage.find_study("single");
  ASSERT_TRUE(single.has_value());
  EXPECT_EQ(single->user_attributes.at("dataset"), R"({"rows": 3, "name": "\u00e9"})");
  expect_single(storage.trials(single->study_id));
  const auto front = storage.find_study("front");
  ASSERT_TRUE(front.has_value());
  EXPECT_EQ(front->directions, (std::vector{Direction::kMinimize, Direction::kMaximize}));
  const auto trials = storage.trials(front->study_id);
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials[1].values, (std::vector{4.0, 0.5}));
  EXPECT_EQ(trials[1].system_attributes.at("constraints"), "[1.5, -1.0]");
  EXPECT_TRUE(storage.stale_trials(single->study_id, std::chrono::duration<double>(0)).empty())
      << "a trial without heartbeat is never stale";
  EXPECT_EQ(start(storage, single->study_id).number, 6);
}

TEST_P(Optuna, LatheReadsWhatItWrote) {
  run("write_with_optuna.py");
  if (absent_) LATHE_PEER_IS_ABSENT("python3-optuna is not installed");
  expect_what_optuna_wrote(*place_->open());
}

TEST(OptunaDump, BothRevisionsAreRead) {
  const std::string dump = read_text_file(LATHE_SOURCE_DIR "/tests/storage/optuna_310.sql");
  const auto old_place = make_place("sqlite");
  old_place->sql(dump);
  expect_what_optuna_wrote(*old_place->open());
  const auto new_place = make_place("sqlite");
  new_place->sql(dump +
                 "UPDATE alembic_version SET version_num = 'v3.2.0.a';"
                 "CREATE INDEX ix_trials_study_id ON trials (study_id);");
  expect_what_optuna_wrote(*new_place->open());
}

}  // namespace
}  // namespace lathe::storage
