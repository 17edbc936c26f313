#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/cli/backends.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/inputs.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/project.h"
#include "lathe/cli/search_record.h"
#include "lathe/report/closing_table.h"
#include "lathe/report/front_plot.h"
#include "lathe/report/mase_files.h"
#include "lathe/report/progress.h"
#include "lathe/report/trials_csv.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/record.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;
// More probes than this say nothing new about a space.
constexpr std::size_t kMostProbes = 2000;

// Everything that a search works on, made before the first trial so that mistakes show at once.
struct Search {
  std::shared_ptr<const data::Dataset> dataset;
  StartingPoint start;
  study::StudySettings settings;
  space::SearchSpace space;
  std::shared_ptr<const engine::Backend> backend;  ///< of the base network
  std::shared_ptr<const engine::State> loaded;
  std::filesystem::path project, results;
  std::string settings_document;
};

Search prepare(const Invocation& invocation) {
  Search search;
  search.settings = study::parse_study(invocation.root, invocation.settings);
  search.dataset = load_data(invocation.settings);
  search.start = starting_point(invocation, *search.dataset);
  log::info("Building search space...");
  search.space = space::parse_space(invocation.root, search.start.graph);
  search.backend =
      engine::choose_backend(backends(), search.settings.backend, search.settings.accelerator, search.start.graph);
  if (search.start.state) search.loaded = std::make_shared<const engine::State>(*search.start.state);
  if (search.settings.train) {  // batches that cannot work with the network show here
    engine::planned_steps(search.settings.train->settings, search.start.graph, search.dataset->train.rows());
  }
  search.project = project_folder(invocation.settings);
  search.results = search.project / "search_ckpts";
  search.settings.name = search.project.filename().string();
  search.settings_document = config::resolved_document(invocation.root, invocation.settings);
  return search;
}

// Lists every assignment of a small space.
std::vector<space::Assignment> all_assignments(const space::SearchSpace& space) {
  std::vector<space::Assignment> list{space::Assignment(space.dimensions().size(), 0)};
  for (std::size_t i = 0; i < space.dimensions().size(); ++i) {
    const std::size_t before = list.size();
    for (std::int32_t choice = 1; choice < space.dimensions()[i].size(); ++choice) {
      for (std::size_t k = 0; k < before; ++k) {
        list.push_back(list[k]);
        list.back()[i] = choice;
      }
    }
  }
  return list;
}

// Lists all assignments of a small space; of a large one those that differ from the first in one choice.
std::vector<space::Assignment> probes(const space::SearchSpace& space) {
  const std::optional<std::int64_t> size = space.size();
  if (size && *size <= static_cast<std::int64_t>(kMostProbes)) return all_assignments(space);
  const space::Assignment origin(space.dimensions().size(), 0);
  std::vector<space::Assignment> list{origin};
  for (std::size_t i = 0; i < origin.size(); ++i) {
    for (std::int32_t choice = 1; choice < space.dimensions()[i].size() && list.size() < kMostProbes; ++choice) {
      list.push_back(origin);
      list.back()[i] = choice;
    }
  }
  return list;
}

// Decodes some candidates before the first trial: a space of impossible networks is an error, and weights that are
// evaluated without ever having been trained are named.
void check_candidates(const Search& search, const study::Evaluator& evaluator) {
  std::exception_ptr failure;
  bool possible = false;
  std::set<std::string> untrained;
  const std::vector<space::Assignment> tried = probes(search.space);
  for (const space::Assignment& assignment : tried) {
    try {
      for (const std::string& name : evaluator.untrained_tensors(search.space.decode(assignment).graph)) {
        untrained.insert(name);
      }
      possible = true;
    } catch (const UserError&) {
      if (!failure) failure = std::current_exception();
    }
  }
  const std::optional<std::int64_t> size = search.space.size();
  if (!possible && size && *size <= static_cast<std::int64_t>(tried.size())) std::rethrow_exception(failure);
  if (untrained.empty()) return;
  const std::size_t shown = std::min<std::size_t>(untrained.size(), 4);
  log::warning(
      "{} of the evaluated weights {} never trained ({}{}): accuracy and loss say nothing about the "
      "networks. Set eval_mode = false in [search.strategy] with [search.strategy.sw_runner.basic_train], or "
      "load trained weights of these shapes with load_name",
      untrained.size(), untrained.size() == 1 ? "was" : "were",
      fmt::join(untrained.begin(), std::next(untrained.begin(), static_cast<std::ptrdiff_t>(shown)), ", "),
      shown < untrained.size() ? ", ..." : "");
}

