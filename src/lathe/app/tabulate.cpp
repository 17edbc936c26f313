#include "lathe/app/tabulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "lathe/app/backends.h"
#include "lathe/app/progress_count.h"
#include "lathe/app/search_setup.h"
#include "lathe/app/study_parameters.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/metric/metric.h"
#include "lathe/study/exhaustive/table_journal.h"
#include "lathe/study/exhaustive/tabulate.h"
#include "lathe/trial/parallel.h"

namespace lathe::app {
namespace {

/// Holds what a table is trained with.
struct Workshop {
  Workshop(const Request& request, const engine::StopToken* given)
      : search(prepare(request)),
        evaluator(search.settings, search.space, search.dataset, backends(), search.loaded),
        stop(given != nullptr ? *given : never),
        progress(request.progress) {}

  static Search prepare(const Request& request) {
    Search made = prepare_search(request);
    study::fit_to_table(made.settings);
    return made;
  }
  // Plans the table once the base network has its weights; nullopt where `stop` came.
  std::optional<table::Contents> plan(std::int64_t seeds) {
    if (!give_base_weights(search, evaluator, {}, stop)) return std::nullopt;
    return study::plan_table(search.settings, search.space, evaluator, search.start.graph.name, seeds, stop);
  }

  Search search;
  trial::Evaluator evaluator;
  engine::StopToken never;
  const engine::StopToken& stop;
  Progress* progress;
};

/// Names one training.
struct Run {
  std::int64_t candidate = 0, seed = 0;
};

// Trains candidates side by side, so that an interrupt leaves whole ones, and hands over what came of each.
void train_all(Workshop& workshop, const table::Contents& plan, const std::vector<Run>& runs, const std::string& label,
               const std::function<void(std::size_t, study::TableEntry)>& take) {
  ProgressCount count(workshop.progress,
                      {.label = label, .total = static_cast<std::int64_t>(runs.size()), .unit = "trainings"});
  trial::run_parallel(
      runs.size(), workshop.search.settings.n_jobs, workshop.stop,
      [&](std::size_t i) {
        auto entry = study::train_entry(plan, workshop.evaluator, runs[i].candidate, runs[i].seed, workshop.stop);
        if (entry) take(i, std::move(*entry));
      },
      [&](std::size_t) { count.advance(); });
}

// Lists what the journal lacks.
std::vector<Run> missing_runs(const table::Contents& plan, const study::TableJournal& journal) {
  std::vector<Run> missing;
  for (std::size_t candidate = 0; candidate < plan.assignments.size(); ++candidate) {
    for (std::int64_t seed = 0; seed < plan.seeds; ++seed) {
      const auto number = static_cast<std::int64_t>(candidate);
      if (!journal.has(number, seed)) missing.push_back({number, seed});
    }
  }
  return missing;
}

// Spreads `count` candidates over a table.
std::vector<std::size_t> spread(std::size_t candidates, std::int64_t count) {
  const std::size_t wanted = count == 0 ? candidates : std::min(candidates, static_cast<std::size_t>(count));
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < wanted; ++i) list.push_back(i * candidates / wanted);
  return list;
}

// Takes the parts of a table that a check compares: the trainings of some candidates.
table::Contents part_of(const table::Contents& whole, const std::vector<std::size_t>& candidates) {
  table::Contents part;
  part.seeds = whole.seeds;
  const auto take = [&](const auto& from, auto& into, std::int64_t width) {
    for (const std::size_t candidate : candidates) {
      const auto first = from.begin() + static_cast<std::ptrdiff_t>(candidate) * width;
      into.insert(into.end(), first, first + width);
    }
  };
  for (const auto& [name, values] : whole.metrics) take(values, part.metrics[name], whole.seeds);
  for (const auto& [name, values] : whole.curves) take(values, part.curves[name], whole.seeds * whole.epochs);
  take(whole.values, part.values, whole.seeds * static_cast<std::int64_t>(whole.objectives.size()));
  return part;
}

template <typename Number>
bool same_bits(const std::vector<Number>& left, const std::vector<Number>& right) {
  return left.size() == right.size() &&
         std::ranges::equal(std::as_bytes(std::span(left)), std::as_bytes(std::span(right)));
}

template <typename Columns>
std::string different_column(const Columns& left, const Columns& right) {
  for (const auto& [name, values] : left) {
    const auto found = right.find(name);
    if (found == right.end() || !same_bits(values, found->second)) return name;
  }
  return {};
}

// Names what differs between the trainings of two tables; empty: nothing.
std::string difference(const table::Contents& stored, const table::Contents& here) {
  if (const std::string name = different_column(stored.metrics, here.metrics); !name.empty()) return name;
  if (const std::string name = different_column(stored.curves, here.curves); !name.empty()) return name;
  return same_bits(stored.values, here.values) ? std::string() : "values";
}

// A table takes long to train: one that is whole is not replaced unasked. `part` is what a cut-off run left.
void refuse_to_replace(const table::Files& files, const std::filesystem::path& part) {
  if (path_exists(part)) return;
  for (const std::filesystem::path& file : {files.arrays, files.document}) {
    if (!path_exists(file)) continue;
    throw UserError("--output", fmt::format("{} is there already: give another name, or remove it", file.string()));
  }
}

void check_is_of_study(const table::Contents& stored, const table::Contents& plan, const TableCheckOptions& options,
                       const Request& request) {
  const table::Facts& then = stored.facts;
  if (then.backend != plan.facts.backend || then.target != plan.facts.target) {
    throw UnsupportedError(fmt::format("{} was made by {} {}; here it is {} {}, and the bits of training depend on it",
                                       options.table, then.backend, then.target, plan.facts.backend,
                                       plan.facts.target));
  }
  if (table::plan_digest(stored) != table::plan_digest(plan)) {
    throw DataError(options.table, fmt::format("is not the table of {}: its study, data or network differs",
                                               request.config_path.string()));
  }
}

std::vector<StudyParameter> parameters_of(const table::Table& table) {
  std::vector<StudyParameter> parameters;
  for (const parameter::Parameter& each : table.space().parameters()) {
    parameters.push_back(
        {.name = each.name, .distributions = {std::make_shared<const parameter::Distribution>(each.distribution)}});
  }
  return parameters;
}

// Reads values of parameters: which parameter has which code.
std::vector<std::pair<std::size_t, double>> codes_of(const table::Table& table,
                                                     const std::vector<std::pair<std::string, std::string>>& values) {
  const std::vector<StudyParameter> parameters = parameters_of(table);
  std::vector<std::pair<std::size_t, double>> codes;
  for (const auto& [name, text] : values) {
    const StudyParameter& parameter = find_parameter(parameters, name);
    const storage::Parameter value = read_parameter(parameter, text);
    const auto index = static_cast<std::size_t>(&parameter - parameters.data());
    const auto code = parameter::code_of_internal(*parameter.distributions.front(), value.value);
    if (!code) throw UserError(parameter.name, fmt::format("cannot be {}", text));
    codes.emplace_back(index, *code);
  }
  return codes;
}

}  // namespace

