#include "lathe/trial/prepare.h"

#include <gtest/gtest.h>

#include "study/small_problem.h"

namespace lathe::trial {
namespace {

using study::SmallProblem;
using study::trained_search;

const std::string kSearch = trained_search("n_trials = 1\n");

TEST(Preparer, KeysTellCandidatesAndWhatTheyBeginFromApart) {
  SmallProblem problem(kSearch);
  const Digest key = problem.prepare(3).key;
  EXPECT_EQ(problem.prepare(3).key, key);
  EXPECT_NE(problem.prepare(2).key, key);
  problem.evaluator.weights().start_from(
      std::make_shared<const engine::State>(engine::initial_state(problem.space.base(), 7, 7, 7)));
  EXPECT_NE(problem.prepare(3).key, key);
}

TEST(Preparer, ChoosesTheBackEndThatTheStudyNames) {
  SmallProblem problem(kSearch);
  EXPECT_EQ(problem.prepare(0).backend->name(), "dense");
  problem.settings.backend = "ref";
  EXPECT_EQ(problem.prepare(0).backend->name(), "ref");
}

TEST(Preparer, TheBaseIsACandidateOfItsOwn) {
  SmallProblem problem(kSearch);
  const Prepared base = problem.evaluator.preparer().base();
  EXPECT_EQ(base.candidate.graph, problem.space.base());
  EXPECT_EQ(problem.evaluator.preparer().base().key, base.key);
  EXPECT_NE(base.key, problem.prepare(3).key);
}

}  // namespace
}  // namespace lathe::trial
