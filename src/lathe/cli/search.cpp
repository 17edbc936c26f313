#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/base/visible.h"
#include "lathe/cli/backends.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/device.h"
#include "lathe/cli/inputs.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/kept_weights.h"
#include "lathe/cli/project.h"
#include "lathe/cli/search_files.h"
#include "lathe/cli/search_plan.h"
#include "lathe/cli/search_record.h"
#include "lathe/cli/search_setup.h"
#include "lathe/cli/storages.h"
#include "lathe/cli/study_folder.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/closing_table.h"
#include "lathe/report/mase_files.h"
#include "lathe/report/profile_table.h"
#include "lathe/report/progress.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/closing.h"
#include "lathe/study/exhaustive/race_loop.h"
#include "lathe/study/loop.h"
#include "lathe/study/open.h"
#include "lathe/study/weights.h"
#include "lathe/trial/trial_checkpoint.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;
// Says where the studies of this run are kept: the file of the project by default.
std::string storage_address(const Invocation& invocation, const Search& search) {
  return invocation.text("--storage").value_or(project_database(search.project).string());
}

study::Existing existing_policy(const Invocation& invocation) {
  const bool named = invocation.has("--study");
  if (invocation.has("--resume")) return named ? study::Existing::kExact : study::Existing::kResume;
  return named ? study::Existing::kJoin : study::Existing::kLeave;
}

