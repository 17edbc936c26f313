#include "lathe/study/exhaustive/tabulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/space/summary.h"
#include "lathe/trial/constraint.h"
#include "lathe/trial/objective.h"

namespace lathe::study {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t kMostPoints = 1 << 24;
constexpr float kFloatBits = 32;

std::vector<table::Objective> objectives_of(const recipe::StudySettings& settings) {
  if (settings.objectives.size() != settings.directions.size()) return {{"sum", settings.directions.front()}};
  std::vector<table::Objective> objectives;
  for (std::size_t i = 0; i < settings.directions.size(); ++i) {
    objectives.push_back({settings.objectives[i].name, settings.directions[i]});
  }
  return objectives;
}

// A table travels without its data: that these are no real jets must stand in it, whatever name they were asked by.
std::string notice_of(const data::Fingerprint& data) {
  if (!data.notice.empty() || !data.source.starts_with("simulated jets")) return data.notice;
  return "These are simulated jets, not JSC.";
}

table::Facts facts_of(const recipe::StudySettings& settings, const space::SearchSpace& space,
                      const trial::Evaluator& evaluator, const std::string& model) {
  const data::Fingerprint& data = evaluator.runner().dataset().fingerprint;
  return {.model = model,
          .network = ir::to_text(space.base()),
          .runner = settings.runner_text() + (settings.threads > 1 ? fmt::format(" threads={}", settings.threads) : ""),
          .weights = evaluator.weights().text(),
          .dataset = data.dataset,
          .source = data.source,
          .notice = notice_of(data),
          .data_hash = data.hash,
          .train_rows = data.train_rows,
          .validation_rows = data.validation_rows,
          .seed = settings.seed};
}

/// Collects the distinct candidates of a space.
class Planner {
 public:
  Planner(const recipe::StudySettings& settings, const trial::Evaluator& evaluator, table::Contents& plan)
      : settings_(settings), evaluator_(evaluator), plan_(plan) {}

  void add(const parameter::Assignment& assignment) {
    plan_.candidate_of.push_back(-1);
    std::optional<trial::Prepared> prepared;
    try {
      prepared = evaluator_.prepare(assignment);
    } catch (const UserError&) {
      return fail();
    } catch (const UnsupportedError&) {
      return fail();
    }
    const auto [known, inserted] = known_.emplace(prepared->key, static_cast<std::int32_t>(plan_.assignments.size()));
    plan_.candidate_of.back() = known->second;
    if (inserted) add_candidate(*prepared);
  }

  void finish() const {
    if (plan_.assignments.empty()) std::rethrow_exception(failure_);
  }

 private:
  void fail() {
    if (!failure_) failure_ = std::current_exception();
  }

  void add_candidate(const trial::Prepared& prepared) {
    const std::vector<space::LayerSummary> layers = space::layer_summaries(prepared.candidate.graph);
    if (plan_.assignments.empty()) begin(prepared, layers);
    LATHE_CHECK_EQ(layers.size(), plan_.layers.size());
    plan_.assignments.push_back(prepared.candidate.assignment);
    for (const space::LayerSummary& layer : layers) {
      plan_.widths.push_back(static_cast<std::int32_t>(layer.width));
      plan_.weight_bits.push_back(static_cast<float>(layer.weight_bits.value_or(kFloatBits)));
      plan_.data_bits.push_back(static_cast<float>(layer.data_bits.value_or(kFloatBits)));
    }
    for (const auto& [name, value] : trial::analysis_metrics(settings_, prepared.candidate.graph)) {
      plan_.costs[name].push_back(value);
    }
    plan_.epochs = std::max(plan_.epochs, evaluator_.runner().epochs(prepared.candidate));
  }

  void begin(const trial::Prepared& prepared, const std::vector<space::LayerSummary>& layers) {
    for (const space::LayerSummary& layer : layers) plan_.layers.push_back(layer.node);
    plan_.facts.backend = prepared.backend->name();
    plan_.facts.target = prepared.backend->target();
  }

  const recipe::StudySettings& settings_;
  const trial::Evaluator& evaluator_;
  table::Contents& plan_;
  std::map<Digest, std::int32_t> known_;
  std::exception_ptr failure_;
};

void put_curves(const TableEntry& entry, std::size_t first, table::Contents& table) {
  for (std::size_t epoch = 0; epoch < entry.epochs.size(); ++epoch) {
    const trial::EpochResult& result = entry.epochs[epoch];
    const auto put = [&](const char* name, double value) {
      std::vector<float>& curve = table.curves[name];
      curve.resize(table.assignments.size() * static_cast<std::size_t>(table.seeds * table.epochs),
                   std::numeric_limits<float>::quiet_NaN());
      if (!std::isnan(value)) curve[first + epoch] = static_cast<float>(value);  // one NaN: the one that is there
    };
    put(table::kTrainLoss, result.train_loss);
    put(table::kValidationLoss, result.validation_loss);
    if (result.validation_accuracy) put(table::kValidationAccuracy, *result.validation_accuracy);
  }
}

}  // namespace

