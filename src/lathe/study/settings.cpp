#include "lathe/study/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/base/log.h"
#include "lathe/config/field.h"

namespace lathe::study {
namespace {

using config::above;
using config::at_least;
using config::choice_field;
using config::field;
using config::Field;
using config::Member;
using config::Value;

// ---- the tables of the file, as they are written ----

struct StrategyTable {
  std::string name = "optuna";
  bool eval_mode = true;
};

struct SetupTable {
  std::int64_t n_jobs = 1;
  std::int64_t n_trials = 20;
  std::optional<double> timeout;
  std::string sampler = "tpe";
  bool sum_scaled_metrics = false;
  std::optional<std::string> direction;
  std::optional<double> trial_timeout;
  std::optional<double> trial_memory;
  std::int64_t lag = 4;
  std::string optuna_compat;
  std::optional<std::int64_t> save_every_n_trials;
  std::optional<bool> model_parallel;
  std::optional<std::string> runner_style;
};

struct EvaluationTable {
  std::string name = {};
  std::string data_loader = "val_dataloader";
  std::int64_t num_samples = -1;
};

struct TrainTable {
  std::string name = {};
  std::string data_loader = "train_dataloader";
  std::int64_t num_samples = -1;
  std::int64_t max_epochs = -1;
  std::string optimizer = {};
  double learning_rate = 0;
  double weight_decay = 0;
  double momentum = 0;
  bool nesterov = false;
  std::string lr_scheduler = "constant";
  std::int64_t num_warmup_steps = 0;
  std::int64_t gradient_accumulation_steps = 1;
  std::int64_t batch_size = 0;
};

struct MetricTable {
  double scale = 1;
  std::optional<std::string> direction;
  std::optional<std::string> expr;
};

// Upper ends of limits: seconds and megabytes that still fit the clock and 64 bits of bytes.
const config::Bounds kLimit{.low = 0, .high = 1e9, .low_open = true};
const std::vector<std::string> kDirections{"minimize", "maximize"};
const std::vector<std::string> kLoaders{"train_dataloader", "val_dataloader"};

const std::vector<Field<SetupTable>>& setup_fields() {
  static const std::vector<Field<SetupTable>> fields{
      field("n_jobs", &SetupTable::n_jobs, "trials in parallel, one thread each", config::between(1, 1024)),
      field("n_trials", &SetupTable::n_trials, "trials in all", at_least(1)),
      field("timeout", &SetupTable::timeout, "seconds after which no new trial begins", kLimit),
      field("sampler", &SetupTable::sampler, "how candidates are proposed"),
      field("sum_scaled_metrics", &SetupTable::sum_scaled_metrics, "one objective, the sum of the scaled metrics"),
      field("direction", &SetupTable::direction, "direction of the sum: minimize or maximize"),
      field("trial_timeout", &SetupTable::trial_timeout, "seconds after which a trial fails", kLimit),
      field("trial_memory", &SetupTable::trial_memory, "MB that one trial may plan to use", kLimit),
      field("lag", &SetupTable::lag, "trial t is proposed from the results of trials 0 .. t - lag", at_least(1)),
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

const std::vector<Field<TrainTable>>& train_fields() {
  static const std::vector<Field<TrainTable>> fields{
      field("name", &TrainTable::name, "without effect"),
      choice_field("data_loader", &TrainTable::data_loader, kLoaders, "rows that are trained on"),
      field("num_samples", &TrainTable::num_samples,
            "training samples in all, capped at max_epochs; -1: max_epochs alone", at_least(-1)),
      field("max_epochs", &TrainTable::max_epochs, "passes over the training rows at most; -1: num_samples alone",
            at_least(-1)),
      choice_field("optimizer", &TrainTable::optimizer, {"adam", "adamw", "sgd"}, "update rule"),
      field("learning_rate", &TrainTable::learning_rate, "peak learning rate", above(0)),
      field("weight_decay", &TrainTable::weight_decay, "weight decay", at_least(0)),
      field("momentum", &TrainTable::momentum, "momentum of sgd",
            config::Bounds{.low = 0, .high = 1, .high_open = true}),
      field("nesterov", &TrainTable::nesterov, "Nesterov's form of the momentum of sgd"),
      choice_field("lr_scheduler", &TrainTable::lr_scheduler, {"constant", "constant_with_warmup", "linear", "cosine"},
                   "course of the learning rate over the steps that are taken"),
      field("num_warmup_steps", &TrainTable::num_warmup_steps, "steps of linear warm-up", at_least(0)),
      field("gradient_accumulation_steps", &TrainTable::gradient_accumulation_steps, "batches per optimiser step",
            at_least(1)),
      field("batch_size", &TrainTable::batch_size, "rows per batch; the study's batch_size by default", at_least(1)),
  };
  return fields;
}

struct HardwareTable {
  double compare_to = 32;
  std::int64_t batch_size = 128;
};

const std::vector<Field<HardwareTable>>& hardware_fields() {
  static const std::vector<Field<HardwareTable>> fields{
      field("compare_to", &HardwareTable::compare_to, "bits that memory_density compares with", above(0)),
      field("batch_size", &HardwareTable::batch_size,
            "rows per batch of latency and of the costs of a batch; the study's batch_size by default", at_least(1)),
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

const std::vector<Field<FinalSettings>>& final_fields() {
  static const std::vector<Field<FinalSettings>> fields{
      field("seeds", &FinalSettings::seeds, "trainings of each of the best trials, with seeds of their own",
            at_least(1)),
      field("top", &FinalSettings::top, "trials at most, best first", at_least(1)),
  };
  return fields;
}

// ---- from tables to settings ----

[[noreturn]] void missing(const Value& table, const std::string& key, const std::string& example) {
  table.fail(fmt::format("{} is missing; write, for example, {}", key, example));
}

// Splits the members of a table whose other members are sub-tables or plain keys of `fields`.
template <typename Struct>
void decode_without(const Value& table, const std::vector<std::string>& elsewhere,
                    const std::vector<Field<Struct>>& fields, Struct& out) {
  config::Table plain;
  for (const Member& member : table.as_table()) {
    if (std::find(elsewhere.begin(), elsewhere.end(), member.name) == elsewhere.end()) plain.push_back(member);
  }
  std::vector<Field<Struct>> all = fields;
  for (const std::string& name : elsewhere) all.push_back({name, "table", "", "", {}, {}});
  config::decode(Value(plain, table.position(), table.key()), all, out);
}

Direction parse_direction(const Value& value) {
  config::detail::check_choice(value, kDirections);
  return value.as_string() == "minimize" ? Direction::kMinimize : Direction::kMaximize;
}

Part parse_part(const std::string& loader) { return loader == "train_dataloader" ? Part::kTrain : Part::kValidation; }

TrainRunner parse_train_runner(const Value& table, const config::Settings& general) {
  TrainTable given{.optimizer = general.training_optimizer,
                   .learning_rate = general.learning_rate,
                   .weight_decay = general.weight_decay,
                   .batch_size = general.batch_size};
  config::decode(table, train_fields(), given);
  if (given.num_samples == 0) table.find("num_samples")->fail("must be at least 1, or -1; got 0");
  if (given.max_epochs == 0) table.find("max_epochs")->fail("must be at least 1, or -1; got 0");
  if (given.max_epochs < 0 && given.num_samples < 0 && table.find("max_epochs") != nullptr) {
    table.fail("num_samples and max_epochs may not both be -1: training would not end");
  }
  if (given.optimizer != "sgd") {
    for (const char* name : {"momentum", "nesterov"}) {
      if (const Value* value = table.find(name))
        value->fail(fmt::format("belongs to sgd; the optimizer is {}", given.optimizer));
    }
  }
  if (given.nesterov && given.momentum == 0) table.find("nesterov")->fail("needs a momentum above 0");
  if (given.data_loader == "val_dataloader") {
    log::warning("{}: {}: trains on the validation rows that accuracy and loss are measured on",
                 table.find("data_loader")->position().to_string(), table.find("data_loader")->key());
  }
  TrainRunner runner{.part = parse_part(given.data_loader), .settings = {}};
  engine::TrainSettings& settings = runner.settings;
  settings.optimizer = {.kind = engine::optimizer_kind(given.optimizer),
                        .weight_decay = given.weight_decay,
                        .momentum = given.momentum,
                        .nesterov = given.nesterov};
  settings.learning_rate = given.learning_rate;
  settings.schedule = engine::schedule_kind(given.lr_scheduler);
  settings.warmup_steps = given.num_warmup_steps;
  settings.batch_size = given.batch_size;
  settings.accumulate_grad_batches = given.gradient_accumulation_steps;
  settings.validate_each_epoch = false;
  settings.log_every_n_steps = 0;
  if (given.num_samples > 0) settings.num_samples = given.num_samples;
  if (given.max_epochs > 0) {
    settings.max_epochs = given.max_epochs;
  } else {
    settings.max_epochs = settings.num_samples ? std::numeric_limits<std::int32_t>::max() : general.max_epochs;
  }
  return runner;
}

void parse_software_runners(const Value& runners, const config::Settings& general, StudySettings& study) {
  for (const Member& member : runners.as_table()) {
    if (member.name == "basic_train") {
      study.train = parse_train_runner(member.value, general);
    } else if (member.name == "basic_evaluation") {
      EvaluationTable given;
      config::decode(member.value, evaluation_fields(), given);
      study.evaluation.part = parse_part(given.data_loader);
      if (study.evaluation.part == Part::kTrain) {
        log::warning("{}: {}: accuracy and loss are measured on training rows", member.value.position().to_string(),
                     member.value.key());
      }
      if (given.num_samples == 0) member.value.find("num_samples")->fail("must be at least 1, or -1; got 0");
      if (given.num_samples > 0) study.evaluation.num_samples = given.num_samples;
    } else {
      config::detail::unknown_key(member.value, member.name, {"basic_evaluation", "basic_train"});
    }
  }
}

void parse_hardware_runners(const Value& runners, StudySettings& study) {
  std::vector<std::string> known;
  for (const metric::MetricKind& kind : metric::metric_kinds()) known.push_back(kind.name);
  const Value* batch_size = nullptr;
  for (const Member& member : runners.as_table()) {
    if (metric::find_metric(member.name) == nullptr) config::detail::unknown_key(member.value, member.name, known);
    if (const Value* size = member.value.find("batch_size")) {
      if (batch_size != nullptr && batch_size->as_integer() != size->as_integer()) {
        size->fail(fmt::format("all costs of a study count one batch; {} says {}", batch_size->key(),
                               batch_size->as_integer()));
      }
      batch_size = size;
    }
    HardwareTable given{.compare_to = study.compare_to_bits, .batch_size = study.batch_size};
    config::decode(member.value, hardware_fields(), given);
    study.compare_to_bits = given.compare_to;
    study.batch_size = given.batch_size;
  }
}

Objective parse_objective(const Member& member, bool summed) {
  MetricTable given;
  config::decode(member.value, metric_fields(), given);
  Objective objective{.name = member.name, .scale = given.scale};
  if (given.expr) {
    try {
      objective.expression = metric::Expression::parse(*given.expr);
    } catch (const UserError& error) {
      member.value.find("expr")->fail(error.what());
    }
  } else {
    objective.kind = metric::find_metric(member.name);
    if (objective.kind == nullptr) {
      std::vector<std::string> known;
      for (const metric::MetricKind& kind : metric::metric_kinds()) known.push_back(kind.name);
      member.value.fail(fmt::format("unknown metric \"{}\"{}", member.name, suggestion(member.name, known)));
    }
    objective.name = objective.kind->name;
    objective.direction =
        objective.kind->larger_is_better ? Direction::kMaximize : Direction::kMinimize;
  }
  if (!std::isfinite(given.scale) || given.scale == 0) member.value.fail("scale must be a finite number other than 0");
  if (const Value* direction = member.value.find("direction"))
    objective.direction = parse_direction(*direction);
  else if (!summed)
    missing(member.value, "direction", "direction = \"maximize\"");
  return objective;
}

Direction turned(Direction direction, double scale) {
  if (scale > 0) return direction;
  return direction == Direction::kMaximize ? Direction::kMinimize : Direction::kMaximize;
}

void warn_of_contradiction(const Objective& objective, Direction direction, const SourcePosition& position) {
  if (objective.kind == nullptr) return;
  const bool grows = turned(direction, objective.scale) == Direction::kMaximize;
  if (grows == objective.kind->larger_is_better) return;
  log::warning(
      "{}: search.strategy.metrics.{}: with scale {} and direction {} the search will {} {}, of which less is {}",
      position.to_string(), objective.name, objective.scale,
      direction == Direction::kMaximize ? "maximize" : "minimize", grows ? "raise" : "lower", objective.name,
      objective.kind->larger_is_better ? "worse" : "better");
}

void parse_objectives(const Value& strategy, const SetupTable& setup, StudySettings& study) {
  const Value* metrics = strategy.find("metrics");
  if (metrics == nullptr || metrics->as_table().empty()) {
    missing(strategy, "metrics", "[search.strategy.metrics] accuracy = { scale = 1.0, direction = \"maximize\" }");
  }
  std::vector<const Member*> members;
  for (const Member& member : metrics->as_table()) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const Member* a, const Member* b) { return a->name < b->name; });
  if (setup.sum_scaled_metrics) {
    const Value* direction = strategy.find_path("setup.direction");
    if (direction == nullptr) {
      missing(*strategy.find("setup"), "direction", "direction = \"maximize\" (of the sum of the scaled metrics)");
    }
    study.directions = {parse_direction(*direction)};
  }
  for (const Member* member : members) {
    study.objectives.push_back(parse_objective(*member, setup.sum_scaled_metrics));
    const Objective& objective = study.objectives.back();
    for (std::size_t i = 0; i + 1 < study.objectives.size(); ++i) {
      if (study.objectives[i].name == objective.name) member->value.fail("the metric is named twice");
    }
    if (!setup.sum_scaled_metrics) study.directions.push_back(objective.direction);
    warn_of_contradiction(objective, setup.sum_scaled_metrics ? study.directions.front() : objective.direction,
                          member->value.position());
  }
}

void check_metrics_can_be_produced(const Value& strategy, const StudySettings& study) {
  for (const metric::MetricKind* kind : metrics_needed(study)) {
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
}

void apply_setup(const Value& strategy, const SetupTable& setup, StudySettings& study) {
  for (const char* name : {"save_every_n_trials", "model_parallel", "runner_style"}) {
    if (const Value* value = strategy.find_path(fmt::format("setup.{}", name))) {
      log::warning("{}: {}: without effect", value->position().to_string(), value->key());
    }
  }
  if (const Value* value = strategy.find_path("setup.sampler")) {
    try {
      sampler::sampler_kind(setup.sampler);
    } catch (const UserError& error) {
      value->fail(error.what());
    }
  }
  study.sampler = setup.sampler;
  if (const Value* options = strategy.find_path("setup.sampler_options")) study.sampler_options = *options;
  study.n_trials = setup.n_trials;
  study.n_jobs = setup.n_jobs;
  study.lag = setup.lag;
  study.optuna_compat = setup.optuna_compat;
  study.timeout_seconds = setup.timeout;
  study.trial_timeout_seconds = setup.trial_timeout;
  if (setup.trial_memory) study.trial_memory_bytes = static_cast<std::int64_t>(*setup.trial_memory * 1e6);
  study.sum_scaled_metrics = setup.sum_scaled_metrics;
}

}  // namespace

std::vector<const metric::MetricKind*> metrics_needed(const StudySettings& settings) {
  std::vector<const metric::MetricKind*> kinds;
  const auto add = [&](const metric::MetricKind* kind) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  };
  for (const Objective& objective : settings.objectives) {
    if (objective.kind != nullptr) {
      add(objective.kind);
      continue;
    }
    for (const std::string& name : objective.expression->names()) add(metric::find_metric(name));
  }
  return kinds;
}

bool StudySettings::measures(metric::Source source) const {
  const auto kinds = metrics_needed(*this);
  return std::any_of(kinds.begin(), kinds.end(), [&](const auto* kind) { return kind->source == source; });
}

std::string StudySettings::runner_text() const {
  std::string text =
      fmt::format("eval_mode={} evaluate={}:{}", eval_mode, evaluation.part == Part::kTrain ? "train" : "val",
                  evaluation.num_samples.value_or(-1));
  if (train) {
    text += fmt::format(" train={} {}", train->part == Part::kTrain ? "train" : "val", train->settings.to_text());
  }
  return text;
}

StudySettings parse_study(const Value& root, const config::Settings& general) {
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
  decode_without(*strategy, {"sw_runner", "hw_runner", "setup", "metrics"}, strategy_fields(), strategy_table);

  StudySettings study;
  study.seed = static_cast<std::uint64_t>(general.seed);
  study.eval_mode = strategy_table.eval_mode;
  study.accelerator = general.accelerator;
  study.backend = general.backend;
  study.batch_size = general.batch_size;
  SetupTable setup;
  if (const Value* table = strategy->find("setup"))
    decode_without(*table, {"sampler_options"}, setup_fields(), setup);
  else
    strategy->fail("the table [search.strategy.setup] is missing (n_trials, sampler, ...)");
  apply_setup(*strategy, setup, study);
  if (const Value* runners = strategy->find("sw_runner")) parse_software_runners(*runners, general, study);
  if (const Value* runners = strategy->find("hw_runner")) parse_hardware_runners(*runners, study);
  check_modes(*strategy, study);
  parse_objectives(*strategy, setup, study);
  check_metrics_can_be_produced(*strategy, study);
  if (const Value* table = search->find("final")) {
    study.final.seeds = 5;
    config::decode(*table, final_fields(), study.final);
    if (study.eval_mode) table->fail("trains the best candidates anew, which needs eval_mode = false");
  }
  return study;
}

namespace {

template <typename Struct>
std::string reference_table(const std::string& title, const std::vector<Field<Struct>>& fields,
                            const Struct& defaults) {
  std::string text =
      fmt::format("\n## {}\n\n| key | type | allowed | default | meaning |\n| --- | --- | --- | --- | --- |\n", title);
  for (const Field<Struct>& row : fields) {
    text += fmt::format("| `{}` | {} | {} | `{}` | {} |\n", row.name, row.type, row.allowed, row.show(defaults),
                        row.description);
  }
  return text;
}

}  // namespace

std::string study_reference() {
  std::string text =
      "# The search tables of a study file\n\nGenerated by `lathe reference study`; do not edit. `\"NA\"` stands for "
      "none.\n";
  text += reference_table("[search.strategy]", strategy_fields(), {});
  text += reference_table("[search.strategy.setup]", setup_fields(), {});
  text += reference_table("[search.strategy.sw_runner.basic_evaluation]", evaluation_fields(), {});
  text += reference_table("[search.strategy.sw_runner.basic_train]", train_fields(), {});
  text +=
      "\nWhat basic_train leaves out (optimizer, learning_rate, weight_decay, batch_size, max_epochs) comes from the "
      "keys of the same meaning at the top of the file.\n";
  text += reference_table("[search.strategy.hw_runner.METRIC]", hardware_fields(), {});
  text += reference_table("[search.strategy.metrics.METRIC]", metric_fields(), {});
  text += reference_table("[search.final]", final_fields(), {});
  text += "\n## Metrics\n\n| name | unit | better | known by | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const metric::MetricKind& kind : metric::metric_kinds()) {
    const char* source = kind.source == metric::Source::kAnalysis    ? "analysis"
                         : kind.source == metric::Source::kEvaluated ? "evaluation"
                                                                     : "measurement";
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", kind.name, kind.unit, kind.larger_is_better ? "more" : "less",
                        source, kind.description);
  }
  text += "\n## Samplers\n\n| name | also written | meaning |\n| --- | --- | --- |\n";
  for (const sampler::SamplerKind& kind : sampler::sampler_kinds()) {
    text += fmt::format("| `{}` | {} | {} |\n", kind.name, fmt::join(kind.aliases, ", "), kind.description);
  }
  return text;
}

}  // namespace lathe::study
