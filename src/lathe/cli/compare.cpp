#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "lathe/app/backends.h"
#include "lathe/app/compare_record.h"
#include "lathe/app/run_folder.h"
#include "lathe/app/search_setup.h"
#include "lathe/base/log.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/search_settings.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/compare_files.h"
#include "lathe/report/compare_table.h"
#include "lathe/report/progress.h"
#include "lathe/study/compare/compare_run.h"
#include "lathe/trial/parallel.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;
constexpr std::int64_t kDefaultSeeds = 10;

/// Holds a sampler that takes part.
struct Contestant {
  const sampler::SamplerKind* kind = nullptr;
  std::optional<config::Value> options = {};
};

bool has_option(const sampler::SamplerKind& kind, std::string_view name) {
  return std::any_of(kind.options.begin(), kind.options.end(),
                     [&](const sampler::SamplerOption& option) { return option.name == name; });
}

// The options of the file belong to the sampler of the file; --deduplicate to all that can.
Contestant contestant(const Invocation& invocation, const app::Search& search, const std::string& name) {
  Contestant result{.kind = &sampler::sampler_kind(name)};
  if (result.kind == &sampler::sampler_kind(search.settings.sampler)) result.options = search.settings.sampler_options;
  const std::optional<std::string> deduplicate = invocation.text("--deduplicate");
  if (!deduplicate) return result;
  if (has_option(*result.kind, "deduplicate")) {
    if (!result.options) result.options.emplace();
    config::set_by_path(*result.options, "deduplicate", *deduplicate);
  } else {
    log::warning("{} has no option deduplicate; it runs as it is", result.kind->name);
  }
  return result;
}

std::vector<Contestant> contestants(const Invocation& invocation, const app::Search& search) {
  std::vector<Contestant> list;
  std::istringstream names(invocation.text("--samplers").value_or(""));
  for (std::string name; std::getline(names, name, ',');) {
    std::erase(name, ' ');
    if (name.empty()) continue;
    list.push_back(contestant(invocation, search, name));
    const auto twice = [&](const Contestant& other) { return other.kind == list.back().kind; };
    if (std::count_if(list.begin(), list.end(), twice) > 1) {
      throw UserError("--samplers", fmt::format("{} is named twice", list.back().kind->name));
    }
  }
  if (!list.empty()) return list;
  std::vector<std::string> known;
  for (const sampler::SamplerKind& kind : sampler::sampler_kinds()) known.push_back(kind.name);
  throw UserError("--samplers",
                  fmt::format("name the samplers, separated by commas; there are {}", fmt::join(known, ", ")));
}

std::unique_ptr<sampler::Sampler> make_sampler(const app::Search& search, const Contestant& contestant,
                                               std::uint64_t seed) {
  return sampler::make_sampler({.name = contestant.kind->name,
                                .seed = seed,
                                .space = search.space.parameters(),
                                .directions = search.settings.directions,
                                .n_trials = search.settings.n_trials,
                                .options = contestant.options ? &*contestant.options : nullptr});
}

// Lists the samplers without runs. Samplers that cannot work on the space are errors here, before anything runs.
std::vector<app::ComparedSampler> check_samplers(const app::Search& search,
                                                 const std::vector<Contestant>& contestants) {
  std::vector<app::ComparedSampler> samplers;
  for (const Contestant& contestant : contestants) {
    const std::string why = make_sampler(search, contestant, 0)->explanation();
    if (!why.empty()) log::info("Sampler {}", why);
    samplers.push_back({.name = contestant.kind->name,
                        .options = contestant.options ? contestant.options->to_toml() : "",
                        .explanation = why});
  }
  return samplers;
}

// A cached result has no training to prune, and every run gets all its trials.
void switch_off_what_cannot_be_cached(recipe::StudySettings& settings) {
  if (settings.pruner) log::info("The pruner is off here: every candidate is trained to its end once, for all runs");
  if (settings.timeout_seconds) log::info("The timeout is off here: every run gets its {} trials", settings.n_trials);
  settings.pruner.reset();
  settings.timeout_seconds.reset();
  settings.racing.reset();
}

