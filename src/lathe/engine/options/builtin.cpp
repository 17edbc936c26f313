#include "lathe/engine/training_option.h"

namespace lathe::engine {

#define ENTRY(declare) TrainingOption declare();
#include "lathe/engine/options/builtin.def"
#undef ENTRY

namespace {

std::vector<TrainingOption> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/engine/options/builtin.def"
#undef ENTRY
  };
}

std::size_t index_of(std::string_view name) {
  const TrainingOption& option = training_options().at(name);
  return static_cast<std::size_t>(&option - training_options().entries().data());
}

}  // namespace

const Registry<TrainingOption>& training_options() {
  static const Registry<TrainingOption> registry("training option", listed());
  return registry;
}

OptionValues::OptionValues() {
  for (const TrainingOption& option : training_options()) values_.push_back(option.usual);
}

double OptionValues::get(std::string_view name) const { return values_.at(index_of(name)); }

void OptionValues::set(std::string_view name, double value) { values_.at(index_of(name)) = value; }

}  // namespace lathe::engine
