#pragma once

#include <string>

#include "lathe/recipe/study_settings.h"

/// Parts of a study's settings as texts that are stored with it and compared by every worker: do not change them.
namespace lathe::recipe {

std::string sampler_text(const StudySettings& settings);
std::string objectives_text(const StudySettings& settings);
std::string constraints_text(const StudySettings& settings);
std::string pruner_text(const StudySettings& settings);

/// Says what intermediate results are of and who judges them: objectives and pruner.
std::string judging_text(const StudySettings& settings);

}  // namespace lathe::recipe