std::optional<MadeTable> make_table(const Request& request, const TableOptions& options) {
  if (options.output.empty()) throw UserError("lathe table needs a place: give --output NAME");
  MadeTable made{.contents = {}, .files = table::files_of(options.output)};
  std::filesystem::path part = made.files.document;
  part.replace_extension(".part");
  refuse_to_replace(made.files, part);
  Workshop workshop(request, options.stop);
  if (options.begun) options.begun();
  const std::optional<table::Contents> plan = workshop.plan(options.seeds);
  if (!plan) return std::nullopt;
  const std::size_t trainings = plan->assignments.size() * static_cast<std::size_t>(options.seeds);
  study::TableJournal journal(part, table::plan_digest(*plan));
  log::info("Table of {} distinct candidates among {} points, {} seeds each: {} trainings, {} of them done",
            plan->assignments.size(), workshop.search.space.size_text(), options.seeds, trainings,
            journal.entries().size());
  train_all(workshop, *plan, missing_runs(*plan, journal), "table",
            [&](std::size_t, study::TableEntry entry) { journal.append(std::move(entry)); });
  if (journal.entries().size() < trainings) {
    log::warning("interrupted: {} of {} trainings are kept in {}; the same command goes on", journal.entries().size(),
                 trainings, journal.path().string());
    return std::nullopt;
  }
  made.contents = study::filled_table(*plan, workshop.search.settings, journal.entries());
  if (made.contents.metrics.empty()) {
    throw UserError("every training of this table diverged: " + journal.entries().front().reason);
  }
  table::write_table(made.contents, made.files.document);
  made.diverged =
      static_cast<std::size_t>(std::count_if(journal.entries().begin(), journal.entries().end(),
                                             [](const study::TableEntry& entry) { return entry.metrics.empty(); }));
  journal.remove();
  return made;
}

