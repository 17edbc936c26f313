#include "lathe/space/training.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/recipe/training.h"

namespace lathe::space {
namespace {

using recipe::TrainingSetting;

const TrainingSetting* find_searchable(const std::string& name) {
  const TrainingSetting* setting = recipe::find_training_setting(name);
  return setting != nullptr && setting->searchable ? setting : nullptr;
}

KeyType type_of(const TrainingSetting& setting) {
  if (setting.field.type == "integer") return KeyType::kInteger;
  return setting.field.type == "number" ? KeyType::kReal : KeyType::kText;
}

void check_value(const TrainingSetting& setting, const config::Value& value) {
  engine::TrainSettings unused;
  if (!value.is_na()) setting.read(recipe::Place::kChoice, value, unused);
}

void check_domain(const TrainingSetting& setting, const Domain& domain) {
  if (const config::Value* list = choice_list(*domain.source)) {
    for (const config::Value& value : list->as_array()) check_value(setting, value);
    return;
  }
  for (const char* end : {"low", "high"}) check_value(setting, *domain.source->find(end));
}

/// Tells whether the optimiser of a code reads a setting.
bool reads(const Leaf& optimizer, std::size_t code, const std::string& setting) {
  const Scalar name = parameter::choice(optimizer.distribution, static_cast<double>(code));
  const auto* text = std::get_if<std::string>(&name);
  return text != nullptr && engine::optimizer_named(*text).reads(setting);
}

/// Tells whether a leaf is there only where the optimizer reads it.
bool needs_reader(const std::vector<Leaf>& leaves, const Decisions& decisions, std::size_t leaf,
                  std::size_t optimizer) {
  const std::string& setting = leaves[leaf].key;
  for (auto condition = decisions.conditions[leaf]; condition; condition = decisions.conditions[condition->parent]) {
    if (decisions.group_of[condition->parent] != decisions.group_of[optimizer]) continue;
    bool only_readers = true;
    for (std::size_t code = 0; code < condition->active.size(); ++code) {
      if (condition->active[code] && !reads(leaves[optimizer], code, setting)) only_readers = false;
    }
    if (only_readers) return true;
  }
  return leaves[optimizer].constant() && reads(leaves[optimizer], 0, setting);
}

config::Value value_of(const std::string& name, const Scalar& choice) {
  const auto data = std::visit(
      [](const auto& value) -> config::Value::Data {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return std::string("NA");
        else
          return value;
      },
      choice);
  return config::Value(data, {}, parameter_name(kTraining, name));
}

}  // namespace

const std::vector<std::string>& training_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> names;
    for (const TrainingSetting& setting : recipe::training_settings())
      if (setting.searchable) names.push_back(setting.name());
    return names;
  }();
  return keys;
}

std::vector<Leaf> read_training_leaves(const config::Value& table) {
  std::vector<Leaf> leaves;
  for (const config::Member* member : lists_first(table)) {
    const TrainingSetting* setting = find_searchable(member->name);
    if (setting == nullptr) config::unknown_key(*member, training_keys());
    Domain domain = read_domain(member->value, type_of(*setting));
    check_domain(*setting, domain);
    leaves.push_back({kTraining, member->name, std::move(domain.distribution), std::move(domain.when), domain.source});
  }
  return leaves;
}

void check_unread(const std::vector<Leaf>& leaves, const Decisions& decisions) {
  const auto optimizer = find_leaf(leaves, kTraining, "optimizer");
  if (!optimizer) return;
  for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    if (leaves[leaf].node != kTraining) continue;
    const std::vector<std::string> owners = engine::optimizers_that_alone_read(leaves[leaf].key);
    if (owners.empty() || needs_reader(leaves, decisions, leaf, *optimizer)) continue;
    leaves[leaf].source->fail(
        fmt::format("belongs to {}, and the optimizer is one of {}: add when = {{ key = \"optimizer\", is = \"{}\" }}",
                    recipe::owners(leaves[leaf].key), to_text(leaves[*optimizer].distribution), owners.front()));
  }
}

void apply_training(const TrainingChoices& choices, engine::TrainSettings& settings) {
  for (const auto& [name, value] : choices) {
    const TrainingSetting* setting = find_searchable(name);
    LATHE_CHECK(setting != nullptr, "hyperparameter {}", name);
    if (!std::holds_alternative<std::monostate>(value))
      setting->read(recipe::Place::kChoice, value_of(name, value), settings);
  }
  if (const auto problem = engine::find_problem(settings.optimizer))
    throw UserError(parameter_name(kTraining, problem->key), problem->message);
}

}  // namespace lathe::space
