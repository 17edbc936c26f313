#pragma once

#include "lathe/report/trial_record.h"
#include "lathe/storage/text.h"

namespace lathe::report {

/// Makes a small study of two objectives: five trials, of which 1 and 2 are the front, 3 failed and 4 repeats 1.
inline StudyRecord sample_study() {
  StudyRecord study{.name = "jets", .model = "jsc-three-linear-layers", .sampler = "tpe", .seed = 7, .lag = 4};
  study.objectives = {{"accuracy", Direction::kMaximize}, {"average_bitwidth", Direction::kMinimize}};
  study.directions = {Direction::kMaximize, Direction::kMinimize};
  study.backend = "dense";
  study.target = "AVX2";
  study.space_size = 12;
  study.data = {{"dataset", std::string("jets")}, {"train_rows", std::int64_t{64000}}};
  study.notice = "simulated jets, not JSC";
  study.settings = "seed = 7\n";
  study.end = "all trials";
  study.wall_seconds = 12.25;
  const storage::Time start = storage::time_from_text("2026-11-21 02:09:41.250000");
  const auto add = [&](double accuracy, double bits, std::int64_t multiplier) {
    TrialRecord trial{.number = static_cast<std::int64_t>(study.trials.size()), .state = TrialState::kComplete};
    trial.values = {accuracy, bits};
    trial.software_metrics = {{"accuracy", accuracy}, {"loss", 1.0 / 3}};
    trial.hardware_metrics = {{"average_bitwidth", bits}, {"flops", 1320}};
    trial.scaled_metrics = {{"accuracy", accuracy}, {"average_bitwidth", bits * 0.2}};
    trial.sampled_config = {
        {"seq_blocks_2", {{"name", std::string("both")}, {"channel_multiplier", multiplier}, {"bias_width", {}}}}};
    trial.choices = {{"seq_blocks_2/config/channel_multiplier", std::to_string(multiplier)}};
    trial.widths = "16-" + std::to_string(16 * multiplier) + "-5";
    trial.bits = "8/4 4/2";
    trial.seconds = 1.5;
    trial.started = start;
    trial.completed = start + std::chrono::milliseconds(1500);
    study.trials.push_back(trial);
  };
  add(0.5, 8, 1);
  add(0.65281234567891, 8, 2);
  add(0.6, 4.5, 3);
  add(0, 0, 4);
  add(0.65281234567891, 8, 2);
  TrialRecord& failed = study.trials[3];
  failed.state = TrialState::kFail;
  failed.values.clear();
  failed.software_metrics = failed.hardware_metrics = failed.scaled_metrics = {};
  failed.reason = "diverged: loss is not finite at step 12";
  study.trials[4].duplicate_of = 1;
  study.trials[2].spreads = {{"accuracy", 0.14}};
  study.best = {1, 2};
  return study;
}

}  // namespace lathe::report
