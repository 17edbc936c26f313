#include "lathe/app/search_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "lathe/base/json.h"
#include "lathe/report/mase_files.h"
#include "lathe/study/exhaustive/exhaustive.h"

namespace lathe::app {
namespace {

std::int64_t option(const recipe::PrunerChoice& pruner, const char* name) {
  return pruner.options->find(name)->as_integer();
}

// Says after which epochs candidates may be dropped.
std::string stopping_text(const recipe::StudySettings& settings) {
  if (!settings.pruner || settings.pruner->name != "front") return "nothing";
  const recipe::PrunerChoice& pruner = *settings.pruner;
  std::vector<std::int64_t> epochs;
  for (std::int64_t epoch = option(pruner, "min_resource"); epoch < option(pruner, "max_resource");
       epoch *= option(pruner, "reduction_factor")) {
    epochs.push_back(epoch);
  }
  return fmt::format("after epochs {}, by bounds from {} candidates that run to their end", fmt::join(epochs, ", "),
                     report::count_text(option(pruner, "calibration")));
}

std::string count_of(const study::SpaceCount& count) {
  std::string text = fmt::format("{}{}", count.estimated ? "about " : "", report::count_text(count.distinct));
  if (count.repeated > 0) text += fmt::format("; {} points repeat one", report::count_text(count.repeated));
  if (count.impossible > 0) text += fmt::format("; {} describe no network", report::count_text(count.impossible));
  if (count.ruled_out > 0) text += fmt::format("; {} break a constraint", report::count_text(count.ruled_out));
  if (count.estimated) text += fmt::format(" (from {} points)", report::count_text(count.looked_at));
  return text;
}

std::string on_threads(double seconds, std::int64_t threads) {
  return fmt::format("{} on {} thread{}", duration_text(seconds), threads, threads == 1 ? "" : "s");
}

}  // namespace

std::string duration_text(double seconds) {
  const auto text = [](double value, const char* unit) {
    return value < 10 ? fmt::format("{:.1f} {}", value, unit) : fmt::format("{:.0f} {}", value, unit);
  };
  if (seconds < 1) return fmt::format("{:.2g} s", seconds);
  if (seconds < 100) return text(seconds, "s");
  if (seconds < 6000) return text(seconds / 60, "min");
  if (seconds < 48 * 3600.0) return text(seconds / 3600, "h");
  constexpr double kDay = 86400, kYear = 365.25 * kDay;
  return seconds < 2 * kYear ? text(seconds / kDay, "days") : fmt::format("{:.3g} years", seconds / kYear);
}

study::SearchPlan plan_search(const Search& search, trial::Evaluator& evaluator, const engine::StopToken& stop,
                              Progress* progress) {
  const auto task = begin_progress(progress, {.label = "plan", .unit = "points"});
  return study::make_plan(search.settings, search.space, evaluator, stop, [&](std::int64_t done, std::int64_t total) {
    task->set_total(total);
    task->set_done(done);
  });
}

std::string plan_table(const Search& search, const study::SearchPlan& plan, const report::TableStyle& style) {
  report::Table table({{"exhaustive search", report::Alignment::kLeft, 0}, {"plan", report::Alignment::kLeft, 0}});
  table.add_row({"points of the space", report::count_text(plan.count.points)});
  table.add_row({"distinct candidates", count_of(plan.count)});
  table.add_row({search.settings.train ? "one training" : "one evaluation",
                 fmt::format("{} to {}, mean {} ({} timed)", duration_text(plan.least_seconds),
                             duration_text(plan.largest_seconds), duration_text(plan.mean_seconds), plan.timed)});
  table.add_row({"everything, one seed", on_threads(plan.all_seconds, plan.threads)});
  if (plan.seeds > 1) {
    table.add_row({fmt::format("everything, {} seeds", plan.seeds), on_threads(plan.all_seeds_seconds, plan.threads)});
  }
  table.add_row({"stopped early", stopping_text(search.settings)});
  return table.to_string(style);
}

std::string plan_json(const Search& search, const study::SearchPlan& plan) {
  const nlohmann::ordered_json json = {{"schema_version", report::kSchemaVersion},
                                       {"points", plan.count.points},
                                       {"points_looked_at", plan.count.looked_at},
                                       {"distinct", plan.count.distinct},
                                       {"repeated", plan.count.repeated},
                                       {"impossible", plan.count.impossible},
                                       {"ruled_out", plan.count.ruled_out},
                                       {"estimated", plan.count.estimated},
                                       {"threads", plan.threads},
                                       {"seeds", plan.seeds},
                                       {"stopped_early", stopping_text(search.settings)},
                                       {"least_seconds", plan.least_seconds},
                                       {"mean_seconds", plan.mean_seconds},
                                       {"largest_seconds", plan.largest_seconds},
                                       {"all_seconds", plan.all_seconds},
                                       {"all_seeds_seconds", plan.all_seeds_seconds}};
  return dump_json(json, 2) + "\n";
}

void refuse_endless_search(const Search& search, trial::Evaluator& evaluator, const engine::StopToken& stop,
                           Progress* progress) {
  if (!search.settings.exhaustive || *search.space.size() <= study::kMostExhaustivePoints) return;
  const study::SearchPlan plan = plan_search(search, evaluator, stop, progress);
  if (stop.requested()) return;  // half a plan says nothing
  search.settings.exhaustive->table->fail(fmt::format(
      "the space has {} points, above the {} that an exhaustive search may have: training all of them would "
      "take about {}; narrow the space, or leave this table out and use a sampler",
      report::count_text(plan.count.points), report::count_text(study::kMostExhaustivePoints),
      on_threads(plan.all_seconds, plan.threads)));
}

}  // namespace lathe::app
