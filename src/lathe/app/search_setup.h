#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lathe/app/inputs.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/sampler/sampler.h"
#include "lathe/space/space.h"
#include "lathe/study/open.h"
#include "lathe/trial/evaluate.h"

namespace lathe::app {

/// Holds everything that a search works on, made before the first trial so that mistakes show at once.
struct Search {
  std::shared_ptr<const data::Dataset> dataset;
  StartingPoint start;
  recipe::StudySettings settings;
  space::SearchSpace space;
  std::shared_ptr<const engine::Backend> backend;  ///< of the base network
  std::shared_ptr<const engine::State> loaded;     ///< weights that were trained before; null: fresh ones
  std::filesystem::path project;
  std::filesystem::path results = {};  ///< folder of the study, once that is opened
  std::string settings_document;
};

/// Reads the study file's search, its data and its network. Writes nothing. Throws UserError and DataError.
Search prepare_search(const Request& request);

/// Decodes some candidates before the first trial: a space of impossible networks is an error, a constraint that none
/// meets too, and weights that are evaluated without ever having been trained are named in a warning.
void check_candidates(const Search& search, const trial::Evaluator& evaluator);

/// Trains the base network where candidates begin from its weights and none were loaded, or takes those that `folder`
/// has (empty: none are kept). Before the first candidate. False when `stop` was requested.
bool give_base_weights(const Search& search, trial::Evaluator& evaluator, const std::filesystem::path& folder,
                       const engine::StopToken& stop);

/// Says what weights candidates begin from, for the identity of a study: `fresh`, a hash, or the policy and a hash.
std::string weights_text(const Search& search, const trial::Evaluator& evaluator);

/// Returns what makes the study of a search what it is. `config_path` is its study file.
study::StudyFacts study_facts(const Search& search, const trial::Evaluator& evaluator,
                              const std::filesystem::path& config_path);

/// Makes the sampler of the study. `budget` is the number of trials that it plans for (`auto` and `gp` depend on it).
std::unique_ptr<sampler::Sampler> make_sampler(const Search& search, std::int64_t budget);

}  // namespace lathe::app
