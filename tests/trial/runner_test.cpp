#include "lathe/trial/runner.h"

#include <gtest/gtest.h>

#include "study/small_problem.h"

namespace lathe::trial {
namespace {

using study::small_dataset;
using study::SmallProblem;
using study::trained_search;

TEST(Runner, TrainsOnTrainingRowsAndEvaluatesValidationRows) {
  const SmallProblem problem(trained_search("n_trials = 1\n"));
  const auto dataset = small_dataset();
  const Runner runner(problem.settings, dataset);
  EXPECT_EQ(runner.training_dataset(), dataset);
  EXPECT_EQ(runner.trained_rows(), 640);
  EXPECT_EQ(&runner.evaluated_part(), &dataset->validation);
  EXPECT_EQ(runner.evaluated_rows(), 256);
  EXPECT_EQ(runner.evaluation_batch(), 32);
}

TEST(Runner, CountsWhatATrainingTakes) {
  SmallProblem problem(trained_search("n_trials = 1\n"));
  const Runner runner(problem.settings, small_dataset());
  const space::Candidate candidate = problem.prepare(0).candidate;
  EXPECT_EQ(runner.planned_steps(candidate), 2 * 20);
  EXPECT_EQ(runner.training_samples(candidate), 2 * 640);
  EXPECT_EQ(runner.epochs(candidate), 2);
  problem.settings.train->settings.num_samples = 700;  // the second epoch is not whole
  EXPECT_EQ(runner.planned_steps(candidate), 22);
  EXPECT_EQ(runner.training_samples(candidate), 22 * 32);
  EXPECT_EQ(runner.epochs(candidate), 2);
}

TEST(Runner, MakesSessionsThatFitTheLargerBatch) {
  SmallProblem problem(trained_search("n_trials = 1\n"));
  const Runner runner(problem.settings, small_dataset());
  const space::Candidate candidate = problem.prepare(0).candidate;
  problem.settings.train->settings.batch_size = 100;
  EXPECT_EQ(runner.session(candidate).batch_size, 100);
  EXPECT_TRUE(runner.session(candidate).training);
  problem.settings.train->settings.batch_size = 8;
  EXPECT_EQ(runner.session(candidate).batch_size, 32);
  problem.settings.train.reset();
  EXPECT_EQ(runner.session(candidate).batch_size, 32);
  EXPECT_FALSE(runner.session(candidate).training);
  EXPECT_EQ(runner.training_samples(candidate), 0);
}

TEST(Runner, ReadsThePartsThatTheStudyNames) {
  SmallProblem problem(trained_search("n_trials = 1\n"));
  problem.settings.train->part = recipe::Part::kValidation;
  problem.settings.evaluation = {.part = recipe::Part::kTrain, .num_samples = 50};
  const auto dataset = small_dataset();
  const Runner runner(problem.settings, dataset);
  EXPECT_EQ(runner.trained_rows(), 256);
  EXPECT_EQ(runner.training_dataset()->train.features, dataset->validation.features);
  EXPECT_EQ(&runner.evaluated_part(), &dataset->train);
  EXPECT_EQ(runner.evaluated_rows(), 50);
  const Prepared prepared = problem.prepare(0);
  const auto session =
      prepared.backend->compile(prepared.candidate.graph, runner.session(prepared.candidate))->make_session();
  session->load(engine::initial_state(prepared.candidate.graph, 0, 0, 0));
  EXPECT_EQ(runner.evaluate(*session).rows, 50);
}

}  // namespace
}  // namespace lathe::trial
