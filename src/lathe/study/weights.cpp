#include "lathe/study/weights.h"

#include <fmt/format.h>

#include <map>

#include "lathe/metric/metric.h"
#include "lathe/trial/parallel.h"

namespace lathe::study {
namespace {

// Returns the metrics of the first seed.
const std::map<std::string, double>& first_metrics(const trial::Evaluation& evaluation) {
  return evaluation.repeats.empty() ? evaluation.metrics : evaluation.repeats.front();
}

void check_same_metrics(const Trial& trial, const std::map<std::string, double>& here) {
  for (const auto& [name, value] : first_metrics(*trial.evaluation)) {
    const metric::MetricKind* kind = metric::find_metric(name);
    if (kind == nullptr || kind->source == metric::Source::kMeasured) continue;
    const auto found = here.find(name);
    if (found != here.end() && found->second == value) continue;
    throw UserError(fmt::format("trial {} cannot be made again bit for bit: its {} was {}, here it is {}", trial.number,
                                name, value, found == here.end() ? "absent" : fmt::format("{}", found->second)));
  }
}

}  // namespace

trial::Evaluation evaluate_again(trial::Evaluator& evaluator, const Trial& trial, const engine::StopToken& stop) {
  const trial::Prepared prepared = evaluator.prepare(trial.assignment);
  if (prepared.key != trial.key) {
    throw UserError(
        fmt::format("trial {} cannot be made again: it is another candidate here (key {}, then {}): another "
                    "back end, SIMD target, data set or setting, or weights that are not there",
                    trial.number, prepared.key.to_hex().substr(0, 12), trial.key.to_hex().substr(0, 12)));
  }
  trial::Evaluation evaluation = evaluator.evaluate(prepared, 0, stop);
  if (evaluation.interrupted) return evaluation;
  if (!evaluation.complete) {
    throw UserError(fmt::format("trial {} cannot be made again: {}", trial.number, evaluation.reason));
  }
  check_same_metrics(trial, evaluation.metrics);
  return evaluation;
}

void restore_weights(const recipe::StudySettings& settings, trial::Evaluator& evaluator, StudyResult& result,
                     const engine::StopToken& stop, const std::function<bool(const Trial&)>& has,
                     const std::function<void(std::int64_t, std::int64_t)>& progress,
                     const std::function<void(const UserError&)>& failed) {
  std::map<Digest, std::vector<const Trial*>> by_key;  // equal candidates are evaluated once
  for (const std::size_t index : trials_to_keep(result, settings)) {
    const Trial& trial = result.trials[index];
    if (trial.evaluation && trial.key != Digest{} && !has(trial)) by_key[trial.key].push_back(&trial);
  }
  if (by_key.empty()) return;
  std::vector<std::vector<const Trial*>> missing;
  for (auto& [key, trials] : by_key) missing.push_back(std::move(trials));
  trial::run_parallel(
      missing.size(), settings.n_jobs, stop,
      [&](std::size_t i) {
        try {
          const auto state = evaluate_again(evaluator, *missing[i].front(), stop).state;
          for (const Trial* trial : missing[i]) trial->evaluation->state = state;
        } catch (const UserError& error) {
          if (!failed) throw;
          failed(error);
        }
      },
      [&](std::size_t done) { progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(missing.size())); });
}

}  // namespace lathe::study
