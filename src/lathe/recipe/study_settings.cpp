#include "lathe/recipe/study_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/log.h"
#include "lathe/recipe/checks.h"
#include "lathe/recipe/search_training.h"
#include "lathe/recipe/study_parts.h"
#include "lathe/recipe/study_tables.h"

namespace lathe::recipe {
namespace {

using config::Member;
using config::Value;

void check_metrics_can_be_produced(const Value& strategy, const StudySettings& study) {
  for (const metric::MetricKind* kind : metrics_needed(study)) {
    check_task(*kind, study.task, strategy);  // those of formulas; the others were looked at in their places
    if (kind->needs_training && !study.train) {
      strategy.fail(
          fmt::format("nothing in this study produces the metric \"{}\": it needs eval_mode = false and "
                      "[search.strategy.sw_runner.basic_train]",
                      kind->name));
    }
  }
}

void check_modes(const Value& strategy, const StudySettings& study) {
  if (study.eval_mode && study.train) {
    strategy.find_path("sw_runner.basic_train")->fail("training needs eval_mode = false in [search.strategy]");
  }
  if (!study.eval_mode && !study.train) {
    strategy.fail(
        "eval_mode = false needs a runner that trains: add [search.strategy.sw_runner.basic_train], or set "
        "eval_mode = true to evaluate the weights as they are");
  }
  if (const Value* repeats = strategy.find_path("setup.repeats"); repeats != nullptr && study.eval_mode) {
    if (study.repeats > 1)
      repeats->fail("several seeds need training: weights that are only evaluated give the same every time");
  }
}

void apply_setup(const Value& strategy, const SetupTable& setup, StudySettings& study) {
  for (const char* name : {"save_every_n_trials", "model_parallel", "runner_style"}) {
    if (const Value* value = strategy.find_path(fmt::format("setup.{}", name))) {
      log::warning("{}: {}: without effect", value->position().to_string(), value->key());
    }
  }
  if (const Value* value = strategy.find_path("setup.sampler")) {
    try {
      study.sampler = sampler::sampler_kind(setup.sampler).name;  // one name for all spellings: others may join
    } catch (const UserError& error) {
      value->fail(error.what());
    }
  }
  if (const Value* options = strategy.find_path("setup.sampler_options")) study.sampler_options = *options;
  study.n_trials = setup.n_trials;
  study.n_jobs = setup.n_jobs;
  study.lag = setup.lag;
  study.heartbeat_seconds = setup.heartbeat;
  study.heartbeat_grace_seconds = setup.heartbeat_grace;
  study.max_attempts = setup.max_attempts;
  study.mixed_targets = setup.mixed_targets;
  if (setup.heartbeat_grace < setup.heartbeat) {
    strategy.find("setup")->fail(fmt::format("heartbeat_grace ({} s) must not be below heartbeat ({} s)",
                                             setup.heartbeat_grace, setup.heartbeat));
  }
  study.repeats = setup.repeats;
  study.optuna_compat = setup.optuna_compat;
  study.timeout_seconds = setup.timeout;
  study.trial_timeout_seconds = setup.trial_timeout;
  if (setup.trial_memory) study.trial_memory_bytes = static_cast<std::int64_t>(*setup.trial_memory * 1e6);
  if (setup.max_memory) study.max_memory_bytes = static_cast<std::int64_t>(*setup.max_memory * 1e6);
  study.keep_best = setup.keep_best;
  study.checkpoint_interval_seconds = setup.checkpoint_interval;
  study.sum_scaled_metrics = setup.sum_scaled_metrics;
}

bool is_analysed(const Objective& objective) {
  const auto analysed = [](const metric::MetricKind* kind) { return kind->source == metric::Source::kAnalysis; };
  if (objective.kind != nullptr) return analysed(objective.kind);
  const std::vector<std::string>& names = objective.expression->names();
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return analysed(metric::find_metric(name)); });
}

}  // namespace

std::vector<const metric::MetricKind*> metrics_needed(const StudySettings& settings) {
  std::vector<const metric::MetricKind*> kinds;
  const auto add = [&](const metric::MetricKind* kind) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  };
  const auto add_of = [&](const auto& entry) {
    if (entry.kind != nullptr) add(entry.kind);
    if (!entry.expression) return;
    for (const std::string& name : entry.expression->names()) add(metric::find_metric(name));
  };
  for (const Objective& objective : settings.objectives) add_of(objective);
  for (const Constraint& constraint : settings.constraints) add_of(constraint);
  return kinds;
}

std::vector<bool> known_before_training(const StudySettings& settings) {
  std::vector<bool> known;
  for (const Objective& objective : settings.objectives) known.push_back(is_analysed(objective));
  if (!settings.sum_scaled_metrics) return known;
  return {std::all_of(known.begin(), known.end(), [](bool each) { return each; })};
}