/// Shows how many trials of all runs have ended. Thread safe.
class Progress {
 public:
  Progress(const study::CachedObjective& objective, std::size_t runs, std::int64_t trials)
      : objective_(objective),
        trials_(trials),
        bar_({.label = "compare", .total = static_cast<std::int64_t>(runs) * trials, .unit = "trials"}) {}

  void trial_ended() {
    bar_.advance();
    bar_.set_suffix(fmt::format("{} candidates evaluated", objective_.candidates()));
  }
  /// Counts the trials that a run on an exhausted space does not need.
  void run_ended(const study::ComparedRun& run) {
    bar_.advance(trials_ - static_cast<std::int64_t>(run.trials.size()));
  }

 private:
  const study::CachedObjective& objective_;
  std::int64_t trials_;
  report::ProgressBar bar_;
};

// Runs all samplers with one seed, then with the next: an interrupt leaves seeds that all of them have completed.
void run_all(const app::Search& search, trial::Evaluator& evaluator, const std::vector<Contestant>& contestants,
             std::int64_t seeds, std::vector<app::ComparedSampler>& samplers) {
  for (app::ComparedSampler& sampler : samplers) sampler.runs.resize(static_cast<std::size_t>(seeds));
  study::CachedObjective objective(search.settings, evaluator);
  const std::size_t runs = samplers.size() * static_cast<std::size_t>(seeds);
  Progress progress(objective, runs, search.settings.n_trials);
  const auto evaluate = [&](const space::Assignment& assignment) {
    return objective.evaluate(assignment, interrupt_token());
  };
  trial::run_parallel(runs, search.settings.n_jobs, interrupt_token(), [&](std::size_t index) {
    const std::size_t which = index % samplers.size(), seed = index / samplers.size();
    const auto sampler = make_sampler(search, contestants[which], seed);
    study::ComparedRun run = study::run_sampler(*sampler, search.settings.n_trials, search.settings.lag, evaluate,
                                                interrupt_token(), [&] { progress.trial_ended(); });
    progress.run_ended(run);
    samplers[which].runs[seed] = std::move(run);
  });
}

void print_results(const report::CompareRecord& record, const std::filesystem::path& folder) {
  const report::TableStyle style = report::style_for(kStandardOutput);
  std::ostringstream text;
  text << '\n' << report::compare_summary(record) << '\n' << report::compare_table(record, style);
  for (const report::CompareSamplerRecord& sampler : record.samplers) {
    if (!sampler.explanation.empty()) text << '\n' << sampler.name << ": " << sampler.explanation << '\n';
  }
  if (record.seeds < record.planned_seeds) {
    text << fmt::format("\nInterrupted: only the {} of {} seeds that every sampler completed are counted.\n",
                        record.seeds, record.planned_seeds);
  }
  if (!record.reproducible) {
    text << "\nNot reproducible bit for bit: the clock had a say (measured metrics or a time limit).\n";
  }
  if (!record.notice.empty()) text << '\n' << record.notice << '\n';
  text << fmt::format("\nWritten to {}/: comparison.json, comparison.csv, comparison.svg\n", folder.string());
  print(text.str());
}

