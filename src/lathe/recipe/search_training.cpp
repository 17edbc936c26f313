#include "lathe/recipe/search_training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "lathe/base/log.h"
#include "lathe/engine/schedule.h"

namespace lathe::recipe {
namespace {

using config::Value;

constexpr const char* kRunner = "search.strategy.sw_runner.basic_train";

// A general key, its name in the runner's table, and which default holds where nobody chose it.
struct TrainingKey {
  std::string general;
  std::string runner;
  bool own_default = false;    // the runner's, as in MASE; otherwise the general one
  bool of_evaluation = false;  // it matters where nothing is trained too
};

const std::vector<TrainingKey>& training_keys_of_searches() {
  static const std::vector<TrainingKey> keys = [] {
    std::vector<TrainingKey> all;
    for (const TrainingSetting& setting : training_settings()) {
      if (!setting.in_runner || setting.general.empty()) continue;
      all.push_back({setting.general, setting.name(), setting.own_default, setting.of_evaluation});
    }
    all.push_back({.general = "weights", .runner = "weights", .of_evaluation = true});
    return all;
  }();
  return keys;
}

std::string path_of(const std::string& key) { return fmt::format("{}.{}", kRunner, key); }

bool is_searched(const Value& root, const std::string& key) {
  return root.find_path(fmt::format("search.search_space.training.{}", key)) != nullptr;
}

// Tells whether the optimiser of some trial may read a key.
bool may_be_read(const Value& root, const Settings& general, const TrainingKey& key) {
  if (is_searched(root, "optimizer")) return true;
  const Value* optimizer = root.find_path(path_of("optimizer"));
  const std::string name =
      optimizer != nullptr && optimizer->is_string() ? optimizer->as_string() : general.training.optimizer.name;
  const engine::OptimizerDeclaration* rule = engine::optimizers().find(name);
  return rule == nullptr || rule->reads(key.runner);
}

// Tells what a key of the runner is where its table does not have it.
std::string default_text(const std::string& key) {
  return find_training_setting(key)->field.show(engine::TrainSettings{});
}

// Tells whether training goes on until num_samples, whatever the general max_epochs says.
bool ends_by_samples(const Value& root) {
  const Value* samples = root.find_path(path_of("num_samples"));
  return samples != nullptr && samples->is_integer() && samples->as_integer() > 0;
}

std::string effective_text(const Value& root, const TrainingKey& key) {
  if (is_searched(root, key.runner)) return "\"searched\"";
  if (const Value* value = root.find_path(path_of(key.runner))) return value->to_toml();
  if (key.own_default) return default_text(key.runner);
  return key.general == "max_epochs" && ends_by_samples(root) ? "\"NA\"" : std::string();
}

std::string place(const SourcePosition& position, const std::string& key) {
  return fmt::format("{}: {}", position.to_string(), key);
}

void warn_without_training(const Settings& general) {
  std::vector<std::string> idle;
  for (const TrainingKey& key : training_keys_of_searches()) {
    if (!key.of_evaluation && general.was_chosen(key.general)) idle.push_back(key.general);
  }
  if (idle.empty()) return;
  log::warning(
      "{} {} no effect in this search, which trains nothing: training needs eval_mode = false and "
      "[search.strategy.sw_runner.basic_train]",
      fmt::join(idle, ", "), idle.size() == 1 ? "has" : "have");
}

// A flag that the file's own table overrides was surely meant otherwise.
void warn_of_overridden_flag(const Value& root, const Settings& general, const TrainingKey& key) {
  const Value* value = root.find_path(path_of(key.runner));
  const auto given = general.given.find(key.general);
  if (value == nullptr || given == general.given.end() || given->second.file != config::kCommandLine) return;
  if (value->position().file == config::kCommandLine) return;
  log::warning("{} has no effect in this search: {} = {} is what trains; --set {}=... changes it",
               place(given->second, key.general), place(value->position(), value->key()), value->to_toml(),
               value->key());
}

void warn_of_unread(const Value& root, const Settings& general) {
  for (const TrainingKey& key : training_keys_of_searches()) {
    if (!general.was_chosen(key.general) || may_be_read(root, general, key)) continue;
    log::warning("{} has no effect in this search: it belongs to {}", place(general.given.at(key.general), key.general),
                 owners(key.runner));
  }
}

// The end of a course acts only where there is one.
void warn_of_eta_min(const Value& root) {
  const Value* eta_min = root.find_path(path_of("eta_min"));
  if (eta_min == nullptr || is_searched(root, "lr_scheduler")) return;
  const Value* course = root.find_path(path_of("lr_scheduler"));
  const std::string name =
      course != nullptr && course->is_string() ? course->as_string() : engine::TrainSettings{}.schedule;
  const engine::ScheduleDeclaration* schedule = engine::schedules().find(name);
  if (schedule == nullptr || schedule->left != nullptr) return;
  log::warning("{} has no effect: lr_scheduler is \"{}\"", place(eta_min->position(), eta_min->key()), name);
}

}  // namespace

Value with_general_training(const Value& root, const Settings& general) {
  Value full = root;
  if (root.find_path(kRunner) == nullptr || !root.find_path(kRunner)->is_table()) return full;
  for (const TrainingKey& key : training_keys_of_searches()) {
    const Value* value = root.find(key.general);
    if (!key.own_default || value == nullptr || value->is_na() || !general.was_chosen(key.general)) continue;
    if (root.find_path(path_of(key.runner)) != nullptr) continue;
    if (!may_be_read(root, general, key)) continue;
    config::set_value(full, path_of(key.runner), *value);
  }
  return full;
}

std::map<std::string, std::string> effective_training(const Value& root, const Settings& general) {
  std::map<std::string, std::string> effective{{"log_every_n_steps", "0"}};
  const bool trains = root.find_path(kRunner) != nullptr;
  const Value full = with_general_training(root, general);
  for (const TrainingKey& key : training_keys_of_searches()) {
    const std::string text = trains ? effective_text(full, key) : (key.of_evaluation ? "" : "\"NA\"");
    if (!text.empty()) effective[key.general] = text;
  }
  return effective;
}

void warn_of_idle_training(const Value& root, const Settings& general) {
  if (general.was_chosen("log_every_n_steps")) {
    log::warning("{} has no effect in a search: its trainings write no history.csv",
                 place(general.given.at("log_every_n_steps"), "log_every_n_steps"));
  }
  if (root.find_path(kRunner) == nullptr) return warn_without_training(general);
  for (const TrainingKey& key : training_keys_of_searches()) warn_of_overridden_flag(root, general, key);
  warn_of_unread(root, general);
  warn_of_eta_min(with_general_training(root, general));
}

}  // namespace lathe::recipe
