#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "lathe/storage/relational/database.h"
#include "lathe/storage/relational/load.h"
#include "lathe/storage/storage.h"

namespace lathe::storage::relational {

/// Keeps studies in the tables of a database. See Storage.
class RelationalStorage final : public Storage {
 public:
  /// Makes missing tables; see prepare_schema.
  RelationalStorage(std::unique_ptr<Database> database, const std::string& optuna_compat, bool create = true);

  std::string address() const override { return database_->address(); }
  std::int64_t create_study(const std::string& name, const std::vector<Direction>& directions,
                            const Attributes& user_attributes, const Attributes& system_attributes) override;
  std::int64_t import_study(const StudyInfo& study, const std::vector<Trial>& trials) override;
  std::vector<StudyInfo> studies() override;
  std::optional<StudyInfo> find_study(const std::string& name) override;
  void set_study_attributes(std::int64_t study_id, const Attributes& user_attributes,
                            const Attributes& system_attributes) override;
  void delete_study(std::int64_t study_id) override;
  std::optional<Trial> start_trial(std::int64_t study_id, const NewTrial& trial) override;
  Trial enqueue_trial(std::int64_t study_id, const std::vector<Parameter>& fixed,
                      const Attributes& user_attributes) override;
  bool claim_waiting_trial(std::int64_t trial_id, const NewTrial& trial) override;
  std::vector<std::int64_t> stale_trials(std::int64_t study_id, std::chrono::duration<double> grace) override;
  std::map<std::int64_t, std::string> heartbeats(std::int64_t study_id) override;
  bool take_over_trial(std::int64_t trial_id, std::chrono::duration<double> grace,
                       const Attributes& user_attributes) override;
  void heartbeat(const std::vector<std::int64_t>& trial_ids) override;
  bool finish_trial(const Trial& trial) override;
  std::vector<Trial> trials(std::int64_t study_id) override;
  std::vector<Trial> changed_trials(std::int64_t study_id, std::int64_t last_trial_id,
                                    const std::vector<std::int64_t>& unfinished) override;
  std::vector<Trial> selected_trials(std::int64_t study_id, const TrialSelection& selection) override;
  std::map<std::int64_t, TrialCounts> trial_counts() override;
  std::vector<NamedDistribution> distributions(std::int64_t study_id) override;
  bool changed_by_others() override;
  void add_repeat(std::int64_t trial_id, std::int64_t repeat, const std::string& json,
                  const std::string& outcomes) override;
  std::map<std::int64_t, std::map<std::int64_t, std::string>> repeats(std::int64_t study_id) override;
  std::map<std::int64_t, std::map<std::int64_t, std::string>> outcomes(
      const std::vector<std::int64_t>& trial_ids) override;

 private:
  template <typename Function>
  auto transact(Database::Access access, Function function);

  std::int64_t insert_study(const std::string& name, const std::vector<Direction>& directions,
                            const Attributes& user_attributes, const Attributes& system_attributes);
  void insert_finished(std::int64_t study_id, std::vector<Trial> trials);
  /// Locks the study against other writers of numbers; false when it is not there.
  bool lock_study(std::int64_t study_id);
  /// Locks the study and returns the number that comes next. Throws SystemError when it was deleted.
  std::int64_t lock_and_next_number(std::int64_t study_id);
  std::int64_t insert_trial(std::int64_t study_id, std::int64_t number, TrialState state, std::optional<Time> started);
  void write_beginning(std::int64_t trial_id, const NewTrial& trial);
  void write_heartbeats(const std::vector<std::int64_t>& trial_ids);
  void write_attributes(const std::string& table, const std::string& owner, std::int64_t owner_id,
                        const Attributes& attributes);
  void write_trial_attributes(std::int64_t trial_id, const Attributes& user_attributes,
                              const Attributes& system_attributes);
  bool has_own_table(std::string_view name);
  void write_outcomes(std::int64_t trial_id, std::int64_t repeat, const std::string& outcomes);

  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  DistributionTexts distributions_;
  std::set<std::string, std::less<>> own_tables_;  ///< lathe's own tables that are known to be there
};

}  // namespace lathe::storage::relational