ExitCode run_compare(const Invocation& invocation) {
  const std::int64_t seeds = invocation.integer("--seeds", 1, kMostSeeds).value_or(kDefaultSeeds);
  app::Search search = app::prepare_search(invocation);
  switch_off_what_cannot_be_cached(search.settings);
  const std::vector<Contestant> list = contestants(invocation, search);
  std::vector<app::ComparedSampler> samplers = check_samplers(search, list);
  trial::Evaluator evaluator(search.settings, search.space, search.dataset, app::backends(), search.loaded);
  app::check_candidates(search, evaluator);
  catch_interrupts();

  log::info("Comparison started: {} samplers x {} seeds x {} trials on {} points, {} runs at a time, back end {} {}",
            samplers.size(), seeds, search.settings.n_trials, search.space.size_text(), search.settings.n_jobs,
            search.backend->name(), search.backend->target());
  if (!app::give_base_weights(search, evaluator, {}, interrupt_token())) {
    log::warning("interrupted before the first trial; nothing is written");
    return ExitCode::kInterrupted;
  }
  run_all(search, evaluator, list, seeds, samplers);
  const report::CompareRecord record = app::compare_record(search, samplers);
  if (record.seeds == 0) {
    log::warning("interrupted before every sampler had completed a seed; nothing is written");
    return ExitCode::kInterrupted;
  }
  search.results = app::new_run_folder(search.project, "comparison", "settings.toml", search.settings_document);
  report::write_comparison(record, search.results);
  if (invocation.json)
    print(report::compare_json(record));
  else
    print_results(record, search.results);
  if (interrupt_token().requested()) return ExitCode::kInterrupted;
  return std::isnan(record.best) ? ExitCode::kNoResult : ExitCode::kSuccess;
}

}  // namespace

Command compare_command() {
  return {
      .name = "compare",
      .summary = "compare samplers in how few trials they need on one search",
      .description =
          "Runs every sampler of --samplers with the seeds 0, 1, ... on the search of a study file and shows how the "
          "best value so far grows with the trials (with several objectives the hypervolume, from the worst values "
          "that any run has seen). Every distinct candidate is evaluated once for all runs, with the file's own seed "
          "and lag, so that only the samplers differ; pruner and timeout of the file are off, and its sampler_options "
          "go to the file's own sampler. Results do not depend on --n-jobs, times aside.\n\n"
          "The table shows, over the seeds: the final value (mean and standard error), the best one, the median number "
          "of trials to the target, 99 % of the way from the mean first value to the best one known (`> N`: half of "
          "the runs or more do not get there), the trials that repeat a point or a candidate of their run, the "
          "milliseconds in the sampler per trial, and the seconds that a run would take one trial at a time with every "
          "trial evaluated. Runs that exhaust the space keep their last value. Bands are 95 % bootstrap intervals of "
          "the mean.\n\n"
          "Writes comparison.json, comparison.csv (every trial), comparison.svg and settings.toml into "
          "PROJECT/comparison, those of a second comparison into comparison-2, and so on. Ctrl-C stops: the seeds that "
          "every sampler has completed are reported and written, the "
          "exit code is 130; without one nothing is written.",
      .examples = {{"lathe compare --config study.toml --samplers brute_force,tpe,nsgaii --seeds 20",
                    "the sample efficiency of three samplers"},
                   {"lathe compare --config study.toml --samplers random,tpe --n-trials 50 --n-jobs 2",
                    "with another budget, two runs at a time"},
                   {"lathe compare --config study.toml --samplers random,tpe,nsgaii --deduplicate false",
                    "shows the repeats that Optuna makes"}},
      .flags = {{.names = {"--samplers"},
                 .value_name = "NAMES",
                 .help = "samplers separated by commas: brute_force,random,tpe,nsgaii,auto"},
                {.names = {"--seeds"}, .value_name = "K", .help = "runs of each sampler; 10 by default"},
                {.names = {"--n-trials"},
                 .value_name = "N",
                 .help = "trials of each run",
                 .key = "search.strategy.setup.n_trials",
                 .type = "integer"},
                {.names = {"--n-jobs"},
                 .value_name = "N",
                 .help = "runs in parallel, one thread each",
                 .key = "search.strategy.setup.n_jobs",
                 .type = "integer"},
                {.names = {"--deduplicate"},
                 .value_name = "BOOL",
                 .help = "false: let samplers propose points again, as Optuna's do",
                 .choices = {"true", "false"}}},
      .takes_model = true,
      .takes_dataset = true,
      .needs_dataset = true,
      .needs_config = true,
      .shows_settings = true,
      .run = run_compare,
      .effective = effective_in_search};
}

}  // namespace lathe::cli
