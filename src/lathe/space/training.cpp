#include "lathe/space/training.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/config/field.h"
#include "lathe/config/settings.h"

namespace lathe::space {
namespace {

using engine::TrainSettings;

/// Describes one hyperparameter: which values it has and which setting it is.
struct Hyperparameter {
  std::string name;
  KeyType type;
  config::Bounds bounds = {};           ///< of numbers
  std::vector<std::string> words = {};  ///< of strings; none: true and false
  void (*apply)(TrainSettings&, const Scalar&);
};

std::int64_t integer_of(const Scalar& value) { return std::get<std::int64_t>(value); }

double real_of(const Scalar& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
}

const std::string& word_of(const Scalar& value) { return std::get<std::string>(value); }

const std::vector<Hyperparameter>& hyperparameters() {
  using config::above;
  using config::at_least;
  static const std::vector<Hyperparameter> all{
      {.name = "optimizer",
       .type = KeyType::kText,
       .words = {"adam", "adamw", "sgd"},
       .apply = [](TrainSettings& to,
                   const Scalar& value) { to.optimizer.kind = engine::optimizer_kind(word_of(value)); }},
      {.name = "learning_rate",
       .type = KeyType::kReal,
       .bounds = above(0),
       .apply = [](TrainSettings& to, const Scalar& value) { to.learning_rate = real_of(value); }},
      {.name = "weight_decay",
       .type = KeyType::kReal,
       .bounds = at_least(0),
       .apply = [](TrainSettings& to, const Scalar& value) { to.optimizer.weight_decay = real_of(value); }},
      {.name = "l1",
       .type = KeyType::kReal,
       .bounds = at_least(0),
       .apply = [](TrainSettings& to, const Scalar& value) { to.optimizer.l1 = real_of(value); }},
      {.name = "l2",
       .type = KeyType::kReal,
       .bounds = at_least(0),
       .apply = [](TrainSettings& to, const Scalar& value) { to.optimizer.l2 = real_of(value); }},
      {.name = "label_smoothing",
       .type = KeyType::kReal,
       .bounds = {.low = 0, .high = 1, .high_open = true},
       .apply = [](TrainSettings& to, const Scalar& value) { to.loss.label_smoothing = real_of(value); }},
      {.name = "momentum",
       .type = KeyType::kReal,
       .bounds = {.low = 0, .high = 1, .high_open = true},
       .apply = [](TrainSettings& to, const Scalar& value) { to.optimizer.momentum = real_of(value); }},
      {.name = "nesterov",
       .type = KeyType::kText,
       .apply = [](TrainSettings& to, const Scalar& value) { to.optimizer.nesterov = std::get<bool>(value); }},
      {.name = "lr_scheduler",
       .type = KeyType::kText,
       .words = {"constant", "constant_with_warmup", "linear", "cosine"},
       .apply = [](TrainSettings& to, const Scalar& value) { to.schedule = engine::schedule_kind(word_of(value)); }},
      {.name = "num_warmup_steps",
       .type = KeyType::kInteger,
       .bounds = at_least(0),
       .apply = [](TrainSettings& to, const Scalar& value) { to.warmup_steps = integer_of(value); }},
      {.name = "batch_size",
       .type = KeyType::kInteger,
       .bounds = config::between(1, config::kLargestBatch),
       .apply = [](TrainSettings& to, const Scalar& value) { to.batch_size = integer_of(value); }},
      {.name = "gradient_accumulation_steps",
       .type = KeyType::kInteger,
       .bounds = config::between(1, config::kLargestBatch),
       .apply = [](TrainSettings& to, const Scalar& value) { to.accumulate_grad_batches = integer_of(value); }},
      {.name = "max_epochs",
       .type = KeyType::kInteger,
       .bounds = at_least(1),
       .apply = [](TrainSettings& to, const Scalar& value) { to.max_epochs = integer_of(value); }},
      {.name = "num_samples",
       .type = KeyType::kInteger,
       .bounds = at_least(1),
       .apply = [](TrainSettings& to, const Scalar& value) { to.num_samples = integer_of(value); }},
  };
  return all;
}

const Hyperparameter* find_hyperparameter(const std::string& name) {
  for (const Hyperparameter& entry : hyperparameters()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void check_value(const Hyperparameter& entry, const config::Value& value) {
  if (value.is_na()) return;
  switch (entry.type) {
    case KeyType::kText:
      if (entry.words.empty()) {
        value.as_boolean();
      } else {
        config::detail::check_choice(value, entry.words);
      }
      return;
    case KeyType::kInteger:
      config::detail::check_bounds(value, static_cast<double>(value.as_integer()), entry.bounds);
      return;
    default: config::detail::check_bounds(value, value.as_number(), entry.bounds);
  }
}

void check_domain(const Hyperparameter& entry, const Domain& domain) {
  if (const config::Value* list = choice_list(*domain.source)) {
    for (const config::Value& value : list->as_array()) check_value(entry, value);
    return;
  }
  for (const char* end : {"low", "high"}) check_value(entry, *domain.source->find(end));
}

bool is_sgd(const Leaf& optimizer, std::size_t code) {
  return parameter::choice(optimizer.distribution, static_cast<double>(code)) == Scalar(std::string("sgd"));
}

/// Tells whether a leaf is there only where the optimizer is sgd.
bool needs_sgd(const std::vector<Leaf>& leaves, const Decisions& decisions, std::size_t leaf, std::size_t optimizer) {
  for (auto condition = decisions.conditions[leaf]; condition; condition = decisions.conditions[condition->parent]) {
    if (decisions.group_of[condition->parent] != decisions.group_of[optimizer]) continue;
    bool only_sgd = true;
    for (std::size_t code = 0; code < condition->active.size(); ++code) {
      if (condition->active[code] && !is_sgd(leaves[optimizer], code)) only_sgd = false;
    }
    if (only_sgd) return true;
  }
  return leaves[optimizer].constant() && is_sgd(leaves[optimizer], 0);
}

}  // namespace

const std::vector<std::string>& training_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> names;
    for (const Hyperparameter& entry : hyperparameters()) names.push_back(entry.name);
    return names;
  }();
  return keys;
}

std::vector<Leaf> read_training_leaves(const config::Value& table) {
  std::vector<Leaf> leaves;
  for (const config::Member* member : lists_first(table)) {
    const Hyperparameter* entry = find_hyperparameter(member->name);
    if (entry == nullptr) config::unknown_key(*member, training_keys());
    Domain domain = read_domain(member->value, entry->type);
    check_domain(*entry, domain);
    leaves.push_back({kTraining, member->name, std::move(domain.distribution), std::move(domain.when), domain.source});
  }
  return leaves;
}

void check_momentum(const std::vector<Leaf>& leaves, const Decisions& decisions) {
  const auto optimizer = find_leaf(leaves, kTraining, "optimizer");
  if (!optimizer) return;
  for (const char* name : {"momentum", "nesterov"}) {
    const auto leaf = find_leaf(leaves, kTraining, name);
    if (!leaf || needs_sgd(leaves, decisions, *leaf, *optimizer)) continue;
    leaves[*leaf].source->fail(
        fmt::format("belongs to sgd, and the optimizer is one of {}: add when = {{ key = "
                    "\"optimizer\", is = \"sgd\" }}",
                    to_text(leaves[*optimizer].distribution)));
  }
}

void apply_training(const TrainingChoices& choices, engine::TrainSettings& settings) {
  for (const auto& [name, value] : choices) {
    const Hyperparameter* entry = find_hyperparameter(name);
    LATHE_CHECK(entry != nullptr, "hyperparameter {}", name);
    if (!std::holds_alternative<std::monostate>(value)) entry->apply(settings, value);
  }
  const engine::OptimizerSettings& optimizer = settings.optimizer;
  if (optimizer.kind == engine::OptimizerKind::kSgd && optimizer.nesterov && optimizer.momentum == 0) {
    throw UserError("training/nesterov", "needs a momentum above 0");
  }
}

}  // namespace lathe::space
