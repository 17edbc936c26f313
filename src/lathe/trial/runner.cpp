#include "lathe/trial/runner.h"

#include <algorithm>

#include "lathe/base/profile.h"

namespace lathe::trial {
namespace {

std::shared_ptr<const data::Dataset> dataset_trained_on(const recipe::StudySettings& settings,
                                                        const std::shared_ptr<const data::Dataset>& dataset) {
  if (!settings.train || settings.train->part == recipe::Part::kTrain) return dataset;
  auto swapped = std::make_shared<data::Dataset>();
  swapped->name = dataset->name;
  swapped->classes = dataset->classes;
  swapped->fingerprint = dataset->fingerprint;
  swapped->task = dataset->task;
  swapped->preprocessing = dataset->preprocessing;
  swapped->train = dataset->validation;
  return swapped;
}

}  // namespace

Runner::Runner(const recipe::StudySettings& settings, std::shared_ptr<const data::Dataset> dataset)
    : settings_(settings), dataset_(std::move(dataset)), training_dataset_(dataset_trained_on(settings, dataset_)) {}

const data::Samples& Runner::evaluated_part() const {
  return settings_.evaluation.part == recipe::Part::kTrain ? dataset_->train : dataset_->validation;
}

std::int64_t Runner::evaluated_rows() const {
  const std::int64_t rows = evaluated_part().rows();
  return std::min(rows, settings_.evaluation.num_samples.value_or(rows));
}

std::int64_t Runner::evaluation_batch() const {
  return std::min(settings_.batch_size, std::max<std::int64_t>(dataset_->validation.rows(), 1));
}

engine::TrainSettings Runner::training(const space::Candidate& candidate) const {
  engine::TrainSettings settings = settings_.train->settings;
  space::apply_training(candidate.training, settings);
  return settings;
}

engine::LossSettings Runner::loss(const space::Candidate& candidate) const {
  return settings_.train ? training(candidate).loss : settings_.loss;
}

engine::SessionSettings Runner::session(const space::Candidate& candidate) const {
  std::int64_t batch = evaluation_batch();
  if (settings_.train)
    batch = std::max(batch, engine::largest_batch(training(candidate), candidate.graph, trained_rows()));
  return {.batch_size = batch,
          .training = settings_.train.has_value(),
          .loss = loss(candidate),
          .threads = settings_.threads,
          .precision = settings_.precision};
}

std::int64_t Runner::planned_steps(const space::Candidate& candidate) const {
  return engine::planned_steps(training(candidate), candidate.graph, trained_rows());
}

std::int64_t Runner::training_samples(const space::Candidate& candidate) const {
  if (!settings_.train) return 0;
  const engine::TrainSettings settings = training(candidate);
  const std::int64_t rows = trained_rows();
  const std::int64_t steps = planned_steps(candidate);
  const std::int64_t most = settings.max_epochs > 0 && rows > 0 && settings.max_epochs > (std::int64_t{1} << 62) / rows
                                ? std::int64_t{1} << 62
                                : settings.max_epochs * rows;
  return std::min(steps * settings.batch_size * settings.accumulate_grad_batches, most);
}

std::int64_t Runner::epochs(const space::Candidate& candidate) const {
  engine::TrainSettings one = training(candidate);
  one.max_epochs = 1;
  one.max_steps.reset();
  one.num_samples.reset();
  const std::int64_t steps = engine::planned_steps(one, candidate.graph, trained_rows());
  return (planned_steps(candidate) + steps - 1) / steps;
}

engine::EvaluationResult Runner::evaluate(engine::Session& session) const {
  const PhaseScope phase(Phase::kEvaluate);
  return session.evaluate(evaluated_part(), 0, evaluated_rows());
}

}  // namespace lathe::trial
