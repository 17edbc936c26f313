#pragma once

#include <memory>

#include "lathe/pruner/pruner.h"
#include "lathe/recipe/study_settings.h"

namespace lathe::recipe {

/// Makes the pruner of a study; null without one. The study's name deals hyperband's brackets.
std::unique_ptr<pruner::Pruner> make_pruner(const StudySettings& settings);

}  // namespace lathe::recipe