std::unique_ptr<sampler::Sampler> make_sampler(const Search& search) {
  sampler::SamplerSettings wanted{.name = search.settings.sampler,
                                  .seed = search.settings.seed,
                                  .space = search.space.parameters(),
                                  .directions = search.settings.directions,
                                  .n_trials = search.settings.n_trials};
  if (search.settings.sampler_options) wanted.options = &*search.settings.sampler_options;
  return sampler::make_sampler(wanted);
}

// Creates the study under its name, or name-2, name-3, ... where earlier runs of the project took it.
std::int64_t create_study(storage::Storage& storage, Search& search) {
  std::set<std::string> taken;
  for (const storage::StudyInfo& info : storage.studies()) taken.insert(info.name);
  const std::string base = search.settings.name;
  for (int i = 2; taken.contains(search.settings.name); ++i) search.settings.name = fmt::format("{}-{}", base, i);
  return storage.create_study(
      search.settings.name, search.settings.directions,
      study::study_attributes(search.settings, search.dataset->fingerprint, search.settings_document), {});
}

std::int64_t planned_trials(const Search& search) {
  const std::optional<std::int64_t> size = search.space.size();
  return size ? std::min(*size, search.settings.n_trials) : search.settings.n_trials;
}

study::StudyResult run_trials(Search& search, study::Evaluator& evaluator, storage::Storage& storage,
                              std::int64_t study_id) {
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
  study::StudyLoop loop(search.settings, search.space, evaluator, make_sampler(search), &storage, study_id);
  return loop.run(interrupt_token(), trial_end);
}

