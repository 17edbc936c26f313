#include "lathe/app/search_record.h"

#include <algorithm>
#include <map>

#include "lathe/app/kept_weights.h"
#include "lathe/data/dataset.h"
#include "lathe/study/record.h"

namespace lathe::app {
namespace {

report::Metrics metrics(const trial::Evaluation& evaluation, bool hardware) {
  report::Metrics values;
  for (const auto& [name, value] : evaluation.metrics) {
    if (metric::find_metric(name)->hardware == hardware) values.emplace_back(name, value);
  }
  return values;
}

// Times are kept in microseconds: what a study says now and what is read from its database later is the same.
double seconds_between(storage::Time begin, storage::Time end) {
  using std::chrono::microseconds;
  return std::chrono::duration<double>(std::chrono::floor<microseconds>(end) - std::chrono::floor<microseconds>(begin))
      .count();
}

// Returns the share of the commonest class among the rows that the study evaluates on; 0 where nothing is classified.
double share_of_commonest_class(const SearchContext& context) {
  const recipe::EvaluationRunner& evaluation = context.settings->evaluation;
  const data::Samples& samples =
      evaluation.part == recipe::Part::kTrain ? context.dataset->train : context.dataset->validation;
  if (samples.labels.empty()) return 0;
  const std::int64_t rows =
      std::min(samples.rows(), evaluation.num_samples.value_or(samples.rows())) * samples.positions;
  std::map<std::int32_t, std::int64_t> counts;
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < rows; ++i) most = std::max(most, ++counts[samples.labels[static_cast<std::size_t>(i)]]);
  return rows > 0 ? static_cast<double>(most) / static_cast<double>(rows) : 0;
}

// Marks the trials whose accuracy is no better than naming the commonest class.
void mark_chance(const SearchContext& context, std::vector<report::TrialRecord>& trials) {
  const double share = share_of_commonest_class(context);
  for (report::TrialRecord& trial : trials) {
    const auto accuracy = report::find_metric(trial.software_metrics, "accuracy");
    trial.at_chance = accuracy && *accuracy <= share;
  }
}

// Adds to the record what is shown beside what the study worked with.
report::TrialRecord trial_record(const space::SearchSpace& space, const study::Trial& trial) {
  auto record = static_cast<const report::TrialRecord&>(trial);
  for (std::size_t i = 0; i < trial.assignment.size(); ++i) {
    if (trial.assignment[i] == parameter::kInactive) continue;
    const space::Dimension& dimension = space.dimensions()[i];
    record.choices.emplace_back(dimension.name, space::to_string(dimension.choice(trial.assignment[i])));
  }
  if (trial.started && trial.completed) record.seconds = seconds_between(*trial.started, *trial.completed);
  record.ruled_out = trial.state == TrialState::kPruned && trial.reports.empty();
  if (trial.evaluation) {
    record.software_metrics = metrics(*trial.evaluation, false);
    record.hardware_metrics = metrics(*trial.evaluation, true);
    record.standard_errors = {trial.evaluation->standard_errors.begin(), trial.evaluation->standard_errors.end()};
    record.spreads = {trial.evaluation->spreads.begin(), trial.evaluation->spreads.end()};
    const trial::Usage& usage = trial.evaluation->usage;
    record.device = trial::to_string(usage);
    record.planned_bytes = usage.planned_bytes;
    record.peak_bytes = usage.peak_bytes;
  }
  return record;
}

std::vector<std::pair<std::string, report::Scalar>> data_facts(const data::Fingerprint& data) {
  return {{"dataset", data.dataset},
          {"source", data.source},
          {"path", data.path},
          {"train_rows", data.train_rows},
          {"validation_rows", data.validation_rows},
          {"test_rows", data.test_rows},
          {"split_seed", static_cast<std::int64_t>(data.split_seed)},
          {"hash", data.hash}};
}

}  // namespace

report::StudyRecord study_record(const SearchContext& context, const study::StudyResult& result,
                                 const std::vector<study::FinalScore>& finals) {
  const recipe::StudySettings& settings = *context.settings;
  report::StudyRecord record{.name = settings.name,
                             .model = context.model,
                             .sampler = settings.sampler,
                             .seed = settings.seed,
                             .lag = settings.lag,
                             .backend = context.backend,
                             .target = context.target,
                             .accelerator = context.accelerator,
                             .threads_per_trial = settings.threads,
                             .precision = engine::to_string(settings.precision),
                             .weights = engine::to_string(settings.weights),
                             .space_size = context.space->size(),
                             .data = data_facts(context.dataset->fingerprint),
                             .preprocessing = data::to_json(context.dataset->preprocessing),
                             .notice = context.dataset->fingerprint.notice,
                             .settings = context.settings_document,
                             .end = study::to_string(result.end),
                             .reproducible = result.reproducible,
                             .wall_seconds = result.wall_seconds,
                             .best = result.best};
  if (context.profile != nullptr) record.profile = context.profile->totals();
  for (const recipe::Objective& objective : settings.objectives) {
    record.objectives.push_back({objective.name, objective.direction});
  }
  for (const Direction value : settings.directions) record.directions.push_back(value);
  for (const study::Trial& trial : result.trials) record.trials.push_back(trial_record(*context.space, trial));
  mark_chance(context, record.trials);
  for (const std::size_t index : study::trials_to_keep(result, settings)) {
    record.trials[index].weights = trial_weights_file(record.trials[index].number);
  }
  for (const study::FinalScore& score : finals) {
    record.finals.push_back({.number = score.number,
                             .scores = score.scores,
                             .losses = score.losses,
                             .mean_score = score.mean_score,
                             .standard_error = score.standard_error,
                             .mean_loss = score.mean_loss,
                             .regression = settings.task == data::Task::kRegression,
                             .reason = score.reason});
  }
  return record;
}

}  // namespace lathe::app
