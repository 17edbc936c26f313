#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/engine/inherit.h"
#include "lathe/engine/train.h"
#include "lathe/metric/metric.h"
#include "lathe/recipe/settings.h"
#include "lathe/sampler/sampler.h"

/// Reads `[search.strategy]` and `[search.final]` of a study file (MASE's layout) into values.
namespace lathe::recipe {

/// Holds one entry of `[search.strategy.metrics]`: a registered metric, or a formula over such.
struct Objective {
  std::string name;
  double scale = 1;
  Direction direction = Direction::kMaximize;
  const metric::MetricKind* kind = nullptr;  ///< null for a formula
  std::optional<metric::Expression> expression = std::nullopt;
};

/// Says which rows a runner reads.
enum class Part { kTrain, kValidation };

/// Holds `[search.strategy.sw_runner.basic_evaluation]`.
struct EvaluationRunner {
  Part part = Part::kValidation;
  std::optional<std::int64_t> num_samples;  ///< the first rows of the part; all of them by default
};

/// Holds `[search.strategy.sw_runner.basic_train]`. `accuracy` and `loss` are measured on validation rows whatever is
/// trained on.
struct TrainRunner {
  Part part = Part::kTrain;
  engine::TrainSettings settings;
};

/// Holds `[search.strategy.pruner]`: when training reports, and who decides whether it goes on.
struct PrunerChoice {
  std::string name = "median";
  engine::Resource resource = engine::Resource::kEpochs;  ///< seconds: the study is not reproducible
  std::int64_t interval = 1;                              ///< of the resource, between two reports
  std::optional<config::Value> options = {};              ///< the pruner's own keys of the table
};

/// Holds one entry of `[search.strategy.constraints]`: bounds of a metric, or of a formula over metrics.
struct Constraint {
  std::string name;
  const metric::MetricKind* kind = nullptr;  ///< null for a formula
  std::optional<metric::Expression> expression = std::nullopt;
  std::optional<double> min = std::nullopt, max = std::nullopt;  ///< at least one
  SourcePosition position = {};
};

/// Holds `[search.strategy.racing]`: further seeds for candidates that may be on the front.
struct RacingSettings {
  std::int64_t max_repeats = 10;  ///< seeds per candidate at most, those of the trial included
  double confidence = 0.95;       ///< at which a candidate counts as on or off the front
  std::int64_t min_repeats = 1;   ///< seeds of every candidate that is not off the front, at least
};

/// Holds `[search.strategy.exhaustive]`: the whole space trained, or what may be on its front.
struct ExhaustiveSettings {
  std::string stop = "racing";  ///< what is dropped early: `racing` what bounds keep off the front, `none` nothing
  std::int64_t seeds = 3;       ///< of what may be on the front; with stop = "none" of everything
  double confidence = 0.95;     ///< of the bounds that drop candidates, and of the race
  std::optional<std::int64_t> calibration = {};   ///< candidates that always run to their end; nullopt: by the size
  std::optional<std::int64_t> min_resource = {};  ///< epochs before the first decision; nullopt: a fifth of all
  std::int64_t reduction_factor = 2;              ///< between the epochs of one decision and the next
  std::optional<config::Value> table = {};        ///< as the file has it, for errors
  std::optional<config::Value> n_trials = {};     ///< of `[search.strategy.setup]`, where it was given
};

/// Holds `[search.final]`: the best trials trained anew with several seeds and scored on the test rows once.
struct FinalSettings {
  std::int64_t seeds = 0;  ///< 0: no final
  std::int64_t top = 10;   ///< at most so many trials, best first
};

/// Holds everything that a search does beside its space.
struct StudySettings {
  std::string name;  ///< study name in the database
  std::uint64_t seed = 0;
  bool eval_mode = true;  ///< true: weights are evaluated as they are
  data::Task task = data::Task::kClassification;
  engine::LossSettings loss;  ///< that of `train` where the study trains
  std::optional<TrainRunner> train;
  EvaluationRunner evaluation;
  double compare_to_bits = 32;
  std::int64_t batch_size = 128;

