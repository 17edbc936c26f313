#include "lathe/study/exhaustive/tabulate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/sampler/hypervolume.h"
#include "lathe/study/compare/compare_run.h"
#include "lathe/study/exhaustive/table_journal.h"
#include "lathe/table/files.h"
#include "lathe/table/table.h"
#include "program.h"
#include "study/small_problem.h"

namespace lathe::study {
namespace {

constexpr std::int64_t kSeeds = 2;

std::string document() { return trained_search("n_trials = 6\n"); }

// Trains all that a plan holds, in the order of `first` before the others.
std::vector<TableEntry> all_entries(SmallProblem& problem, const table::Contents& plan, bool backwards = false) {
  std::vector<TableEntry> entries;
  const auto count = static_cast<std::int64_t>(plan.assignments.size()) * plan.seeds;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t run = backwards ? count - 1 - i : i;
    entries.push_back(*train_entry(plan, problem.evaluator, run / plan.seeds, run % plan.seeds, problem.stop));
  }
  return entries;
}

table::Contents plan_of(SmallProblem& problem) {
  fit_to_table(problem.settings);
  return *plan_table(problem.settings, problem.space, problem.evaluator, "small", kSeeds, problem.stop);
}

TEST(Tabulate, QueriesGiveWhatTrainingGives) {
  SmallProblem problem(document());
  const table::Contents plan = plan_of(problem);
  ASSERT_EQ(plan.assignments.size(), 6u);
  EXPECT_EQ(plan.epochs, 2);
  EXPECT_EQ(plan.layers, (std::vector<std::string>{"seq_blocks_0", "seq_blocks_2"}));
  const table::Table table(filled_table(plan, problem.settings, all_entries(problem, plan)));
  for (std::uint64_t place = 0; place < 6; ++place) {
    const trial::Prepared prepared = problem.prepare(place);
    const std::size_t candidate = *table.find(problem.space.parameters().decode(place));
    for (std::size_t seed = 0; seed < kSeeds; ++seed) {
      const trial::Evaluation trained = problem.evaluator.evaluate(prepared, seed, problem.stop);
      EXPECT_EQ(table.values(candidate, seed), trial::score(problem.settings, trained.metrics).values);
      for (const auto& [name, value] : trained.metrics) {
        const bool cost = table.contents().costs.contains(name);
        EXPECT_EQ(cost ? table.cost(candidate, name) : table.metric(candidate, seed, name), value) << name;
      }
      EXPECT_EQ(table.curve(candidate, seed, 1, table::kValidationAccuracy),
                static_cast<float>(trained.metrics.at("accuracy")));
      EXPECT_LT(table.curve(candidate, seed, 1, table::kTrainLoss), table.curve(candidate, seed, 0, table::kTrainLoss));
    }
  }
}

TEST(Tabulate, TheOrderOfTheTrainingsChangesNoBit) {
  SmallProblem problem(document());
  const table::Contents plan = plan_of(problem);
  const table::Encoded forwards = table::encode(filled_table(plan, problem.settings, all_entries(problem, plan)));
  const table::Encoded backwards =
      table::encode(filled_table(plan, problem.settings, all_entries(problem, plan, true)));
  EXPECT_EQ(forwards.arrays, backwards.arrays);
  EXPECT_EQ(forwards.document, backwards.document);
}

TEST(Tabulate, EqualNetworksAreOneCandidate) {
  std::string text = document();
  text.replace(text.find("[0.5, 1, 2]"), 11, "[1, 1.0001, 2]");  // 6 x 1.0001 channels are 6
  SmallProblem problem(text);
  const table::Contents plan = plan_of(problem);
  EXPECT_EQ(plan.assignments.size(), 4u);
  EXPECT_EQ(plan.candidate_of, (std::vector<std::int32_t>{0, 1, 0, 1, 2, 3}));
}

TEST(Tabulate, DivergedTrainingsAreNotNumbers) {
  SmallProblem problem(document());
  const table::Contents plan = plan_of(problem);
  std::vector<TableEntry> entries = all_entries(problem, plan);
  problem.settings.train->settings.learning_rate = 1e38;
  problem.settings.train->settings.optimizer.name = "sgd";
  entries[3] = *train_entry(plan, problem.evaluator, 1, 1, problem.stop);
  EXPECT_NE(entries[3].reason.find("diverged"), std::string::npos);
  const table::Table table(filled_table(plan, problem.settings, entries));
  EXPECT_TRUE(table.values(1, 1).empty());
  EXPECT_FALSE(table.values(1, 0).empty());
  EXPECT_TRUE(std::isnan(table.metric(1, "accuracy").mean));
}

TEST(Tabulate, StudiesThatNoTableCanHoldAreErrors) {
  SmallProblem problem(document() + "[search.strategy.metrics.latency]\nscale = 1.0\ndirection = \"minimize\"\n");
  EXPECT_THROW(fit_to_table(problem.settings), UserError);
  SmallProblem untrained(document());
  untrained.settings.train.reset();
  EXPECT_THROW(fit_to_table(untrained.settings), UserError);
}

TEST(TableJournal, GoesOnWhereItWasCutOff) {
  const lathe::testing::TemporaryFolder folder;
  const auto path = folder.path() / "small.part";
  SmallProblem problem(document());
  const table::Contents plan = plan_of(problem);
  const std::vector<TableEntry> entries = all_entries(problem, plan);
  {
    TableJournal journal(path, table::plan_digest(plan));
    for (std::size_t i = 0; i < 5; ++i) journal.append(entries[i]);
    EXPECT_THROW(TableJournal(path, table::plan_digest(plan)), UserError);  // one process at a time
  }
  std::ofstream(path, std::ios::app) << "{\"candidate\":2,\"seed\":1,\"metr";  // killed while it wrote
  {
    TableJournal journal(path, table::plan_digest(plan));
    EXPECT_EQ(journal.entries().size(), 5u);
    EXPECT_TRUE(journal.has(2, 0));
    EXPECT_FALSE(journal.has(2, 1));
    for (std::size_t i = 5; i < entries.size(); ++i) journal.append(entries[i]);
  }
  TableJournal journal(path, table::plan_digest(plan));
  const auto bytes = [&](const std::vector<TableEntry>& from) {
    return table::encode(filled_table(plan, problem.settings, from)).arrays;
  };
  EXPECT_EQ(bytes(journal.entries()), bytes(entries));
  journal.remove();
  EXPECT_FALSE(std::filesystem::exists(path));
}

// Holds a journal of all trainings.
class WholeTableJournal : public ::testing::Test {
 protected:
  WholeTableJournal() {
    TableJournal journal(path, table::plan_digest(plan));
    for (const TableEntry& entry : entries) journal.append(entry);
  }

