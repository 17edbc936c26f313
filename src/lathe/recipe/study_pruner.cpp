#include "lathe/recipe/study_pruner.h"

namespace lathe::recipe {

std::unique_ptr<pruner::Pruner> make_pruner(const StudySettings& settings) {
  if (!settings.pruner) return nullptr;
  return pruner::make_pruner({.name = settings.pruner->name,
                              .study_name = settings.name,
                              .directions = settings.directions,
                              .options = settings.pruner->options ? &*settings.pruner->options : nullptr,
                              .exact = known_before_training(settings)});
}

}  // namespace lathe::recipe
