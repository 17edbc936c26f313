#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lathe/base/log.h"
#include "lathe/study/loss_keys.h"
#include "lathe/study/settings_parts.h"
#include "lathe/study/settings_tables.h"

namespace lathe::study {
namespace {

using config::Member;
using config::Value;

Part parse_part(const std::string& loader) { return loader == "train_dataloader" ? Part::kTrain : Part::kValidation; }

engine::LossSettings parse_loss(const Value& table, const TrainTable& given, data::Task task) {
  const LossKeys keys{.name = given.loss,
                      .label_smoothing = given.label_smoothing,
                      .class_weights = given.class_weights,
                      .huber_delta = given.huber_delta};
  engine::LossSettings loss = keys.settings(task);
  const auto problem = engine::find_problem(loss, task);
  if (!problem) return loss;
  if (const Value* value = table.find(problem->key)) value->fail(problem->message);
  table.fail(fmt::format("{}: {}", problem->key, problem->message));
}

TrainRunner parse_train_runner(const Value& table, const config::Settings& general, const SearchedTraining& searched,
                               StudySettings& study) {
  TrainTable given{.optimizer = general.training_optimizer,
                   .learning_rate = general.learning_rate,
                   .loss = general.loss,
                   .label_smoothing = general.label_smoothing,
                   .class_weights = general.class_weights,
                   .huber_delta = general.huber_delta,
                   .l1 = general.l1,
                   .l2 = general.l2,
                   .weight_decay = general.weight_decay,
                   .batch_size = general.batch_size,
                   .random_crop = general.random_crop,
                   .horizontal_flip = general.horizontal_flip,
                   .cutout = general.cutout,
                   .weights = general.weights};
  config::decode(table, train_fields(), given);
  study.weights = *engine::weight_policy(given.weights);
  if (given.num_samples == 0) table.find("num_samples")->fail("must be at least 1, or -1; got 0");
  if (given.max_epochs == 0) table.find("max_epochs")->fail("must be at least 1, or -1; got 0");
  if (given.max_epochs < 0 && given.num_samples < 0 && table.find("max_epochs") != nullptr) {
    table.fail("num_samples and max_epochs may not both be -1: training would not end");
  }
  if (given.max_steps == 0) table.find("max_steps")->fail("must be at least 1, or -1; got 0");
  if (given.optimizer != "sgd" && !searched.optimizer) {
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
                        .nesterov = given.nesterov,
                        .l1 = given.l1,
                        .l2 = given.l2};
  settings.loss = parse_loss(table, given, task_of(general));
  settings.augmentation = {
      .random_crop = given.random_crop, .horizontal_flip = given.horizontal_flip, .cutout = given.cutout};
  settings.learning_rate = given.learning_rate;
  settings.schedule = engine::schedule_kind(given.lr_scheduler);
  settings.minimum_learning_rate = given.eta_min;
  if (!searched.learning_rate) {  // otherwise a trial's own rate bounds it
    settings.minimum_learning_rate = std::min(given.eta_min, given.learning_rate);
  }
  settings.warmup_steps = given.num_warmup_steps;
  if (given.max_steps > 0) settings.max_steps = given.max_steps;
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

}  // namespace

void parse_software_runners(const Value& runners, const config::Settings& general, const SearchedTraining& searched,
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

}  // namespace lathe::study
