#include <algorithm>
#include <chrono>

#include "lathe/base/profile.h"
#include "lathe/trial/evaluate.h"

namespace lathe::trial {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

std::int64_t Evaluator::evaluated_rows() const {
  const data::Samples& rows =
      settings_.evaluation.part == recipe::Part::kTrain ? dataset_->train : dataset_->validation;
  return std::min(rows.rows(), settings_.evaluation.num_samples.value_or(rows.rows()));
}

std::int64_t Evaluator::trained_rows() const { return training_dataset_->train.rows(); }

std::int64_t Evaluator::training_samples(const space::Candidate& candidate) const {
  if (!settings_.train) return 0;
  const engine::TrainSettings settings = train_settings_for(candidate);
  const std::int64_t rows = training_dataset_->train.rows();
  const std::int64_t steps = engine::planned_steps(settings, candidate.graph, rows);
  const std::int64_t most = settings.max_epochs > 0 && rows > 0 && settings.max_epochs > (std::int64_t{1} << 62) / rows
                                ? std::int64_t{1} << 62
                                : settings.max_epochs * rows;
  return std::min(steps * settings.batch_size * settings.accumulate_grad_batches, most);
}

Speed Evaluator::time_briefly(const Prepared& prepared, double seconds) const {
  const space::Candidate& candidate = prepared.candidate;
  Speed speed;
  const auto began = Clock::now();
  const auto session = prepared.backend->compile(candidate.graph, session_settings_for(candidate))->make_session();
  session->load(starting_state(prepared, 0));
  speed.start_seconds = seconds_since(began);
  if (settings_.train) {
    engine::StopToken limit;
    limit.set_deadline(Clock::now() +
                       std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
    const engine::RunIdentity identity{.seed = settings_.seed, .candidate = prepared.key.first_word(), .repeat = 0};
    const PhaseScope phase(Phase::kTrain);
    const engine::TrainReport report =
        engine::train(*session, candidate.graph, *training_dataset_, train_settings_for(candidate), identity, limit);
    if (report.samples > 0) speed.seconds_per_sample = report.wall_seconds / static_cast<double>(report.samples);
  }
  const data::Samples& samples =
      settings_.evaluation.part == recipe::Part::kTrain ? dataset_->train : dataset_->validation;
  const std::int64_t rows = std::min<std::int64_t>(evaluated_rows(), 16384);
  const PhaseScope phase(Phase::kEvaluate);
  const auto evaluation = Clock::now();
  session->evaluate(samples, 0, rows);
  if (rows > 0) speed.seconds_per_row = seconds_since(evaluation) / static_cast<double>(rows);
  return speed;
}

}  // namespace lathe::trial
