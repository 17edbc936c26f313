#include "lathe/app/search.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/app/backends.h"
#include "lathe/app/device.h"
#include "lathe/app/kept_weights.h"
#include "lathe/app/project.h"
#include "lathe/app/search_files.h"
#include "lathe/app/search_plan.h"
#include "lathe/app/search_record.h"
#include "lathe/app/storages.h"
#include "lathe/app/study_folder.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/base/visible.h"
#include "lathe/report/writer.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/closing.h"
#include "lathe/study/exhaustive/race_loop.h"
#include "lathe/study/loop.h"
#include "lathe/study/weights.h"
#include "lathe/trial/trial_checkpoint.h"

namespace lathe::app {
namespace {

// Holds what a running search is done with.
struct Run {
  Search& search;
  trial::Evaluator& evaluator;
  storage::Storage& storage;
  const engine::StopToken& stop;
  Progress* progress;
};

study::Existing existing_policy(const SearchOptions& options) {
  if (options.resume) return options.study ? study::Existing::kExact : study::Existing::kResume;
  return options.study ? study::Existing::kJoin : study::Existing::kLeave;
}

// Splits `NAME` or `NAME@STORAGE`.
std::vector<storage::Trial> warm_start(const SearchOptions& options, const Search& search, storage::Storage& storage) {
  if (!options.warm_start) return {};
  const std::string& text = *options.warm_start;
  const std::size_t at = text.find('@');
  const std::string name = text.substr(0, at);
  if (at == std::string::npos) return study::trials_to_copy(storage, name, search.settings, search.space);
  const auto source = open_existing_storage(text.substr(at + 1));
  return study::trials_to_copy(*source, name, search.settings, search.space);
}

// Says what an existing study holds.
std::string progress_text(storage::Storage& storage, const study::OpenedStudy& study) {
  const auto counts = storage.trial_counts();
  const auto found = counts.find(study.id);
  if (found == counts.end()) return {};
  std::string text;
  for (const auto& [state, count] : found->second.by_state) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, lathe::to_string(state));
  }
  return fmt::format(" ({})", text);
}

void check_options(const Search& search, const SearchOptions& options) {
  if (options.study && options.study->empty()) throw UserError("--study", "needs a name; it is empty");
  if (options.study && !is_utf8(*options.study)) throw UserError("--study", "must be UTF-8");
  if (!options.warm_start) return;
  if (search.settings.exhaustive) {
    throw UserError("--warm-start",
                    "an exhaustive search trains every candidate itself; its bounds need a random order");
  }
  if (options.resume) throw UserError("--warm-start", "begins a new study; it does not go with --resume");
}

// Opens the study of this run, a new one or the one that the options name, and its folder.
study::OpenedStudy open_study(Run& run, const SearchOptions& options, const std::filesystem::path& config_path) {
  const PhaseScope phase(Phase::kStorage);
  Search& search = run.search;
  search.settings.name = options.study.value_or(search.settings.name);
  StudyFolder folder(search.project, run.storage.address());
  study::StudyFacts facts = study_facts(search, run.evaluator, config_path);
  facts.uid = folder.new_uid();
  const study::OpenedStudy study = study::open_study(run.storage, search.settings, facts, existing_policy(options),
                                                     warm_start(options, search, run.storage),
                                                     [&](const std::string& name) { return folder.reserve(name); });
  search.settings.name = study.name;
  search.results = folder.settle(study);
  write_text_file_atomically(search.results / "settings.toml", search.settings_document);
  log::info("{} study \"{}\" in {}{}", study.joined ? "Joined" : "Created", study.name, run.storage.address(),
            progress_text(run.storage, study));
  return study;
}

std::int64_t planned_trials(const app::Search& search) {
  const std::optional<std::int64_t> size = search.space.size();
  return size ? std::min(*size, search.settings.n_trials) : search.settings.n_trials;
}

study::StudyResult run_trials(Run& run, const study::OpenedStudy& study, KeptWeights& weights) {
  const Search& search = run.search;
  const auto task =
      begin_progress(run.progress, {.label = "search", .total = planned_trials(search), .unit = "trials"});
  std::int64_t failed = 0;
  const study::TrialEnd trial_end = [&](const study::Trial& trial, std::size_t ended,
                                        std::optional<std::int64_t> best) {
    task->set_done(static_cast<std::int64_t>(ended));
    if (trial.state == TrialState::kFail) ++failed;
    std::string suffix;
    if (best && *best == trial.number)
      suffix = fmt::format("Best trial: {}. Best value: {:.4g}", *best, trial.values.front());
    if (failed > 0) suffix += fmt::format("{}{} failed", suffix.empty() ? "" : ", ", failed);
    if (!suffix.empty()) task->set_suffix(suffix);
  };
  auto sampler = make_sampler(search, study.budget);
  if (const std::string why = sampler->explanation(); !why.empty()) log::info("Sampler {}", why);
  study::StudyLoop loop(search.settings, search.space, run.evaluator, std::move(sampler), run.storage, study);
  loop.keep_weights_in(weights.store());
  return loop.run(run.stop, trial_end);
}