std::vector<study::FinalScore> run_finals(const Search& search, study::Evaluator& evaluator,
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

// Keeps the weights of the best trials: what --from best.json --trial K loads.
void save_best_weights(const Search& search, const study::StudyResult& result) {
  const data::Fingerprint& data = search.dataset->fingerprint;
  std::filesystem::remove_all(search.results / "trials");  // those of an earlier run of the project
  make_directories(search.results / "trials");
  for (const std::size_t index : result.best) {
    const study::Trial& trial = result.trials[index];
    ir::Graph graph = search.space.decode(trial.assignment).graph;
    checkpoint::save_model(trial_weights(search.results / "best.json", trial.number), graph, *trial.evaluation->state,
                           {{"data.dataset", data.dataset},
                            {"data.source", data.source},
                            {"data.hash", data.hash},
                            {"data.notice", data.notice},
                            {"trial", fmt::format("{}", trial.number)},
                            {"study", search.settings.name},
                            {"seed", fmt::format("{}", search.settings.seed)},
                            {"untrained", trial.untrained ? "true" : "false"},
                            {"lathe_version", std::string(config::version())}});
  }
}

void write_files(const Search& search, const report::StudyRecord& record) {
  report::write_result_files(record, search.results);
  write_text_file_atomically(search.results / "trials.csv", report::trials_csv(record));
  std::filesystem::remove(search.results / "front.svg");
  if (const auto plot = report::front_plot(record)) {
    write_text_file_atomically(search.results / "front.svg", report::front_svg(*plot));
  }
}

void print_results(const Invocation& invocation, const Search& search, const report::StudyRecord& record) {
  const report::TableStyle style = report::style_for(kStandardOutput);
  std::cout << '\n' << report::trial_summary(record);
  if (invocation.text("--show") == "all") std::cout << '\n' << report::all_trials_table(record, style);
  if (!record.best.empty()) std::cout << "\nBest trial(s):\n" << report::best_table(record, style);
  if (!record.finals.empty()) {
    std::cout << fmt::format("\nTest rows, the best trained anew with {} seeds (mean and standard error):\n",
                             search.settings.final.seeds)
              << report::final_table(record, style);
  }
  if (!record.reproducible) {
    std::cout << "\nNot reproducible bit for bit: the clock had a say (measured metrics or a time limit).\n";
  }
  if (!record.notice.empty()) std::cout << '\n' << record.notice << '\n';
  std::cout << fmt::format("\nWritten to {}/: best.json, log.json, study.json, trials.csv{}, trials/, study.db\n",
                           search.results.string(),
                           std::filesystem::exists(search.results / "front.svg") ? ", front.svg" : "");
}

void print_json(const Search& search, const report::StudyRecord& record) {
  using Json = nlohmann::ordered_json;
  Json json = {{"schema_version", report::kSchemaVersion},
               {"study", Json::parse(report::study_json(record))},
               {"best", Json::parse(report::best_json(record))},
               {"paths",
                {{"project", search.project.string()},
                 {"results", search.results.string()},
                 {"database", (search.results / "study.db").string()}}}};
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void open_project(const Search& search) {
  make_directories(search.results);
  log::log_to_file(search.project / "run.log");
  write_text_file_atomically(search.project / "settings.toml", search.settings_document);
  log::info("Project is {}", search.project.string());
}

ExitCode exit_code_of(const study::StudyResult& result) {
  if (interrupt_token().requested()) return ExitCode::kInterrupted;
  return result.best.empty() ? ExitCode::kNoResult : ExitCode::kSuccess;
}

ExitCode run_search(const Invocation& invocation) {
  Search search = prepare(invocation);
  study::Evaluator evaluator(search.settings, search.space, search.dataset, backends(), search.loaded);
  check_candidates(search, evaluator);
  make_sampler(search);  // options are checked before anything is written
  open_project(search);
  const auto storage =
      storage::open_sqlite(search.results / "study.db", {.optuna_compat = search.settings.optuna_compat});
  const std::int64_t study_id = create_study(*storage, search);
  catch_interrupts();

  const std::optional<std::int64_t> size = search.space.size();
  log::info("Search started: {} of {} points by {}, {} at a time, back end {} {}", planned_trials(search),
            size ? fmt::format("{}", *size) : "more than 2^63", search.settings.sampler, search.settings.n_jobs,
            search.backend->name(), search.backend->target());
  const study::StudyResult result = run_trials(search, evaluator, *storage, study_id);
  const SearchContext context{.settings = &search.settings,
                              .space = &search.space,
                              .dataset = search.dataset.get(),
                              .model = search.start.graph.name,
                              .backend = search.backend->name(),
                              .target = search.backend->target(),
                              .settings_document = search.settings_document};
  save_best_weights(search, result);
  write_files(search, study_record(context, result, {}));  // before the finals: an end there loses nothing
  const std::vector<study::FinalScore> finals = run_finals(search, evaluator, result);
  const report::StudyRecord record = study_record(context, result, finals);
  if (!finals.empty()) write_files(search, record);
  if (invocation.json)
    print_json(search, record);
  else
    print_results(invocation, search, record);
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
          "Writes into PROJECT/search_ckpts: best.json and log.json in MASE's layout, study.json, trials.csv, "
          "front.svg, trials/ (the weights of the best) and study.db (a database in Optuna's schema).",
      .examples = {{"lathe search --config examples/quickstart.toml", "searches widths x bits on the bundled jets"},
                   {"lathe search --config study.toml --n-jobs 2 --show all",
                    "two trials at a time; prints every trial"},
                   {"lathe search --config lab.toml --data-dir ~/jets --accelerator cpu",
                    "runs a lab's file on other data, on the processor"},
                   {"lathe search --config study.toml --set search.strategy.setup.sampler='\"tpe\"'",
                    "overrides any key of the file"}},
      .flags = {{.names = {"--n-trials"},
                 .value_name = "N",
                 .help = "trials in all",
                 .key = "search.strategy.setup.n_trials",
                 .type = "integer"},
                {.names = {"--n-jobs"},
                 .value_name = "N",
                 .help = "trials in parallel, one thread each",
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
                {.names = {"--show"}, .value_name = "WHICH", .help = "trials to print", .choices = {"best", "all"}}},
      .takes_model = true,
      .takes_dataset = true,
      .needs_dataset = true,
      .needs_config = true,
      .shows_settings = true,
      .run = run_search};
}

}  // namespace lathe::cli