  const lathe::testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "small.part";
  SmallProblem problem = SmallProblem(document());
  const table::Contents plan = plan_of(problem);
  const std::vector<TableEntry> entries = all_entries(problem, plan);
};

TEST_F(WholeTableJournal, MakesDamagedLinesAnew) {
  const std::string whole = read_text_file(path);
  const std::size_t first = whole.find('\n') + 1;
  for (std::size_t bit = 8 * first; bit < 8 * whole.size(); bit += 997) {
    std::string text = whole;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    write_text_file_atomically(path, text);
    {
      const log::Capture capture;
      TableJournal journal(path, table::plan_digest(plan));
      EXPECT_LT(journal.entries().size(), entries.size()) << bit;
      for (const TableEntry& entry : entries) {
        if (!journal.has(entry.candidate, entry.seed)) journal.append(entry);
      }
    }
    TableJournal journal(path, table::plan_digest(plan));
    EXPECT_EQ(table::encode(filled_table(plan, problem.settings, journal.entries())).arrays,
              table::encode(filled_table(plan, problem.settings, entries)).arrays);
  }
}

TEST_F(WholeTableJournal, ReadsLinesThatHaveNoChecksum) {
  std::istringstream lines(read_text_file(path));
  std::string old, line;
  for (std::getline(lines, old); std::getline(lines, line);) old += '\n' + line.substr(0, line.rfind('}') + 1);
  write_text_file_atomically(path, old + '\n');
  const log::Capture capture;
  EXPECT_EQ(TableJournal(path, table::plan_digest(plan)).entries().size(), entries.size());
  EXPECT_NE(capture.text().find("have no checksum (an older lathe made them)"), std::string::npos);
}

TEST(TableJournal, OfAnotherTableIsAnError) {
  const lathe::testing::TemporaryFolder folder;
  const auto path = folder.path() / "small.part";
  { const TableJournal journal(path, hash_text("one")); }
  EXPECT_THROW(TableJournal(path, hash_text("two")), UserError);
  EXPECT_NO_THROW(TableJournal(path, hash_text("one")));
}

/// Answers samplers from a table, as training the candidate with seed 0 would.
SharedOutcome looked_up(const table::Table& table, const space::Assignment& assignment) {
  Outcome outcome;
  if (const auto candidate = table.find(assignment)) outcome.values = table.values(*candidate, 0);
  if (!outcome.values.empty()) outcome.state = TrialState::kComplete;
  return std::make_shared<const Outcome>(outcome);
}

class BundledTable : public ::testing::Test {
 protected:
  ComparedRun run(const std::string& name, std::int64_t trials) const {
    const auto sampler = sampler::make_sampler(
        {.name = name, .seed = 1, .space = table.space(), .directions = table.directions(), .n_trials = trials});
    return run_sampler(
        *sampler, trials, 4, [&](const space::Assignment& x) { return looked_up(table, x); }, stop);
  }
  // The share of what all candidates dominate that those of a run dominate.
  double share(const ComparedRun& run) const {
    std::vector<std::vector<double>> all, found;
    for (std::size_t i = 0; i < table.candidates(); ++i) all.push_back(losses(table.values(i, 0)));
    std::vector<double> reference = all.front();
    for (const auto& point : all) {
      for (std::size_t i = 0; i < point.size(); ++i) reference[i] = std::max(reference[i], point[i]);
    }
    for (const ComparedTrial& trial : run.trials) found.push_back(losses(trial.outcome->values));
    return sampler::hypervolume(found, reference) / sampler::hypervolume(all, reference);
  }
  std::vector<double> losses(std::vector<double> values) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (table.directions()[i] == Direction::kMaximize) values[i] = -values[i];
    }
    return values;
  }

  table::Table table = table::Table::load(std::string(LATHE_SOURCE_DIR) + "/data/tables/jets");
  engine::StopToken stop;
};

