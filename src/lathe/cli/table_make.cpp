#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lathe/app/backends.h"
#include "lathe/app/search_setup.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/table_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/progress.h"
#include "lathe/study/exhaustive/table_journal.h"
#include "lathe/study/exhaustive/tabulate.h"
#include "lathe/table/files.h"
#include "lathe/trial/parallel.h"

namespace lathe::cli {
namespace {

constexpr std::int64_t kDefaultSeeds = 3;
constexpr std::int64_t kDefaultCandidates = 10;

/// Holds what a table is trained with.
struct Workshop {
  explicit Workshop(const Invocation& invocation)
      : search(prepare(invocation)),
        evaluator(search.settings, search.space, search.dataset, app::backends(), search.loaded) {}

  static app::Search prepare(const Invocation& invocation) {
    app::Search made = app::prepare_search(invocation);
    study::fit_to_table(made.settings);
    return made;
  }
  std::optional<table::Contents> plan(std::int64_t seeds) const {
    return study::plan_table(search.settings, search.space, evaluator, search.start.graph.name, seeds,
                             interrupt_token());
  }

  app::Search search;
  trial::Evaluator evaluator;
};

/// Names one training.
struct Run {
  std::int64_t candidate = 0, seed = 0;
};

// Trains what the journal lacks; candidates side by side, so that an interrupt leaves whole ones.
void train_missing(Workshop& workshop, const table::Contents& plan, study::TableJournal& journal) {
  std::vector<Run> missing;
  for (std::size_t candidate = 0; candidate < plan.assignments.size(); ++candidate) {
    for (std::int64_t seed = 0; seed < plan.seeds; ++seed) {
      const auto number = static_cast<std::int64_t>(candidate);
      if (!journal.has(number, seed)) missing.push_back({number, seed});
    }
  }
  report::ProgressBar bar({.label = "table", .total = static_cast<std::int64_t>(missing.size()), .unit = "trainings"});
  trial::run_parallel(
      missing.size(), workshop.search.settings.n_jobs, interrupt_token(),
      [&](std::size_t i) {
        auto entry =
            study::train_entry(plan, workshop.evaluator, missing[i].candidate, missing[i].seed, interrupt_token());
        if (entry) journal.append(std::move(*entry));
      },
      [&](std::size_t) { bar.advance(); });
}

ExitCode interrupted(const study::TableJournal& journal, std::size_t trainings) {
  log::warning("interrupted: {} of {} trainings are kept in {}; the same command goes on", journal.entries().size(),
               trainings, journal.path().string());
  return ExitCode::kInterrupted;
}

void report_made(const Invocation& invocation, const table::Contents& table, const table::Files& files,
                 std::size_t diverged) {
  if (invocation.json) {
    const nlohmann::ordered_json json{{"schema_version", table::kSchemaVersion},
                                      {"arrays", files.arrays.string()},
                                      {"document", files.document.string()},
                                      {"candidates", table.assignments.size()},
                                      {"seeds", table.seeds},
                                      {"epochs", table.epochs},
                                      {"diverged", diverged},
                                      {"notice", table.facts.notice}};
    print(dump_json(json, 2) + '\n');
    return;
  }
  print(fmt::format("{} candidates x {} seeds x {} epochs{}\n", table.assignments.size(), table.seeds, table.epochs,
                    diverged == 0 ? "" : fmt::format("; {} trainings diverged", diverged)));
  if (!table.facts.notice.empty()) print(table.facts.notice + '\n');
  print(fmt::format("Written to {} and {}; `lathe table show {}` shows its front\n", files.arrays.string(),
                    files.document.string(), files.document.stem().string()));
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

}  // namespace

ExitCode make_table(const Invocation& invocation) {
  const std::int64_t seeds = invocation.integer("--seeds", 1, kMostSeeds).value_or(kDefaultSeeds);
  if (!invocation.has("--output")) throw UserError("lathe table needs a place: give --output NAME");
  const table::Files files = table::files_of(*invocation.text("--output"));
  std::filesystem::path part = files.document;
  part.replace_extension(".part");
  refuse_to_replace(files, part);
  Workshop workshop(invocation);
  catch_interrupts();
  if (!app::give_base_weights(workshop.search, workshop.evaluator, {}, interrupt_token()))
    return ExitCode::kInterrupted;
  const std::optional<table::Contents> plan = workshop.plan(seeds);
  if (!plan) return ExitCode::kInterrupted;
  const std::size_t trainings = plan->assignments.size() * static_cast<std::size_t>(seeds);
  study::TableJournal journal(part, table::plan_digest(*plan));
  log::info("Table of {} distinct candidates among {} points, {} seeds each: {} trainings, {} of them done",
            plan->assignments.size(), workshop.search.space.size_text(), seeds, trainings, journal.entries().size());
  train_missing(workshop, *plan, journal);
  if (journal.entries().size() < trainings) return interrupted(journal, trainings);
  const table::Contents table = study::filled_table(*plan, workshop.search.settings, journal.entries());
  if (table.metrics.empty()) {
    throw UserError("every training of this table diverged: " + journal.entries().front().reason);
  }
  table::write_table(table, files.document);
  const auto diverged = std::count_if(journal.entries().begin(), journal.entries().end(),
                                      [](const study::TableEntry& entry) { return entry.metrics.empty(); });
  journal.remove();
  report_made(invocation, table, files, static_cast<std::size_t>(diverged));
  return ExitCode::kSuccess;
}

ExitCode check_table(const Invocation& invocation) {
  const table::Table stored = named_table(invocation);
  const std::string name = invocation.words[1];
  Workshop workshop(invocation);
  catch_interrupts();
  if (!app::give_base_weights(workshop.search, workshop.evaluator, {}, interrupt_token()))
    return ExitCode::kInterrupted;
  const std::optional<table::Contents> plan = workshop.plan(stored.contents().seeds);
  if (!plan) return ExitCode::kInterrupted;
  const table::Facts& then = stored.contents().facts;
  if (then.backend != plan->facts.backend || then.target != plan->facts.target) {
    throw UnsupportedError(fmt::format("{} was made by {} {}; here it is {} {}, and the bits of training depend on it",
                                       name, then.backend, then.target, plan->facts.backend, plan->facts.target));
  }
  if (table::plan_digest(stored.contents()) != table::plan_digest(*plan)) {
    throw DataError(name, fmt::format("is not the table of {}: its study, data or network differs",
                                      invocation.config_path.string()));
  }
  const std::vector<std::size_t> candidates =
      spread(stored.candidates(), invocation.integer("--candidates", 0).value_or(kDefaultCandidates));
  std::vector<study::TableEntry> entries(candidates.size() * stored.seeds());
  report::ProgressBar bar({.label = "check", .total = static_cast<std::int64_t>(entries.size()), .unit = "trainings"});
  trial::run_parallel(
      entries.size(), workshop.search.settings.n_jobs, interrupt_token(),
      [&](std::size_t i) {
        const auto candidate = static_cast<std::int64_t>(candidates[i / stored.seeds()]);
        const auto seed = static_cast<std::int64_t>(i % stored.seeds());
        if (auto entry = study::train_entry(*plan, workshop.evaluator, candidate, seed, interrupt_token())) {
          entries[i] = std::move(*entry);
        }
      },
      [&](std::size_t) { bar.advance(); });
  bar.finish();
  if (interrupt_token().requested()) return ExitCode::kInterrupted;
  const std::string differs =
      difference(part_of(stored.contents(), candidates),
                 part_of(study::filled_table(*plan, workshop.search.settings, entries), candidates));
  if (!differs.empty()) {
    throw DataError(name, fmt::format("{} of {} candidates trained anew is not what the table says, bit for bit",
                                      differs, candidates.size()));
  }
  print(fmt::format("{}: {} of {} candidates trained anew, {} seeds each: every bit as in the table\n", name,
                    candidates.size(), stored.candidates(), stored.seeds()));
  return ExitCode::kSuccess;
}

}  // namespace lathe::cli
