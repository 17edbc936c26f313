#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/space/space.h"
#include "lathe/storage/storage.h"
#include "lathe/study/settings.h"

/// Opens studies: new ones, and those that other runs or workers began.
namespace lathe::study {

/// Study attribute that says that the clock had a say in the results. Stored: do not change.
inline constexpr const char* kClockAttribute = "lathe:clock";

/// Holds a study of a storage.
struct OpenedStudy {
  std::int64_t id = 0;
  std::string name;
  bool joined = false;           ///< it existed before
  bool clock_had_a_say = false;  ///< an earlier run was struck by a time limit
  std::int64_t budget = 0;       ///< n_trials of the run that made it: what samplers plan for, whatever was added since
};

/// Says what to do where a study of the name exists.
enum class Existing {
  kLeave,   ///< make a new one: name-2, name-3, ...
  kJoin,    ///< join it, or make it
  kExact,   ///< continue the study of exactly this name; there must be one
  kResume,  ///< continue the newest of name, name-2, ...; there must be one
};

/// Holds what makes a study what it is, beside its settings.
struct StudyFacts {
  const space::SearchSpace* space = nullptr;
  const data::Fingerprint* data = nullptr;
  std::string weights;            ///< hash of the weights that were loaded, or `fresh`
  std::string backend;            ///< back end and SIMD target, `dense AVX2`
  std::string accelerator = {};   ///< `cpu`, `gpu`
  bool uses_threads = false;      ///< whether the back end's results depend on the threads of a trial
  std::string settings_document;  ///< the resolved settings as TOML
};

/// Opens or creates the study called `settings.name`. `warm_start` are trials of another study (see trials_to_copy)
/// that a new one begins with. Throws UserError when an existing study was made with another seed, lag, sampler, space,
/// objective, data set, network, ...: the first difference is named with both values, and nothing is changed.
OpenedStudy open_study(storage::Storage& storage, const StudySettings& settings, const StudyFacts& facts,
                       Existing existing, const std::vector<storage::Trial>& warm_start = {});

/// Says what intermediate results are of and who judges them: objectives and pruner.
std::string judging_text(const StudySettings& settings);

/// Returns the trials of another study that this one can learn from: complete or pruned, with parameters of this space,
/// as many values as this study has objectives, and marked as imported. Throws UserError when the objectives differ in
/// number or direction, or no trial fits.
std::vector<storage::Trial> trials_to_copy(storage::Storage& source, const std::string& name,
                                           const StudySettings& settings, const space::SearchSpace& space);

}  // namespace lathe::study
