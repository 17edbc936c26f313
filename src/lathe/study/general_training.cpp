#include "lathe/study/general_training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "lathe/base/log.h"
#include "lathe/study/settings_tables.h"

namespace lathe::study {
namespace {

using config::Value;

constexpr const char* kRunner = "search.strategy.sw_runner.basic_train";

// A general key, its name in the runner's table, and which default holds where nobody chose it.
struct TrainingKey {
  const char* general;
  const char* runner;
  bool own_default = false;    // the runner's, as in MASE; otherwise the general one
  bool of_sgd = false;         // no other optimizer reads it
  bool of_evaluation = false;  // it matters where nothing is trained too
};

const std::vector<TrainingKey>& training_keys_of_searches() {
  static const std::vector<TrainingKey> keys{
      {.general = "training_optimizer", .runner = "optimizer"},
      {.general = "learning_rate", .runner = "learning_rate"},
      {.general = "lr_scheduler", .runner = "lr_scheduler", .own_default = true},
      {.general = "num_warmup_steps", .runner = "num_warmup_steps", .own_default = true},
      {.general = "eta_min", .runner = "eta_min", .own_default = true},
      {.general = "loss", .runner = "loss", .of_evaluation = true},
      {.general = "label_smoothing", .runner = "label_smoothing", .of_evaluation = true},
      {.general = "class_weights", .runner = "class_weights", .of_evaluation = true},
      {.general = "huber_delta", .runner = "huber_delta", .of_evaluation = true},
      {.general = "l1", .runner = "l1"},
      {.general = "l2", .runner = "l2"},
      {.general = "weight_decay", .runner = "weight_decay"},
      {.general = "momentum", .runner = "momentum", .own_default = true, .of_sgd = true},
      {.general = "nesterov", .runner = "nesterov", .own_default = true, .of_sgd = true},
      {.general = "max_epochs", .runner = "max_epochs"},
      {.general = "max_steps", .runner = "max_steps", .own_default = true},
      {.general = "accumulate_grad_batches", .runner = "gradient_accumulation_steps", .own_default = true},
      {.general = "batch_size", .runner = "batch_size", .of_evaluation = true},
      {.general = "random_crop", .runner = "random_crop"},
      {.general = "horizontal_flip", .runner = "horizontal_flip"},
      {.general = "cutout", .runner = "cutout"},
      {.general = "weights", .runner = "weights", .of_evaluation = true},
  };
  return keys;
}

std::string path_of(const char* key) { return fmt::format("{}.{}", kRunner, key); }

bool is_searched(const Value& root, const char* key) {
  return root.find_path(fmt::format("search.search_space.training.{}", key)) != nullptr;
}

bool may_use_sgd(const Value& root, const config::Settings& general) {
  if (is_searched(root, "optimizer")) return true;
  const Value* optimizer = root.find_path(path_of("optimizer"));
  const std::string name =
      optimizer != nullptr && optimizer->is_string() ? optimizer->as_string() : general.training_optimizer;
  return name == "sgd";
}

// Tells what a key of the runner is where its table does not have it.
std::string default_text(const char* key) {
  for (const Field<TrainTable>& field : train_fields()) {
    if (field.name == key) return field.show(TrainTable{});
  }
  return {};
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
  return std::string(key.general) == "max_epochs" && ends_by_samples(root) ? "\"NA\"" : std::string();
}

std::string place(const SourcePosition& position, const std::string& key) {
  return fmt::format("{}: {}", position.to_string(), key);
}

void warn_without_training(const config::Settings& general) {
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
void warn_of_overridden_flag(const Value& root, const config::Settings& general, const TrainingKey& key) {
  const Value* value = root.find_path(path_of(key.runner));
  const auto given = general.given.find(key.general);
  if (value == nullptr || given == general.given.end() || given->second.file != config::kCommandLine) return;
  if (value->position().file == config::kCommandLine) return;
  log::warning("{} has no effect in this search: {} = {} is what trains; --set {}=... changes it",
               place(given->second, key.general), place(value->position(), value->key()), value->to_toml(),
               value->key());
}

void warn_of_momenta(const Value& root, const config::Settings& general) {
  if (may_use_sgd(root, general)) return;
  for (const TrainingKey& key : training_keys_of_searches()) {
    if (!key.of_sgd || !general.was_chosen(key.general)) continue;
    log::warning("{} has no effect in this search: it belongs to sgd",
                 place(general.given.at(key.general), key.general));
  }
}

// The end of a course acts only where there is one.
void warn_of_eta_min(const Value& root) {
  const Value* eta_min = root.find_path(path_of("eta_min"));
  if (eta_min == nullptr || is_searched(root, "lr_scheduler")) return;
  const Value* course = root.find_path(path_of("lr_scheduler"));
  const std::string name = course != nullptr && course->is_string() ? course->as_string() : TrainTable{}.lr_scheduler;
  if (!name.starts_with("constant")) return;
  log::warning("{} has no effect: lr_scheduler is \"{}\"", place(eta_min->position(), eta_min->key()), name);
}

}  // namespace

Value with_general_training(const Value& root, const config::Settings& general) {
  Value full = root;
  if (root.find_path(kRunner) == nullptr || !root.find_path(kRunner)->is_table()) return full;
  for (const TrainingKey& key : training_keys_of_searches()) {
    const Value* value = root.find(key.general);
    if (!key.own_default || value == nullptr || value->is_na() || !general.was_chosen(key.general)) continue;
    if (root.find_path(path_of(key.runner)) != nullptr) continue;
    if (key.of_sgd && !may_use_sgd(root, general)) continue;
    config::set_value(full, path_of(key.runner), *value);
  }
  return full;
}

std::map<std::string, std::string> effective_training(const Value& root, const config::Settings& general) {
  std::map<std::string, std::string> effective{{"log_every_n_steps", "0"}};
  const bool trains = root.find_path(kRunner) != nullptr;
  const Value full = with_general_training(root, general);
  for (const TrainingKey& key : training_keys_of_searches()) {
    const std::string text = trains ? effective_text(full, key) : (key.of_evaluation ? "" : "\"NA\"");
    if (!text.empty()) effective[key.general] = text;
  }
  return effective;
}

void warn_of_idle_training(const Value& root, const config::Settings& general) {
  if (general.was_chosen("log_every_n_steps")) {
    log::warning("{} has no effect in a search: its trainings write no history.csv",
                 place(general.given.at("log_every_n_steps"), "log_every_n_steps"));
  }
  if (root.find_path(kRunner) == nullptr) return warn_without_training(general);
  for (const TrainingKey& key : training_keys_of_searches()) warn_of_overridden_flag(root, general, key);
  warn_of_momenta(root, general);
  warn_of_eta_min(with_general_training(root, general));
}

}  // namespace lathe::study