void fit_to_table(recipe::StudySettings& settings) {
  if (!settings.train) {
    throw UserError("search.strategy.eval_mode",
                    "a table is of trained candidates: set it to false, with [search.strategy.sw_runner.basic_train]");
  }
  for (const metric::MetricKind* kind : recipe::metrics_needed(settings)) {
    if (kind->source != metric::Source::kMeasured) continue;
    throw UserError(
        "search.strategy.metrics",
        fmt::format("{} is measured by a clock; a table holds only what is the same each time", kind->name));
  }
  settings.pruner.reset();
  settings.racing.reset();
  settings.constraints.clear();
  settings.repeats = 1;
  settings.timeout_seconds.reset();
  settings.trial_timeout_seconds.reset();
  settings.trial_memory_bytes.reset();
}

std::optional<table::Contents> plan_table(const recipe::StudySettings& settings, const space::SearchSpace& space,
                                          const trial::Evaluator& evaluator, const std::string& model,
                                          std::int64_t seeds, const engine::StopToken& stop) {
  const std::optional<std::uint64_t> places = space.parameters().count();
  if (!places || *places > kMostPoints || space.parameters().parameters().empty()) {
    throw UserError("search.search_space",
                    fmt::format("a table holds every candidate of a space of 2 to 2^24 points; this one has {}",
                                space.size_text()));
  }
  table::Contents plan{.facts = facts_of(settings, space, evaluator, model),
                       .space = space.parameters(),
                       .objectives = objectives_of(settings),
                       .seeds = seeds};
  Planner planner(settings, evaluator, plan);
  for (std::uint64_t place = 0; place < *places; ++place) {
    if (stop.requested()) return std::nullopt;
    planner.add(space.parameters().decode(place));
  }
  planner.finish();
  return plan;
}

std::optional<TableEntry> train_entry(const table::Contents& plan, trial::Evaluator& evaluator, std::int64_t candidate,
                                      std::int64_t seed, const engine::StopToken& stop) {
  TableEntry entry{.candidate = candidate, .seed = seed};
  const trial::Prepared prepared = evaluator.prepare(plan.assignments[static_cast<std::size_t>(candidate)]);
  const trial::Evaluation evaluation =
      evaluator.evaluate(prepared, static_cast<std::uint64_t>(seed), stop, entry.epochs);
  if (evaluation.interrupted) return std::nullopt;
  if (evaluation.out_of_memory) throw SystemError("train", "a candidate of the table", evaluation.reason);
  entry.reason = evaluation.reason;
  if (!evaluation.complete) return entry;
  for (const auto& [name, value] : evaluation.metrics) {
    if (!plan.costs.contains(name)) entry.metrics[name] = value;
  }
  return entry;
}

table::Contents filled_table(table::Contents plan, const recipe::StudySettings& settings,
                             const std::vector<TableEntry>& entries) {
  const auto seeds = static_cast<std::size_t>(plan.seeds);
  const std::size_t runs = plan.assignments.size() * seeds, objectives = plan.objectives.size();
  plan.values.assign(runs * objectives, kNan);
  for (const TableEntry& entry : entries) {
    const auto candidate = static_cast<std::size_t>(entry.candidate);
    const std::size_t run = candidate * seeds + static_cast<std::size_t>(entry.seed);
    put_curves(entry, run * static_cast<std::size_t>(plan.epochs), plan);
    if (entry.metrics.empty()) continue;
    std::map<std::string, double> metrics = entry.metrics;
    for (const auto& [name, value] : entry.metrics) {
      std::vector<double>& column = plan.metrics[name];
      column.resize(runs, kNan);
      if (!std::isnan(value)) column[run] = value;
    }
    for (const auto& [name, values] : plan.costs) metrics[name] = values[candidate];
    const trial::Scores scores = trial::score(settings, metrics);
    if (scores.reason.empty()) {
      std::copy(scores.values.begin(), scores.values.end(),
                plan.values.begin() + static_cast<std::ptrdiff_t>(run * objectives));
    }
  }
  return plan;
}

}  // namespace lathe::study
