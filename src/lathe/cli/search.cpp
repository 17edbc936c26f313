#include "lathe/app/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "lathe/app/project.h"
#include "lathe/app/search_plan.h"
#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/base/profile.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/search_settings.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/closing_table.h"
#include "lathe/report/mase_files.h"
#include "lathe/report/profile_table.h"
#include "lathe/report/writer.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;

bool any_complete(const report::StudyRecord& record) {
  return std::any_of(record.trials.begin(), record.trials.end(),
                     [](const report::TrialRecord& trial) { return trial.state == TrialState::kComplete; });
}

void print_results(const Invocation& invocation, const app::Search& search, const report::StudyRecord& record,
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
  text << fmt::format("\nWritten to {}/: {}, trials/\n(copies of best.json and log.json in {}/)\nStudy \"{}\" in {}\n",
                      search.results.string(), report::reports_in(search.results),
                      app::search_folder(search.project).string(), record.name, database);
  print(text.str());
}

void print_json(const app::Search& search, const report::StudyRecord& record, const std::string& database) {
  using Json = nlohmann::ordered_json;
  Json json = {
      {"schema_version", report::kSchemaVersion},
      {"study", parse_json<Json>(report::study_json(record), "study.json")},
      {"best", parse_json<Json>(report::best_json(record), "best.json")},
      {"paths", {{"project", search.project.string()}, {"results", search.results.string()}, {"database", database}}}};
  print(dump_json(json, 2) + '\n');
}

// Shows the plan of an exhaustive search.
void print_plan(const Invocation& invocation, const app::Search& search, trial::Evaluator& evaluator) {
  const study::SearchPlan plan = app::plan_search(search, evaluator, interrupt_token(), invocation.progress);
  if (interrupt_token().requested()) return;  // half a plan says nothing
  if (invocation.json)
    print(app::plan_json(search, plan));
  else
    print(app::plan_table(search, plan, report::style_for(kStandardOutput)));
}

ExitCode run_plan(const Invocation& invocation, const app::Search& search, trial::Evaluator& evaluator) {
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

ExitCode exit_code_of(const study::StudyResult& result) {
  if (interrupt_token().requested()) return ExitCode::kInterrupted;
  return result.best.empty() ? ExitCode::kNoResult : ExitCode::kSuccess;
}

ExitCode run_search(const Invocation& invocation) {
  Profile profile;
  const Profile::Thread part(&profile);
  const auto ready = app::ready_search(invocation);
  app::Search& search = ready->search;
  if (invocation.has("--plan")) return run_plan(invocation, search, *ready->evaluator);
  catch_interrupts();
  const auto found = app::run_search(invocation, *ready,
                                     {.storage = invocation.text("--storage"),
                                      .study = invocation.text("--study"),
                                      .resume = invocation.has("--resume"),
                                      .warm_start = invocation.text("--warm-start"),
                                      .stop = &interrupt_token(),
                                      .profile = &profile,
                                      .begun = [&](const study::OpenedStudy& study) {
                                        if (search.settings.exhaustive && !study.joined && !invocation.json)
                                          print_plan(invocation, search, *ready->evaluator);
                                      }});
  if (!found) return ExitCode::kInterrupted;
  if (invocation.json)
    print_json(search, found->record, found->storage);
  else
    print_results(invocation, search, found->record, found->storage);
  return exit_code_of(found->study);
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
          "Every study has a folder of its own, PROJECT/studies/NAME: " +
          report::reports_help() +
          ", settings.toml, trials/ (the weights of the best) and running/ (states of "
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
