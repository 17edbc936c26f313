#include "lathe/app/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/app/backends.h"
#include "lathe/app/compare_record.h"
#include "lathe/app/progress_count.h"
#include "lathe/app/run_folder.h"
#include "lathe/app/search_setup.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/report/compare_files.h"
#include "lathe/study/compare/compare_run.h"
#include "lathe/trial/parallel.h"

namespace lathe::app {
namespace {

/// Holds a sampler that takes part.
struct Contestant {
  const sampler::SamplerKind* kind = nullptr;
  std::optional<config::Value> options = {};
};

bool has_option(const sampler::SamplerKind& kind, std::string_view name) {
  return std::any_of(kind.options.begin(), kind.options.end(),
                     [&](const sampler::SamplerOption& option) { return option.name == name; });
}

// The options of the file belong to the sampler of the file; `deduplicate` to all that can.
Contestant contestant(const CompareOptions& options, const Search& search, const std::string& name) {
  Contestant result{.kind = &sampler::sampler_kind(name)};
  if (result.kind == &sampler::sampler_kind(search.settings.sampler)) result.options = search.settings.sampler_options;
  if (!options.deduplicate) return result;
  if (has_option(*result.kind, "deduplicate")) {
    if (!result.options) result.options.emplace();
    config::set_by_path(*result.options, "deduplicate", *options.deduplicate);
  } else {
    log::warning("{} has no option deduplicate; it runs as it is", result.kind->name);
  }
  return result;
}

std::vector<Contestant> contestants(const CompareOptions& options, const Search& search) {
  std::vector<Contestant> list;
  for (const std::string& name : options.samplers) {
    list.push_back(contestant(options, search, name));
    const auto twice = [&](const Contestant& other) { return other.kind == list.back().kind; };
    if (std::count_if(list.begin(), list.end(), twice) > 1) {
      throw UserError("--samplers", fmt::format("{} is named twice", list.back().kind->name));
    }
  }
  if (!list.empty()) return list;
  throw UserError("--samplers", fmt::format("name the samplers, separated by commas; there are {}",
                                            fmt::join(sampler::sampler_kinds().names(), ", ")));
}

std::unique_ptr<sampler::Sampler> contestant_sampler(const Search& search, const Contestant& contestant,
                                                     std::uint64_t seed) {
  return sampler::make_sampler({.name = contestant.kind->name,
                                .seed = seed,
                                .space = search.space.parameters(),
                                .directions = search.settings.directions,
                                .n_trials = search.settings.n_trials,
                                .options = contestant.options ? &*contestant.options : nullptr});
}

// Lists the samplers without runs. Samplers that cannot work on the space are errors here, before anything runs.
std::vector<ComparedSampler> check_samplers(const Search& search, const std::vector<Contestant>& contestants) {
  std::vector<ComparedSampler> samplers;
  for (const Contestant& contestant : contestants) {
    const std::string why = contestant_sampler(search, contestant, 0)->explanation();
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

// Runs all samplers with one seed, then with the next: an interrupt leaves seeds that all of them have completed.
void run_all(const Search& search, trial::Evaluator& evaluator, const std::vector<Contestant>& contestants,
             std::int64_t seeds, const engine::StopToken& stop, Progress* progress,
             std::vector<ComparedSampler>& samplers) {
  for (ComparedSampler& sampler : samplers) sampler.runs.resize(static_cast<std::size_t>(seeds));
  study::CachedObjective objective(search.settings, evaluator);
  const std::size_t runs = samplers.size() * static_cast<std::size_t>(seeds);
  const std::int64_t trials = search.settings.n_trials;
  ProgressCount count(progress,
                      {.label = "compare", .total = static_cast<std::int64_t>(runs) * trials, .unit = "trials"});
  const auto evaluate = [&](const space::Assignment& assignment) { return objective.evaluate(assignment, stop); };
  const auto trial_ended = [&] {
    count.advance();
    count.set_suffix(fmt::format("{} candidates evaluated", objective.candidates()));
  };
  trial::run_parallel(runs, search.settings.n_jobs, stop, [&](std::size_t index) {
    const std::size_t which = index % samplers.size(), seed = index / samplers.size();
    const auto sampler = contestant_sampler(search, contestants[which], seed);
    study::ComparedRun run = study::run_sampler(*sampler, trials, search.settings.lag, evaluate, stop, trial_ended);
    count.advance(trials - static_cast<std::int64_t>(run.trials.size()));  // an exhausted space needs no more
    samplers[which].runs[seed] = std::move(run);
  });
}

}  // namespace

std::optional<CompareResult> compare_samplers(const Request& request, const CompareOptions& options) {
  const engine::StopToken never;
  const engine::StopToken& stop = options.stop != nullptr ? *options.stop : never;
  Search search = prepare_search(request);
  switch_off_what_cannot_be_cached(search.settings);
  const std::vector<Contestant> list = contestants(options, search);
  std::vector<ComparedSampler> samplers = check_samplers(search, list);
  trial::Evaluator evaluator(search.settings, search.space, search.dataset, backends(), search.loaded);
  check_candidates(search, evaluator);
  if (options.begun) options.begun();

  log::info("Comparison started: {} samplers x {} seeds x {} trials on {} points, {} runs at a time, back end {} {}",
            samplers.size(), options.seeds, search.settings.n_trials, search.space.size_text(), search.settings.n_jobs,
            search.backend->name(), search.backend->target());
  if (!give_base_weights(search, evaluator, {}, stop)) {
    log::warning("interrupted before the first trial; nothing is written");
    return std::nullopt;
  }
  run_all(search, evaluator, list, options.seeds, stop, request.progress, samplers);
  CompareResult result{.record = compare_record(search, samplers), .folder = {}};
  if (result.record.seeds == 0) {
    log::warning("interrupted before every sampler had completed a seed; nothing is written");
    return std::nullopt;
  }
  result.folder = new_run_folder(search.project, "comparison", "settings.toml", search.settings_document);
  report::write_comparison(result.record, result.folder);
  return result;
}

}  // namespace lathe::app
