#include "lathe/trial/training_choices.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/recipe/training.h"

namespace lathe::trial {
namespace {

constexpr std::size_t kMostBatchSizes = 9;

const space::Key* find_key(const space::SearchSpace& space, const std::string& name) {
  const auto& keys = space.training();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const space::Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

void check_optimizer(const config::Value& table, const engine::OptimizerSettings& optimizer) {
  if (table.find("optimizer") != nullptr) return;
  for (const config::Member& member : table.as_table()) {
    if (engine::optimizer_named(optimizer.name).reads(member.name)) continue;
    member.value.fail(
        fmt::format("belongs to {}; the optimizer of basic_train is {}", recipe::owners(member.name), optimizer.name));
  }
}

// The metric `loss` is the one that was minimised: with smoothing that differs between candidates it says nothing of
// them.
void check_label_smoothing(const config::Value& table, const recipe::StudySettings& settings) {
  const config::Value* value = table.find("label_smoothing");
  if (value == nullptr) return;
  if (settings.task == data::Task::kRegression)
    value->fail(fmt::format("does not belong to the loss {}", settings.loss.name));
  for (const metric::MetricKind* kind : recipe::metrics_needed(settings)) {
    if (kind->name != "loss") continue;
    value->fail("changes what the metric loss measures from candidate to candidate; use accuracy, or do not search it");
  }
}

// Plans the training with batches of several sizes: some do not work with batch norm.
void check_batches(const config::Value& table, const recipe::TrainRunner& runner, const space::SearchSpace& space,
                   std::int64_t train_rows) {
  const space::Key* key = find_key(space, "batch_size");
  if (key == nullptr) return;
  for (const double code : space::sample_codes(key->distribution, kMostBatchSizes)) {
    const space::Scalar size = parameter::choice(key->distribution, code);
    engine::TrainSettings settings = runner.settings;
    space::apply_training({{"batch_size", size}}, settings);
    try {
      engine::planned_steps(settings, space.base(), train_rows);
    } catch (const UserError& error) {
      table.find("batch_size")->fail(fmt::format("{} does not work: {}", space::to_string(size), error.what()));
    }
  }
}

}  // namespace

void check_training_choices(const recipe::StudySettings& settings, const space::SearchSpace& space,
                            std::int64_t train_rows) {
  const auto& table = space.training_table();
  if (!table) return;
  if (!settings.train) {
    table->fail(
        "chooses how candidates are trained, which needs eval_mode = false in [search.strategy] and "
        "[search.strategy.sw_runner.basic_train]");
  }
  check_optimizer(*table, settings.train->settings.optimizer);
  check_label_smoothing(*table, settings);
  check_batches(*table, *settings.train, space, train_rows);
}

}  // namespace lathe::trial
