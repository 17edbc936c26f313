#include "lathe/engine/optimizers/builtin.h"

#include <algorithm>

namespace lathe::engine {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const Registry<OptimizerDeclaration>& optimizers() {
  static const Registry<OptimizerDeclaration> registry("optimizer", {
                                                                        adam_optimizer(),
                                                                        adamw_optimizer(),
                                                                        sgd_optimizer(),
                                                                        rmsprop_optimizer(),
                                                                    });
  return registry;
}

const OptimizerDeclaration& optimizer_named(const std::string& name) { return optimizers().at(name, "optimizer"); }

std::vector<std::string> optimizers_that_alone_read(const std::string& setting) {
  std::vector<std::string> names;
  for (const OptimizerDeclaration& optimizer : optimizers())
    if (contains(optimizer.options, setting)) names.push_back(optimizer.name);
  return names;
}

std::optional<SettingProblem> find_problem(const OptimizerSettings& settings) {
  const OptimizerDeclaration& rule = optimizer_named(settings.name);
  return rule.problem == nullptr ? std::nullopt : rule.problem(settings);
}

bool OptimizerDeclaration::reads(const std::string& setting) const {
  return contains(options, setting) || optimizers_that_alone_read(setting).empty();
}

}  // namespace lathe::engine