std::vector<study::FinalScore> run_finals(const Run& run, const study::StudyResult& result) {
  const Search& search = run.search;
  if (search.settings.final.seeds == 0 || result.best.empty() || run.stop.requested()) return {};
  if (search.dataset->test.rows() == 0) {
    throw DataError(search.dataset->fingerprint.path, "[search.final] needs test rows and the data set has none");
  }
  const auto task = begin_progress(run.progress, {.label = "final", .unit = "trainings"});
  return study::run_final(search.settings, run.evaluator, result, run.stop, [&](std::int64_t done, std::int64_t total) {
    task->set_total(total);
    task->set_done(done);
  });
}

// Keeps with the study what its files say beside the trials. Without it they could not be made again, nothing else.
void store_closing(const Search& search, const study::StudyResult& result, const std::vector<study::FinalScore>& finals,
                   const std::optional<ProfileTotals>& profile, storage::Storage& storage, std::int64_t study_id) {
  const bool raced = search.settings.racing.has_value() && result.end != study::StudyEnd::kInterrupted;
  std::vector<std::int64_t> race_best;
  for (const std::size_t index : result.best) race_best.push_back(result.trials[index].number);
  try {
    study::store_closing(storage, study_id,
                         {.end = result.end,
                          .reproducible = result.reproducible,
                          .raced = raced,
                          .wall_seconds = result.wall_seconds,
                          .finals = finals,
                          .profile = profile,
                          .settings_document = search.settings_document,
                          .race_best = raced ? std::optional(race_best) : std::nullopt,
                          .race_trials = result.trials.empty() ? 0 : result.trials.back().number + 1});
  } catch (const SystemError& error) {
    log::warning("how the study ended is not kept in its database: {}", error.what());
  }
}

// Tells whether nothing of a study is left to run.
bool has_ended(study::StudyEnd end) {
  return end == study::StudyEnd::kAllTrials || end == study::StudyEnd::kSpaceExhausted;
}

// Trains the best trials again whose weights this process does not have: they ran in another one, or before a restart.
void restore_weights(const Run& run, study::StudyResult& result, KeptWeights& weights) {
  const auto task = begin_progress(run.progress, {.label = "weights of other workers", .unit = "trainings"});
  study::restore_weights(
      run.search.settings, run.evaluator, result, run.stop,
      [&](const study::Trial& trial) { return weights.has(trial); },
      [&](std::int64_t done, std::int64_t total) {
        task->set_total(total);
        task->set_done(done);
      },
      [](const UserError& error) { log::warning("{}: its weights are not kept", error.what()); });
}

void run_race(const Run& run, const study::OpenedStudy& study, study::StudyResult& result) {
  if (!run.search.settings.racing || run.stop.requested()) return;
  const auto task = begin_progress(run.progress, {.label = "race", .unit = "seeds"});
  study::run_race(run.search.settings, run.evaluator, run.storage, study.id, result, run.stop,
                  [&](std::int64_t done, std::int64_t total) {
                    task->set_total(total);
                    task->set_done(done);
                  });
}

// A file that was removed while the last trials ended is noticed here.
void check_study_is_there(const Search& search, storage::Storage& storage) {
  if (!storage.find_study(search.settings.name)) {
    throw SystemError("find", fmt::format("study \"{}\" in {}", search.settings.name, storage.address()),
                      "it was removed or replaced while it ran");
  }
}

// The last word on a study that the system ended.
class FailedSearch : public Error {
 public:
  FailedSearch(const SystemError& cause, const std::string& advice)
      : Error(fmt::format("{}. {}", cause.what(), advice), cause.exit_code()) {}
};

// Says where the trials are that ended before a failure, and how the study goes on.
std::string place_of_trials(const Search& search, const std::string& address, bool replaced) {
  constexpr const char* kGone = "; the study is not there any more and cannot be resumed";
  if (replaced) return kGone;
  try {
    const auto storage = open_existing_storage(address);
    if (!storage->find_study(search.settings.name)) return kGone;
    return fmt::format(
        " and are stored in {}: once the cause is mended, the same command with --resume goes on from there",
        storage->address());
  } catch (const Error& error) {
    return fmt::format("; the study cannot be opened at the moment ({})", error.what());
  }
}

