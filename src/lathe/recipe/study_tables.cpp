#include "lathe/recipe/study_tables.h"

#include "lathe/recipe/training.h"

namespace lathe::recipe {
namespace {

using config::above;
using config::at_least;
using config::choice_field;
using config::field;
using config::list_field;

// Upper ends of limits: seconds and megabytes that still fit the clock and 64 bits of bytes.
const config::Bounds kLimit{.low = 0, .high = 1e9, .low_open = true};
const std::vector<std::string> kLoaders{"train_dataloader", "val_dataloader"};

}  // namespace

const std::vector<Field<SetupTable>>& setup_fields() {
  static const std::vector<Field<SetupTable>> fields{
      field("n_jobs", &SetupTable::n_jobs, "trials in parallel, with `threads` threads each", config::between(1, 1024)),
      field("n_trials", &SetupTable::n_trials, "trials in all", at_least(1)),
      field("timeout", &SetupTable::timeout, "seconds after which no new trial begins", kLimit),
      field("sampler", &SetupTable::sampler, "how candidates are proposed"),
      field("sum_scaled_metrics", &SetupTable::sum_scaled_metrics, "one objective, the sum of the scaled metrics"),
      field("direction", &SetupTable::direction, "direction of the sum: minimize or maximize"),
      field("trial_timeout", &SetupTable::trial_timeout, "seconds after which a trial fails", kLimit),
      field("trial_memory", &SetupTable::trial_memory, "MB that one trial may plan to use", kLimit),
      field("max_memory", &SetupTable::max_memory,
            "MB that all running trials together may plan to use: larger candidates fail, others wait for their turn; "
            "\"NA\": what the machine, or its control group, has free at the start",
            kLimit),
      field("keep_best", &SetupTable::keep_best,
            "trials whose weights are kept in trials/: the best so many, and always those that no other one beats; "
            "\"NA\": these alone",
            at_least(1)),
      field("checkpoint_interval", &SetupTable::checkpoint_interval,
            "seconds of training between two savings of a running trial, from which a search that was cut off goes on; "
            "0: none",
            config::between(0, 1e9)),
      field("lag", &SetupTable::lag, "trial t is proposed from the results of trials 0 .. t - lag", at_least(1)),
      field("heartbeat", &SetupTable::heartbeat, "seconds between two signs of life of a running trial", kLimit),
      field("heartbeat_grace", &SetupTable::heartbeat_grace,
            "seconds of silence after which another worker takes a trial over", kLimit),
      field("max_attempts", &SetupTable::max_attempts, "workers that may die on one trial before it fails",
            at_least(1)),
      field("mixed_targets", &SetupTable::mixed_targets,
            "let workers with other back ends or SIMD targets join: bits are then not the same everywhere"),
      field("repeats", &SetupTable::repeats, "seeds per trial, whose metrics are the means", config::between(1, 1000)),
      field("optuna_compat", &SetupTable::optuna_compat,
            "version of Optuna that is to read the database: \"3.1\" or older, else the revision of 3.2 and later"),
      field("save_every_n_trials", &SetupTable::save_every_n_trials,
            "without effect: every trial is saved when it ends"),
      field("model_parallel", &SetupTable::model_parallel, "without effect"),
      field("runner_style", &SetupTable::runner_style, "without effect"),
  };
  return fields;
}

const std::vector<Field<EvaluationTable>>& evaluation_fields() {
  static const std::vector<Field<EvaluationTable>> fields{
      field("name", &EvaluationTable::name, "without effect"),
      choice_field("data_loader", &EvaluationTable::data_loader, kLoaders, "rows that are evaluated"),
      choice_field("dataloader", &EvaluationTable::data_loader, kLoaders, "the same, in MASE's other spelling"),
      field("num_samples", &EvaluationTable::num_samples, "the first so many rows; -1: all", at_least(-1)),
  };
  return fields;
}

namespace {

// What the runner's table has of a training setting; its default is the top-level key's where that is not one of its
// own.
Field<TrainTable> train_field(const TrainingSetting& setting) {
  return {
      setting.name(),
      setting.field.type,
      setting.allowed(Place::kRunner),
      setting.field.description,
      [&setting](TrainTable& out, const config::Value& value) { setting.read(Place::kRunner, value, out.settings); },
      [&setting](const TrainTable& in) {
        return setting.own_default ? setting.field.show(in.settings) : "key " + setting.general;
      }};
}

}  // namespace

const std::vector<Field<TrainTable>>& train_fields() {
  static const std::vector<Field<TrainTable>> fields = [] {
    std::vector<Field<TrainTable>> all{
        field("name", &TrainTable::name, "without effect"),
        choice_field("data_loader", &TrainTable::data_loader, kLoaders, "rows that are trained on"),
        choice_field("weights", &TrainTable::weights, {"fresh", "inherit", "net2wider"},
                     "what candidates begin from, as the general key, which is its default")};
    for (const TrainingSetting& setting : training_settings())
      if (setting.in_runner) all.push_back(train_field(setting));
    return all;
  }();
  return fields;
}

const std::vector<Field<HardwareTable>>& hardware_fields() {
  static const std::vector<Field<HardwareTable>> fields{
      field("compare_to", &HardwareTable::compare_to, "bits that memory_density compares with", above(0)),
      field("batch_size", &HardwareTable::batch_size,
            "rows per batch of latency and of the costs of a batch; the study's batch_size by default",
            config::between(1, kLargestBatch)),
  };
  return fields;
}

const std::vector<Field<StrategyTable>>& strategy_fields() {
  static const std::vector<Field<StrategyTable>> fields{
      choice_field("name", &StrategyTable::name, {"optuna"}, "kept for MASE's files: lathe's own search core"),
      field("eval_mode", &StrategyTable::eval_mode, "true: evaluate weights as they are; false: train every candidate"),
  };
  return fields;
}

const std::vector<Field<MetricTable>>& metric_fields() {
  static const std::vector<Field<MetricTable>> fields{
      field("scale", &MetricTable::scale, "factor of the value in the objective"),
      field("direction", &MetricTable::direction, "minimize or maximize"),
      field("expr", &MetricTable::expr, "formula over metrics: accuracy - loss - 0.1 * latency"),
  };
  return fields;
}

const std::vector<Field<PrunerTable>>& pruner_fields() {
  static const std::vector<Field<PrunerTable>> fields{
      field("name", &PrunerTable::name, "who decides whether a training goes on; the table takes its options too"),
      choice_field("resource", &PrunerTable::resource, {"epochs", "samples", "seconds"},
                   "what the steps of the reports count: epochs done, training samples seen, seconds of training"),
      field("interval", &PrunerTable::interval, "of the resource, from one report to the next",
            config::between(1, 1e15)),
  };
  return fields;
}

const std::vector<Field<ConstraintTable>>& constraint_fields() {
  static const std::vector<Field<ConstraintTable>> fields{
      field("min", &ConstraintTable::min, "least value allowed"),
      field("max", &ConstraintTable::max, "largest value allowed"),
      field("expr", &ConstraintTable::expr, "formula over metrics, where the constraint's name is not a metric"),
  };
  return fields;
}

const std::vector<Field<RacingSettings>>& racing_fields() {
  static const std::vector<Field<RacingSettings>> fields{
      field("max_repeats", &RacingSettings::max_repeats, "seeds per candidate at most, those of its trial included",
            config::between(2, 1000)),
      field("confidence", &RacingSettings::confidence, "at which a candidate counts as on or off the front",
            config::Bounds{.low = 0.5, .high = 1, .low_open = true, .high_open = true}),
      field("min_repeats", &RacingSettings::min_repeats, "seeds of every candidate that is not off the front, at least",
            config::between(1, 1000)),
  };
  return fields;
}

const std::vector<Field<ExhaustiveSettings>>& exhaustive_fields() {
  static const std::vector<Field<ExhaustiveSettings>> fields{
      choice_field("stop", &ExhaustiveSettings::stop, {"racing", "none"},
                   "racing: candidates that confidence bounds keep off the front end early; none: nothing does"),
      field("seeds", &ExhaustiveSettings::seeds,
            "seeds of each candidate that may be on the front; with stop = \"none\" of each candidate",
            config::between(1, 1000)),
      field("confidence", &ExhaustiveSettings::confidence,
            "least probability that a candidate drawn at random is not dropped wrongly, and that of the race",
            config::Bounds{.low = 0.5, .high = 1, .low_open = true, .high_open = true}),
      field("calibration", &ExhaustiveSettings::calibration,
            "candidates that always run to their end; \"NA\": 5 %, and what the bounds need", at_least(1)),
      field("min_resource", &ExhaustiveSettings::min_resource,
            "epochs before the first decision; \"NA\": a fifth of max_epochs", at_least(1)),
      field("reduction_factor", &ExhaustiveSettings::reduction_factor,
            "between the epochs of one decision and the next", config::between(2, 1e6)),
  };
  return fields;
}

const std::vector<Field<FinalSettings>>& final_fields() {
  static const std::vector<Field<FinalSettings>> fields{
      field("seeds", &FinalSettings::seeds, "trainings of each of the best trials, with seeds of their own",
            config::between(1, 1e6)),
      field("top", &FinalSettings::top, "trials at most, best first", at_least(1)),
  };
  return fields;
}

}  // namespace lathe::recipe