TEST_F(BundledTable, HoldsTwoHundredCandidatesThatLearned) {
  EXPECT_GE(table.candidates(), 150u);
  EXPECT_GE(table.seeds(), 2u);
  EXPECT_NE(table.contents().facts.notice.find("simulated jets"), std::string::npos);
  double sum = 0;
  for (std::size_t i = 0; i < table.candidates(); ++i) sum += table.metric(i, "accuracy").mean;
  EXPECT_GT(sum / static_cast<double>(table.candidates()), 0.5);  // 0.2 is chance
  const auto folder = std::filesystem::path(LATHE_SOURCE_DIR) / "data/tables";
  EXPECT_LT(std::filesystem::file_size(folder / "jets.npz") + std::filesystem::file_size(folder / "jets.json"),
            200000u);
}

TEST_F(BundledTable, BruteForceFindsAllOfItAndSamplersMostOfItsFront) {
  const ComparedRun everything = run("brute_force", 100000);
  std::set<std::size_t> seen;
  for (const ComparedTrial& trial : everything.trials) seen.insert(*table.find(trial.assignment));
  EXPECT_EQ(seen.size(), table.candidates());
  EXPECT_DOUBLE_EQ(share(everything), 1);
  for (const char* name : {"random", "tpe", "nsgaii", "gp"}) {
    const ComparedRun some = run(name, 60);
    EXPECT_EQ(some.trials.size(), 60u);
    EXPECT_GT(share(some), 0.8) << name;
    EXPECT_LE(share(some), 1) << name;
  }
}

}  // namespace
}  // namespace lathe::study