// Writes what was found before the failure, and ends with it; files that cannot be written must not hide it.
[[noreturn]] void end_failed_search(const Search& search, const std::string& address, const report::StudyRecord& record,
                                    const study::StudyResult& result, KeptWeights& weights) {
  bool written = true;
  try {
    report::write_reports(record, search.results);
    weights.finish(result);
    publish_study(search);
  } catch (const SystemError& error) {
    written = false;
    log::error("{}", error.what());
  }
  try {
    std::rethrow_exception(result.failure);
  } catch (const SystemError& error) {
    const bool replaced = std::string_view(error.what()).ends_with(storage::kFileWasReplaced);
    std::string advice = fmt::format("{} trials of the study \"{}\" had ended{}", result.trials.size(),
                                     search.settings.name, place_of_trials(search, address, replaced));
    if (written) {
      advice += fmt::format(". {}/ holds what they found (best.json, log.json, trials.csv)", search.results.string());
    }
    throw FailedSearch(error, advice);
  }
}

}  // namespace

std::unique_ptr<ReadySearch> ready_search(const Request& request) {
  auto ready = std::make_unique<ReadySearch>();
  ready->search = prepare_search(request);
  ready->evaluator = std::make_unique<trial::Evaluator>(ready->search.settings, ready->search.space,
                                                        ready->search.dataset, backends(), ready->search.loaded);
  check_candidates(ready->search, *ready->evaluator);
  return ready;
}

std::optional<SearchResult> run_search(const Request& request, ReadySearch& ready, const SearchOptions& options) {
  Search& search = ready.search;
  trial::Evaluator& evaluator = *ready.evaluator;
  const engine::StopToken never;
  const engine::StopToken& stop = options.stop != nullptr ? *options.stop : never;
  check_options(search, options);
  refuse_endless_search(search, evaluator, stop, request.progress);
  make_sampler(search, search.settings.n_trials);  // options are checked before anything is written
  const std::string address = options.storage.value_or(project_database(search.project).string());
  if (stop.requested()) return std::nullopt;
  if (options.resume) open_begun_storage(address);  // nothing is made for a study that is not there
  make_directories(search_folder(search.project));
  const log::FileScope run_log(search.project / "run.log");
  write_project_settings(search.project, search.settings_document);
  log::info("Project is {}", search.project.string());
  const auto storage = open_storage(address, search.settings.optuna_compat);
  Run run{search, evaluator, *storage, stop, request.progress};
  if (!give_base_weights(search, evaluator, search_folder(search.project), stop)) return std::nullopt;
  const study::OpenedStudy study = open_study(run, options, request.config_path);
  const std::filesystem::path running = search.results / "running";
  evaluator.checkpoints().keep_in(running, study.joined ? search_folder(search.project) / "running" : "");
  KeptWeights weights(search);
  if (options.begun) options.begun(study);

  log::info("Search started: {} of {} points by {}, {} at a time, back end {}", planned_trials(search),
            search.space.size_text(), search.settings.sampler, search.settings.n_jobs,
            device_text(*search.backend, search.settings.threads, search.settings.precision));
  advise_threads(*search.backend, std::min(search.settings.n_jobs, search.settings.lag), search.settings.threads);
  study::StudyResult result = run_trials(run, study, weights);
  const SearchContext context = search_context(search, options.profile);
  const auto write = [&](const report::StudyRecord& record) {
    report::write_reports(record, search.results);
    publish_study(search);
  };
  if (result.failure) end_failed_search(search, address, study_record(context, result, {}), result, weights);
  if (search.settings.racing) write(study_record(context, result, {}));  // a race may take long
  run_race(run, study, result);
  restore_weights(run, result, weights);
  report::StudyRecord record = study_record(context, result, {});
  report::write_reports(record, search.results);  // before the finals: an end there loses nothing
  weights.finish(result);
  publish_study(search);
  check_study_is_there(search, *storage);
  const std::vector<study::FinalScore> finals = run_finals(run, result);
  if (!finals.empty()) write(record = study_record(context, result, finals));
  store_closing(search, result, finals, record.profile, *storage, study.id);
  if (has_ended(result.end)) trial::remove_trial_checkpoints(running);
  log::info("Searching is completed ({})", study::to_string(result.end));
  return SearchResult{.study = std::move(result), .record = std::move(record), .storage = storage->address()};
}

}  // namespace lathe::app