bool StudySettings::measures(metric::Source source) const {
  const auto kinds = metrics_needed(*this);
  return std::any_of(kinds.begin(), kinds.end(), [&](const auto* kind) { return kind->source == source; });
}

bool StudySettings::depends_on_clock() const {
  return measures(metric::Source::kMeasured) || (pruner && pruner->resource == engine::Resource::kSeconds);
}

std::int64_t StudySettings::most_repeats() const { return racing ? std::max(repeats, racing->max_repeats) : repeats; }

std::string StudySettings::runner_text(const engine::TrainSettings* trained) const {
  std::string text =
      fmt::format("eval_mode={} evaluate={}:{}", eval_mode, evaluation.part == Part::kTrain ? "train" : "val",
                  evaluation.num_samples.value_or(-1));
  if (!train && !loss.plain()) text += fmt::format(" loss={}", loss.to_text());
  if (train) {
    text += fmt::format(" train={} {}", train->part == Part::kTrain ? "train" : "val",
                        (trained != nullptr ? *trained : train->settings).to_text());
  }
  // Of a study whose trials choose the rate: the text above holds no more of it than the rate that is given.
  if (trained == nullptr && train && train->settings.minimum_learning_rate > train->settings.learning_rate)
    text += fmt::format(" eta_min={}", train->settings.minimum_learning_rate);
  if (precision != engine::Precision::kFloat32) text += fmt::format(" precision={}", engine::to_string(precision));
  return text;
}

std::string StudySettings::backend_text(const engine::Backend& chosen) const {
  std::string text = fmt::format("{} {}", chosen.name(), chosen.target());
  if (chosen.uses_threads()) text += fmt::format(" threads={}", threads);
  return text;
}

StudySettings parse_study(const Value& given_root, const Settings& general) {
  const Value root = with_general_training(given_root, general);
  const Value* search = root.find("search");
  if (search == nullptr) {
    throw UserError(root.position(), "",
                    "the [search] table is missing: a search needs [search.search_space] and "
                    "[search.strategy]; see examples/quickstart.toml");
  }
  const Value* strategy = search->find("strategy");
  if (strategy == nullptr) search->fail("the table [search.strategy] is missing");
  for (const Member& member : search->as_table()) {
    if (member.name == "search_space" || member.name == "strategy" || member.name == "final") continue;
    config::detail::unknown_key(member.value, member.name, {"search_space", "strategy", "final"});
  }

  StrategyTable strategy_table;
  decode_without(*strategy,
                 {"sw_runner", "hw_runner", "setup", "metrics", "pruner", "constraints", "racing", "exhaustive"},
                 strategy_fields(), strategy_table);

  StudySettings study;
  study.seed = static_cast<std::uint64_t>(general.seed);
  study.eval_mode = strategy_table.eval_mode;
  study.accelerator = general.accelerator;
  study.backend = general.backend;
  study.threads = static_cast<int>(general.threads);
  study.precision = engine::precision_of(general.trainer_precision);
  const std::optional<engine::WeightPolicy> weights = engine::weight_policy(general.weights);
  if (!weights) throw UserError("weights", "\"trial\" belongs to `lathe train --from STUDY --trial N` alone");
  study.weights = *weights;
  study.batch_size = general.training.batch_size;
  SetupTable setup;
  if (const Value* table = strategy->find("setup"))
    decode_without(*table, {"sampler_options"}, setup_fields(), setup);
  else
    strategy->fail("the table [search.strategy.setup] is missing (n_trials, sampler, ...)");
  apply_setup(*strategy, setup, study);
  const auto is_searched = [&](const std::string& key) {
    return root.find_path("search.search_space.training." + key) != nullptr;
  };
  const SearchedTraining searched{.optimizer = is_searched("optimizer"), .learning_rate = is_searched("learning_rate")};
  if (const Value* runners = strategy->find("sw_runner")) parse_software_runners(*runners, general, searched, study);
  if (const Value* runners = strategy->find("hw_runner")) parse_hardware_runners(*runners, study);
  study.task = task_of(general);
  study.loss = study.train ? study.train->settings.loss : read_loss(general);
  check_modes(*strategy, study);
  warn_of_idle_training(given_root, general);
  parse_objectives(*strategy, setup, study);
  if (const Value* table = strategy->find("constraints")) parse_constraints(*table, study);
  check_metrics_can_be_produced(*strategy, study);
  if (const Value* table = strategy->find("pruner")) parse_pruner(*table, study);
  if (const Value* table = strategy->find("racing")) parse_racing(*table, study);
  if (const Value* table = strategy->find("exhaustive")) parse_exhaustive(*table, *strategy, study);
  if (const Value* table = search->find("final")) {
    study.final.seeds = 5;
    config::decode(*table, final_fields(), study.final);
    if (study.eval_mode) table->fail("trains the best candidates anew, which needs eval_mode = false");
  }
  return study;
}

}  // namespace lathe::recipe