std::optional<TableCheck> check_table(const Request& request, const TableCheckOptions& options) {
  const table::Table stored = table::Table::load(options.table);
  Workshop workshop(request, options.stop);
  if (options.begun) options.begun();
  const std::optional<table::Contents> plan = workshop.plan(stored.contents().seeds);
  if (!plan) return std::nullopt;
  check_is_of_study(stored.contents(), *plan, options, request);
  const std::vector<std::size_t> candidates = spread(stored.candidates(), options.candidates);
  std::vector<Run> runs;
  for (const std::size_t candidate : candidates) {
    for (std::size_t seed = 0; seed < stored.seeds(); ++seed)
      runs.push_back({static_cast<std::int64_t>(candidate), static_cast<std::int64_t>(seed)});
  }
  std::vector<study::TableEntry> entries(runs.size());
  train_all(workshop, *plan, runs, "check",
            [&](std::size_t i, study::TableEntry entry) { entries[i] = std::move(entry); });
  if (workshop.stop.requested()) return std::nullopt;
  const std::string differs =
      difference(part_of(stored.contents(), candidates),
                 part_of(study::filled_table(*plan, workshop.search.settings, entries), candidates));
  if (!differs.empty()) {
    throw DataError(options.table, fmt::format("{} of {} candidates trained anew is not what the table says, bit for "
                                               "bit",
                                               differs, candidates.size()));
  }
  return TableCheck{.checked = candidates.size(), .candidates = stored.candidates(), .seeds = stored.seeds()};
}

std::vector<table::Objective> objectives_by(const table::Table& table, const std::optional<std::string>& by) {
  if (!by) return table.contents().objectives;
  std::vector<table::Objective> objectives;
  for (std::size_t begin = 0; begin <= by->size();) {
    const std::size_t end = std::min(by->find(',', begin), by->size());
    const std::string typed = by->substr(begin, end - begin);
    const metric::MetricKind* kind = metric::find_metric(typed);
    if (kind == nullptr) throw UserError("--by", fmt::format("\"{}\" is no metric", typed));
    table.mean(0, kind->name);  // says what there is
    objectives.push_back({kind->name, kind->larger_is_better ? Direction::kMaximize : Direction::kMinimize});
    begin = end + 1;
  }
  return objectives;
}

void sort_by(const table::Table& table, const table::Objective& objective, std::vector<std::size_t>& candidates) {
  const double sign = objective.direction == Direction::kMaximize ? -1 : 1;
  std::stable_sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
    const double left = sign * table.mean(a, objective.name).mean, right = sign * table.mean(b, objective.name).mean;
    return std::isnan(right) ? !std::isnan(left) : left < right;
  });
}

std::vector<std::size_t> find_candidates(const table::Table& table,
                                         const std::vector<std::pair<std::string, std::string>>& values,
                                         const table::Objective& objective) {
  std::vector<std::size_t> candidates = table.matching(codes_of(table, values));
  sort_by(table, objective, candidates);
  return candidates;
}

}  // namespace lathe::app