  std::string sampler = "tpe";
  std::optional<config::Value> sampler_options;
  std::int64_t n_trials = 20;
  std::int64_t n_jobs = 1;
  std::int64_t lag = 4;                   ///< trial t is asked with exactly the results of trials 0 .. t - lag
  double heartbeat_seconds = 10;          ///< between two signs of life of a running trial in the database
  double heartbeat_grace_seconds = 60;    ///< silence after which a trial is taken over
  std::int64_t max_attempts = 3;          ///< workers that may die on one trial before it fails
  bool mixed_targets = false;             ///< let workers with other back ends or SIMD targets join
  std::optional<double> timeout_seconds;  ///< of the study, looked at between trials
  std::optional<double> trial_timeout_seconds;
  std::optional<std::int64_t> trial_memory_bytes;
  std::optional<std::int64_t> max_memory_bytes;  ///< of all running trials; nullopt: what the machine has free
  std::optional<std::int64_t> keep_best;         ///< trials whose weights are kept beside those of the best
  double checkpoint_interval_seconds = 60;       ///< of training, between two savings of a trial; 0: none
  bool sum_scaled_metrics = false;               ///< one objective: the sum of the scaled metrics
  std::vector<Objective> objectives;             ///< alphabetical by name, as MASE orders them
  std::vector<Direction> directions;             ///< of the values that the sampler sees: one, or one per objective
  std::optional<PrunerChoice> pruner;            ///< none: every trial trains to its end
  std::vector<Constraint> constraints;           ///< in the order of the file
  std::int64_t repeats = 1;                      ///< seeds per trial, whose metrics are the means
  std::optional<RacingSettings> racing;
  std::optional<ExhaustiveSettings> exhaustive;  ///< see fit_to_space

  std::string accelerator = "auto";
  std::string backend = "auto";
  int threads = 1;  ///< of one trial
  engine::Precision precision = engine::Precision::kFloat32;
  /// What candidates begin from: by the seed (and what of --load fits), or the trained base network's weights.
  engine::WeightPolicy weights = engine::WeightPolicy::kFresh;
  std::string optuna_compat;  ///< version of Optuna that is to read the database; see storage::SqliteOptions
  FinalSettings final;

  /// Tells whether a study names a metric that is measured by the clock.
  bool measures(metric::Source source) const;
  /// Tells whether the clock decides anything: measured metrics, or a pruner that counts seconds.
  bool depends_on_clock() const;
  /// Returns how many seeds a candidate can get in the search: the final takes seeds beyond them.
  std::int64_t most_repeats() const;
  /// Prints what the bits of a back end depend on: its name, its target and, where it uses them, the threads of a
  /// trial.
  std::string backend_text(const engine::Backend& chosen) const;
  /// Prints what the result of a candidate depends on beside the candidate: part of the candidate key.
  /// `trained` replaces the settings of training where candidates choose their own.
  std::string runner_text(const engine::TrainSettings* trained = nullptr) const;
};

/// Lists the metrics that the objectives and constraints read, formulas resolved, each once.
std::vector<const metric::MetricKind*> metrics_needed(const StudySettings& settings);

/// Tells for each value that samplers and pruners see whether the network alone decides it.
std::vector<bool> known_before_training(const StudySettings& settings);

/// Prints every key of `[search.strategy]` and `[search.final]` as a Markdown page, from the tables that parse_study
/// reads.
std::string study_reference();

/// Reads and checks. Throws UserError with position: unknown keys (nearest shown), missing tables, a runner that
/// contradicts eval_mode, a metric that nothing can produce. Warns of scales whose sign contradicts the metric.
StudySettings parse_study(const config::Value& root, const Settings& general);

}  // namespace lathe::recipe
