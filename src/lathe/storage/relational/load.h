#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lathe/storage/relational/database.h"
#include "lathe/storage/storage.h"

/// Reads studies and trials out of the tables. To be called within a transaction.
namespace lathe::storage::relational {

/// Reads and prints each distinct distribution once: a study holds few, and every trial repeats them.
class DistributionTexts {
 public:
  std::shared_ptr<const parameter::Distribution> read(std::string_view text);
  const std::string& print(const std::shared_ptr<const parameter::Distribution>& distribution);

 private:
  struct Printed {
    std::shared_ptr<const parameter::Distribution> distribution;  ///< keeps the address from being used again
    std::string text;
  };
  std::map<std::string, std::shared_ptr<const parameter::Distribution>, std::less<>> read_;
  std::map<const parameter::Distribution*, Printed> printed_;
};

/// Splits a number into the two columns that hold it: the value, NULL unless finite, and its kind.
std::pair<Bound, std::string> value_columns(double value);

/// Loads all studies, or the one with this name.
std::vector<StudyInfo> load_studies(Database& database, const std::optional<std::string>& name);

/// Loads all trials of a study, in the order of their numbers.
std::vector<Trial> load_trials(Database& database, DistributionTexts& distributions, std::int64_t study_id);
/// Loads some trials of a study, in the order of their numbers.
std::vector<Trial> load_selected_trials(Database& database, DistributionTexts& distributions, std::int64_t study_id,
                                        const TrialSelection& selection);
/// Counts the trials of all studies.
std::map<std::int64_t, TrialCounts> load_trial_counts(Database& database);
/// Lists the parameters of a study's trials; see Storage::distributions.
std::vector<NamedDistribution> load_distributions(Database& database, DistributionTexts& distributions,
                                                  std::int64_t study_id);
/// Loads the trials with these ids, in the order of their numbers.
std::vector<Trial> load_listed_trials(Database& database, DistributionTexts& distributions,
                                      const std::vector<std::int64_t>& trial_ids);

}  // namespace lathe::storage::relational
