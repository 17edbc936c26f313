#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/log.h"
#include "lathe/recipe/checks.h"
#include "lathe/recipe/study_parts.h"
#include "lathe/recipe/study_tables.h"

namespace lathe::recipe {
namespace {

using config::Member;
using config::Value;

Part parse_part(const std::string& loader) { return loader == "train_dataloader" ? Part::kTrain : Part::kValidation; }

// Places a problem at the key where the table has it.
void refuse(const std::optional<SettingProblem>& problem, const Value& table) {
  if (!problem) return;
  if (const Value* value = table.find(problem->key)) value->fail(problem->message);
  table.fail(fmt::format("{}: {}", problem->key, problem->message));
}

// What trains where the table says nothing: the top-level keys, but for the defaults that are a search's own.
engine::TrainSettings inherited(const Settings& general) {
  engine::TrainSettings settings = general.training;
  for (const TrainingSetting& setting : training_settings())
    if (setting.own_default) setting.copy({}, settings);
  return settings;
}

// How long to train: max_epochs, num_samples, or what comes first of both.
void complete_length(const Value& table, engine::TrainSettings& settings) {
  const Value* epochs = table.find("max_epochs");
  if (epochs == nullptr && settings.num_samples) settings.max_epochs = kNoEpochLimit;
  if (epochs != nullptr && epochs->as_integer() == -1 && !settings.num_samples)
    table.fail("num_samples and max_epochs may not both be -1: training would not end");
}

void refuse_unread(const Value& table, const engine::OptimizerSettings& optimizer) {
  for (const Member& member : table.as_table()) {
    if (engine::optimizer_named(optimizer.name).reads(member.name)) continue;
    member.value.fail(fmt::format("belongs to {}; the optimizer is {}", owners(member.name), optimizer.name));
  }
}

// Looks at the rules that trials will use: the chosen one, or any.
void refuse_contradictions(const Value& table, engine::OptimizerSettings optimizer, bool any_rule) {
  if (!any_rule) return refuse(engine::find_problem(optimizer), table);
  for (const std::string& name : engine::optimizers().names()) {
    optimizer.name = name;
    refuse(engine::find_problem(optimizer), table);
  }
}

TrainRunner parse_train_runner(const Value& table, const Settings& general, const SearchedTraining& searched,
                               StudySettings& study) {
  TrainTable given{.weights = general.weights, .settings = inherited(general)};
  config::decode(table, train_fields(), given);
  study.weights = *engine::weight_policy(given.weights);
  TrainRunner runner{.part = parse_part(given.data_loader), .settings = std::move(given.settings)};
  engine::TrainSettings& settings = runner.settings;
  complete_length(table, settings);
  if (!searched.optimizer) refuse_unread(table, settings.optimizer);
  refuse_contradictions(table, settings.optimizer, searched.optimizer);
  if (runner.part == Part::kValidation) {
    log::warning("{}: {}: trains on the validation rows that accuracy and loss are measured on",
                 table.find("data_loader")->position().to_string(), table.find("data_loader")->key());
  }
  const data::Task task = task_of(general);
  settings.loss = engine::resolved(settings.loss, task);
  refuse(engine::find_problem(settings.loss, task), table);
  if (!searched.learning_rate) {  // otherwise a trial's own rate bounds it
    settings.minimum_learning_rate = std::min(settings.minimum_learning_rate, settings.learning_rate);
  }
  settings.validate_each_epoch = false;
  settings.log_every_n_steps = 0;
  return runner;
}

}  // namespace

void parse_software_runners(const Value& runners, const Settings& general, const SearchedTraining& searched,
                            StudySettings& study) {
  for (const Member& member : runners.as_table()) {
    if (member.name == "basic_train") {
      study.train = parse_train_runner(member.value, general, searched, study);
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

}  // namespace lathe::recipe
