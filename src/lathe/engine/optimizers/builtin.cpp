#include <algorithm>

#include "lathe/engine/optimizer.h"

namespace lathe::engine {

#define ENTRY(declare) OptimizerDeclaration declare();
#include "lathe/engine/optimizers/builtin.def"
#undef ENTRY

namespace {

std::vector<OptimizerDeclaration> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/engine/optimizers/builtin.def"
#undef ENTRY
  };
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const Registry<OptimizerDeclaration>& optimizers() {
  static const Registry<OptimizerDeclaration> registry("optimizer", listed());
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
