#include "lathe/app/compare.h"

#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "lathe/cli/commands.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/search_settings.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/compare_files.h"
#include "lathe/report/compare_table.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream parts(list);
  for (std::string name; std::getline(parts, name, ',');) {
    std::erase(name, ' ');
    if (!name.empty()) names.push_back(name);
  }
  return names;
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
  app::CompareOptions options{.samplers = names_in(invocation.text("--samplers").value_or("")),
                              .deduplicate = invocation.text("--deduplicate"),
                              .stop = &interrupt_token(),
                              .begun = catch_interrupts};
  options.seeds = invocation.integer("--seeds", 1, kMostSeeds).value_or(options.seeds);
  const auto compared = app::compare_samplers(invocation, options);
  if (!compared) return ExitCode::kInterrupted;
  if (invocation.json)
    print(report::compare_json(compared->record));
  else
    print_results(compared->record, compared->folder);
  if (interrupt_token().requested()) return ExitCode::kInterrupted;
  return std::isnan(compared->record.best) ? ExitCode::kNoResult : ExitCode::kSuccess;
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
