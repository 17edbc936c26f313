#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/storage/storage.h"

/// Opens studies: new ones, and those that other runs or workers began.
namespace lathe::study {

/// Study attribute that says that the clock had a say in the results. Stored: do not change.
inline constexpr const char* kClockAttribute = "lathe:clock";
/// Study attribute with a text that no other study has. Stored: do not change.
inline constexpr const char* kUidAttribute = "lathe:uid";

/// Holds a study of a storage.
struct OpenedStudy {
  std::int64_t id = 0;
  std::string name;
  std::string uid = {};          ///< a text that no other study has; empty for those that did not get one
  bool joined = false;           ///< it existed before
  bool clock_had_a_say = false;  ///< an earlier run was struck by a time limit
  std::int64_t budget = 0;       ///< n_trials of the run that made it: what samplers plan for, whatever was added since
};

/// Says what to do where a study of the name exists.
enum class Existing {
  kLeave,    ///< make a new one: name-2, name-3, ...
  kJoin,     ///< join it, or make it
  kExact,    ///< continue the study of exactly this name; there must be one
  kResume,   ///< continue the newest of name, name-2, ...; there must be one
  kRestore,  ///< as kExact, to make again what it left behind
};

/// Returns the text that no other study has; empty for those that did not get one.
std::string uid_of(const storage::StudyInfo& info);

/// Says where a study was begun: what the paths in its settings count from. Empty: not known.
struct Whereabouts {
  std::string working_folder;     ///< of the process
  std::string study_file_folder;  ///< of the study file
};
Whereabouts whereabouts_of(const storage::StudyInfo& info);

/// Holds what makes a study what it is, beside its settings.
struct StudyFacts {
  const space::SearchSpace* space = nullptr;
  const data::Fingerprint* data = nullptr;
  std::string weights;            ///< hash of the weights that were loaded, or `fresh`
  std::string backend;            ///< back end and SIMD target, `dense AVX2`
  std::string accelerator = {};   ///< `cpu`, `gpu`
  bool uses_threads = false;      ///< whether the back end's results depend on the threads of a trial
  std::string settings_document;  ///< the resolved settings as TOML
  std::string uid = {};           ///< of the study where it is made now: a text that no other one has
  Whereabouts whereabouts = {};   ///< of the run that makes it
};

/// Is called with a free name before a study of that name is made; false: it is taken outside of the storage.
using TakeName = std::function<bool(const std::string&)>;

/// Opens or creates the study called `settings.name`. `warm_start` are trials of another study (see trials_to_copy)
/// that a new one begins with. Throws UserError when an existing study was made with another seed, lag, sampler, space,
/// objective, data set, network, ...: the first difference is named with both values, and nothing is changed.
/// `take_name` has a say where the name of a new study is not fixed (kLeave).
OpenedStudy open_study(storage::Storage& storage, const recipe::StudySettings& settings, const StudyFacts& facts,
                       Existing existing, const std::vector<storage::Trial>& warm_start = {},
                       const TakeName& take_name = {});

/// Returns n for the name `base-n`, 1 for `base` itself; 0 for names of no such family.
std::int64_t place_in_family(const std::string& name, const std::string& base);

/// Returns the trials of another study that this one can learn from: complete or pruned, with parameters of this space,
/// as many values as this study has objectives, and marked as imported. Throws UserError when the objectives differ in
/// number or direction, or no trial fits.
std::vector<storage::Trial> trials_to_copy(storage::Storage& source, const std::string& name,
                                           const recipe::StudySettings& settings, const space::SearchSpace& space);

}  // namespace lathe::study