// Splits `NAME` or `NAME@STORAGE`.
std::vector<storage::Trial> warm_start(const Invocation& invocation, const Search& search, storage::Storage& storage) {
  const std::optional<std::string> text = invocation.text("--warm-start");
  if (!text) return {};
  const std::size_t at = text->find('@');
  const std::string name = text->substr(0, at);
  if (at == std::string::npos) return study::trials_to_copy(storage, name, search.settings, search.space);
  const auto source = open_existing_storage(text->substr(at + 1));
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

std::optional<std::string> study_name(const Invocation& invocation) {
  const std::optional<std::string> name = invocation.text("--study");
  if (name && name->empty()) throw UserError("--study", "needs a name; it is empty");
  if (name && !is_utf8(*name)) throw UserError("--study", "must be UTF-8");
  return name;
}

// Opens the study of this run, a new one or the one that --resume or --study names, and its folder.
study::OpenedStudy open_study(const Invocation& invocation, Search& search, const trial::Evaluator& evaluator,
                              storage::Storage& storage) {
  const PhaseScope phase(Phase::kStorage);
  if (invocation.has("--resume") && invocation.has("--warm-start")) {
    throw UserError("--warm-start", "begins a new study; it does not go with --resume");
  }
  search.settings.name = study_name(invocation).value_or(search.settings.name);
  StudyFolder folder(search.project, storage.address());
  study::StudyFacts facts = study_facts(search, evaluator, invocation.config_path);
  facts.uid = folder.new_uid();
  const study::OpenedStudy study = study::open_study(storage, search.settings, facts, existing_policy(invocation),
                                                     warm_start(invocation, search, storage),
                                                     [&](const std::string& name) { return folder.reserve(name); });
  search.settings.name = study.name;
  search.results = folder.settle(study);
  write_text_file_atomically(search.results / "settings.toml", search.settings_document);
  log::info("{} study \"{}\" in {}{}", study.joined ? "Joined" : "Created", study.name, storage.address(),
            progress_text(storage, study));
  return study;
}

std::int64_t planned_trials(const Search& search) {
  const std::optional<std::int64_t> size = search.space.size();
  return size ? std::min(*size, search.settings.n_trials) : search.settings.n_trials;
}

study::StudyResult run_trials(Search& search, trial::Evaluator& evaluator, storage::Storage& storage,
                              const study::OpenedStudy& study, KeptWeights& weights) {
  report::ProgressBar bar({.label = "search", .total = planned_trials(search), .unit = "trials"});
  std::int64_t failed = 0;
  const study::TrialEnd trial_end = [&](const study::Trial& trial, std::size_t ended,
                                        std::optional<std::int64_t> best) {
    bar.set_done(static_cast<std::int64_t>(ended));
    if (trial.state == TrialState::kFail) ++failed;
    std::string suffix;
    if (best && *best == trial.number)
      suffix = fmt::format("Best trial: {}. Best value: {:.4g}", *best, trial.values.front());
    if (failed > 0) suffix += fmt::format("{}{} failed", suffix.empty() ? "" : ", ", failed);
    if (!suffix.empty()) bar.set_suffix(suffix);
  };
  auto sampler = make_sampler(search, study.budget);
  if (const std::string why = sampler->explanation(); !why.empty()) log::info("Sampler {}", why);
  study::StudyLoop loop(search.settings, search.space, evaluator, std::move(sampler), storage, study);
  loop.keep_weights_in(weights.store());
  return loop.run(interrupt_token(), trial_end);
}

std::vector<study::FinalScore> run_finals(const Search& search, trial::Evaluator& evaluator,
                                          const study::StudyResult& result) {
  if (search.settings.final.seeds == 0 || result.best.empty() || interrupt_token().requested()) return {};
  if (search.dataset->test.rows() == 0) {
    throw DataError(search.dataset->fingerprint.path, "[search.final] needs test rows and the data set has none");
  }
  report::ProgressBar bar({.label = "final", .unit = "trainings"});
  return study::run_final(search.settings, evaluator, result, interrupt_token(),
                          [&](std::int64_t done, std::int64_t total) {
                            bar.set_total(total);
                            bar.set_done(done);
                          });
}

bool any_complete(const report::StudyRecord& record) {
  return std::any_of(record.trials.begin(), record.trials.end(),
                     [](const report::TrialRecord& trial) { return trial.state == TrialState::kComplete; });
}

void print_results(const Invocation& invocation, const Search& search, const report::StudyRecord& record,
                   const std::string& database) {
  const report::TableStyle style = report::style_for(kStandardOutput);
  std::ostringstream text;
  text << '\n' << report::trial_summary(record);
  if (invocation.text("--show") == "all") text << '\n' << report::all_trials_table(record, style);
  if (!record.best.empty()) text << "\nBest trial(s):\n" << report::best_table(record, style);
  if (record.best.empty() && any_complete(record)) text << "\nNo complete trial meets the constraints.\n";
  if (!record.finals.empty()) {
    text << fmt::format("\nTest rows, the best trained anew with {} seeds (mean and standard error):\n",
                        search.settings.final.seeds)
         << report::final_table(record, style);
  }
  if (invocation.has("--profile") && record.profile) {
    text << '\n' << report::profile_table(*record.profile, style);
    if (const std::string memory = report::memory_line(record.trials); !memory.empty()) {
      text << "\nMemory: " << memory << '\n';
    }
  }
  if (!record.reproducible) {
    text << "\nNot reproducible bit for bit: the clock had a say (measured metrics or a time limit).\n";
  }
  if (!record.notice.empty()) text << '\n' << record.notice << '\n';
  text << fmt::format(
      "\nWritten to {}/: best.json, log.json, study.json, trials.csv{}, trials/\n(copies of best.json and log.json in "
      "{}/)\nStudy \"{}\" in {}\n",
      search.results.string(), path_exists(search.results / "front.svg") ? ", front.svg" : "",
      search_folder(search.project).string(), record.name, database);
  print(text.str());
}

void print_json(const Search& search, const report::StudyRecord& record, const std::string& database) {
  using Json = nlohmann::ordered_json;
  Json json = {
      {"schema_version", report::kSchemaVersion},
      {"study", parse_json<Json>(report::study_json(record), "study.json")},
      {"best", parse_json<Json>(report::best_json(record), "best.json")},
      {"paths", {{"project", search.project.string()}, {"results", search.results.string()}, {"database", database}}}};
  print(dump_json(json, 2) + '\n');
}

void open_project(const Search& search) {
  make_directories(search_folder(search.project));
  log::log_to_file(search.project / "run.log");
  write_project_settings(search.project, search.settings_document);
  log::info("Project is {}", search.project.string());
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

ExitCode exit_code_of(const study::StudyResult& result) {
  if (interrupt_token().requested()) return ExitCode::kInterrupted;
  return result.best.empty() ? ExitCode::kNoResult : ExitCode::kSuccess;
}

// Trains the best trials again whose weights this process does not have: they ran in another one, or before a restart.
void restore_weights(const Search& search, trial::Evaluator& evaluator, study::StudyResult& result,
                     KeptWeights& weights) {
  report::ProgressBar bar({.label = "weights of other workers", .unit = "trainings"});
  study::restore_weights(
      search.settings, evaluator, result, interrupt_token(),
      [&](const study::Trial& trial) { return weights.has(trial); },
      [&](std::int64_t done, std::int64_t total) {
        bar.set_total(total);
        bar.set_done(done);
      },
      [](const UserError& error) { log::warning("{}: its weights are not kept", error.what()); });
}

void run_race(const Search& search, trial::Evaluator& evaluator, storage::Storage& storage,
              const study::OpenedStudy& study, study::StudyResult& result) {
  if (!search.settings.racing || interrupt_token().requested()) return;
  report::ProgressBar bar({.label = "race", .unit = "seeds"});
  study::run_race(search.settings, evaluator, storage, study.id, result, interrupt_token(),
                  [&](std::int64_t done, std::int64_t total) {
                    bar.set_total(total);
                    bar.set_done(done);
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
    write_study_files(search, record);
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

// Shows the plan of an exhaustive search.
void print_plan(const Invocation& invocation, const Search& search, trial::Evaluator& evaluator) {
  const study::Plan plan = plan_search(search, evaluator, interrupt_token());
  if (interrupt_token().requested()) return;  // half a plan says nothing
  if (invocation.json)
    print(plan_json(search, plan));
  else
    print(plan_table(search, plan, report::style_for(kStandardOutput)));
}

ExitCode run_plan(const Invocation& invocation, const Search& search, trial::Evaluator& evaluator) {
  for (const char* flag : {"--resume", "--study", "--storage", "--warm-start", "--show", "--profile"}) {
    if (invocation.has(flag)) throw UserError(flag, "does not go with --plan, which runs and writes nothing");
  }
  if (!search.settings.exhaustive) {
    throw UserError("--plan", "plans exhaustive searches: the file has no [search.strategy.exhaustive]");
  }
  catch_interrupts();
  print_plan(invocation, search, evaluator);
  return interrupt_token().requested() ? ExitCode::kInterrupted : ExitCode::kSuccess;
}

ExitCode run_search(const Invocation& invocation) {
  Profile profile;
  const Profile::Thread part(&profile);
  Search search = prepare_search(invocation);
  trial::Evaluator evaluator(search.settings, search.space, search.dataset, backends(), search.loaded);
  check_candidates(search, evaluator);
  if (search.settings.exhaustive && invocation.has("--warm-start")) {
    throw UserError("--warm-start",
                    "an exhaustive search trains every candidate itself; its bounds need a random order");
  }
  if (invocation.has("--plan")) return run_plan(invocation, search, evaluator);
  refuse_endless_search(search, evaluator);
  study_name(invocation);
  make_sampler(search, search.settings.n_trials);  // options are checked before anything is written
  const std::string address = storage_address(invocation, search);
  if (invocation.has("--resume")) open_begun_storage(address);  // nothing is made for a study that is not there
  open_project(search);
  const auto storage = open_storage(address, search.settings.optuna_compat);
  catch_interrupts();
  if (!give_base_weights(search, evaluator, search_folder(search.project), interrupt_token())) {
    return ExitCode::kInterrupted;
  }
  const study::OpenedStudy study = open_study(invocation, search, evaluator, *storage);
  const std::filesystem::path running = search.results / "running";
  evaluator.keep_checkpoints(running, study.joined ? search_folder(search.project) / "running" : "");
  KeptWeights weights(search);
  if (search.settings.exhaustive && !study.joined && !invocation.json) print_plan(invocation, search, evaluator);

  log::info("Search started: {} of {} points by {}, {} at a time, back end {}", planned_trials(search),
            search.space.size_text(), search.settings.sampler, search.settings.n_jobs,
            device_text(*search.backend, search.settings.threads, search.settings.precision));
  advise_threads(*search.backend, std::min(search.settings.n_jobs, search.settings.lag), search.settings.threads);
  study::StudyResult result = run_trials(search, evaluator, *storage, study, weights);
  const SearchContext context = search_context(search, &profile);
  const auto write = [&](const report::StudyRecord& record) {
    write_study_files(search, record);
    publish_study(search);
  };
  if (result.failure) end_failed_search(search, address, study_record(context, result, {}), result, weights);
  if (search.settings.racing) write(study_record(context, result, {}));  // a race may take long
  run_race(search, evaluator, *storage, study, result);
  restore_weights(search, evaluator, result, weights);
  report::StudyRecord record = study_record(context, result, {});
  write_study_files(search, record);  // before the finals: an end there loses nothing
  weights.finish(result);
  publish_study(search);
  check_study_is_there(search, *storage);
  const std::vector<study::FinalScore> finals = run_finals(search, evaluator, result);
  if (!finals.empty()) write(record = study_record(context, result, finals));
  store_closing(search, result, finals, record.profile, *storage, study.id);
  if (has_ended(result.end)) trial::remove_trial_checkpoints(running);
  if (invocation.json)
    print_json(search, record, storage->address());
  else
    print_results(invocation, search, record, storage->address());
  log::info("Searching is completed ({})", study::to_string(result.end));
  return exit_code_of(result);
}

}  // namespace

Command search_command() {
  return {
      .name = "search",
      .summary = "find the networks with the best trade-offs by training or evaluating candidates",
      .description =
          "Reads [search] of the study file (MASE's layout): proposes candidates of the search space, trains or "
          "evaluates each on the validation rows, and keeps those that no other one beats in every objective. Equal "
          "candidates are evaluated once; the result does not depend on --n-jobs. Ctrl-C finishes tidily with "
          "everything found so far, a second one stops at once.\n\n"
          "Every study has a folder of its own, PROJECT/studies/NAME: best.json and log.json in MASE's layout, "
          "study.json, trials.csv, front.svg, settings.toml, trials/ (the weights of the best) and running/ (states of "
          "long trainings, while they run). A second study of the same name becomes NAME-2; nothing of the first is "
          "touched. PROJECT/search_ckpts has study.db (a database in Optuna's schema with all studies of the project; "
          "--storage names another one) and copies of the newest best.json and log.json.",
      .examples = {{"lathe search --config examples/quickstart.toml", "searches widths x bits on the bundled jets"},
                   {"lathe search --config study.toml --n-jobs 2 --show all",
                    "two trials at a time; prints every trial"},
                   {"lathe search --config lab.toml --data-dir ~/jets --accelerator cpu",
                    "runs a lab's file on other data, on the processor"},
                   {"lathe search --config study.toml --resume", "goes on where a run was cut off"},
                   {"lathe search --config study.toml --storage postgresql://me@host/studies --study jets",
                    "joins a study that any number of machines work on"},
                   {"lathe search --config study.toml --set search.strategy.setup.sampler='\"tpe\"'",
                    "overrides any key of the file"}},
      .flags = {{.names = {"--n-trials"},
                 .value_name = "N",
                 .help = "trials in all",
                 .key = "search.strategy.setup.n_trials",
                 .type = "integer"},
                {.names = {"--n-jobs"},
                 .value_name = "N",
                 .help = "trials in parallel, with --threads threads each",
                 .key = "search.strategy.setup.n_jobs",
                 .type = "integer"},
                {.names = {"--sampler"},
                 .value_name = "NAME",
                 .help = "how candidates are proposed",
                 .key = "search.strategy.setup.sampler"},
                {.names = {"--timeout"},
                 .value_name = "SECONDS",
                 .help = "begin no new trial after this time",
                 .key = "search.strategy.setup.timeout",
                 .type = "number"},
                {.names = {"--max-memory"},
                 .value_name = "MB",
                 .help =
                     "memory that all running trials together may plan to use; what the machine has free by default",
                 .key = "search.strategy.setup.max_memory",
                 .type = "number"},
                {.names = {"--storage"},
                 .value_name = "ADDRESS",
                 .help = "where studies are kept: sqlite:///file.db, postgresql://user@host/database, memory; the "
                         "project's search_ckpts/study.db by default"},
                {.names = {"--study"},
                 .value_name = "NAME",
                 .help = "name of the study; one that exists is joined, also while other workers run it"},
                {.names = {"--resume"},
                 .value_name = "",
                 .help = "continue the newest study of this name; trials that were cut off run again"},
                {.names = {"--warm-start"},
                 .value_name = "NAME[@ADDRESS]",
                 .help = "begin with the finished trials of another study"},
                {.names = {"--plan"},
                 .value_name = "",
                 .help = "show what an exhaustive search has to train and how long it takes, and end; writes nothing"},
                {.names = {"--profile"},
                 .value_name = "",
                 .help = "say in the end where the time went: data, training, evaluation, sampler, waiting; study.json "
                         "has it always"},
                {.names = {"--show"}, .value_name = "WHICH", .help = "trials to print", .choices = {"best", "all"}}},
      .takes_model = true,
      .takes_dataset = true,
      .needs_dataset = true,
      .needs_config = true,
      .shows_settings = true,
      .run = run_search,
      .effective = effective_in_search};
}

}  // namespace lathe::cli
