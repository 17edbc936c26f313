#pragma once

#include <cstdint>
#include <memory>

#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"

namespace lathe::trial {

/// Says how the runners of a study treat a candidate: which rows are trained on and which evaluated, and with what
/// settings. Thread safe.
class Runner {
 public:
  /// `settings` must outlive it.
  Runner(const recipe::StudySettings& settings, std::shared_ptr<const data::Dataset> dataset);

  const data::Dataset& dataset() const { return *dataset_; }
  /// Returns the data set whose train part holds the rows trained on.
  const std::shared_ptr<const data::Dataset>& training_dataset() const { return training_dataset_; }
  /// Returns how many rows an epoch of training has.
  std::int64_t trained_rows() const { return training_dataset_->train.rows(); }
  /// Returns the part whose first evaluated_rows() rows are evaluated.
  const data::Samples& evaluated_part() const;
  std::int64_t evaluated_rows() const;
  /// Returns the rows of a batch of evaluation.
  std::int64_t evaluation_batch() const;

  /// Returns the settings with what a candidate chooses. The study must train.
  engine::TrainSettings training(const space::Candidate& candidate) const;
  /// Returns the loss of a candidate's training, or that of the study where it trains nothing.
  engine::LossSettings loss(const space::Candidate& candidate) const;
  engine::SessionSettings session(const space::Candidate& candidate) const;
  /// Returns how many samples the training of a candidate sees; 0 where the study does not train.
  std::int64_t training_samples(const space::Candidate& candidate) const;
  /// Returns how many epochs the training of a candidate begins. The study must train.
  std::int64_t epochs(const space::Candidate& candidate) const;
  /// Returns how many optimiser steps the training of a candidate plans. The study must train.
  std::int64_t planned_steps(const space::Candidate& candidate) const;

  /// Evaluates the rows of the study.
  engine::EvaluationResult evaluate(engine::Session& session) const;

 private:
  const recipe::StudySettings& settings_;
  std::shared_ptr<const data::Dataset> dataset_, training_dataset_;
};

}  // namespace lathe::trial
