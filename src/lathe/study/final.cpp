#include "lathe/study/final.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/trial/parallel.h"

namespace lathe::study {
namespace {

void summarise(FinalScore& score) {
  const double count = static_cast<double>(score.scores.size());
  if (count == 0) return;
  score.mean_score = std::accumulate(score.scores.begin(), score.scores.end(), 0.0) / count;
  score.mean_loss = std::accumulate(score.losses.begin(), score.losses.end(), 0.0) / count;
  double squares = 0;
  for (const double value : score.scores) squares += (value - score.mean_score) * (value - score.mean_score);
  score.standard_error = count > 1 ? std::sqrt(squares / (count - 1) / count) : std::nan("");
}

// Lists the trials to choose from: the front, or with one objective every complete trial that meets the constraints.
std::vector<std::size_t> contenders(const recipe::StudySettings& settings, const StudyResult& result) {
  if (settings.directions.size() > 1) return result.best;
  std::vector<std::size_t> complete;
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    if (result.trials[i].state == TrialState::kComplete && result.trials[i].feasible()) complete.push_back(i);
  }
  return complete;
}

// Chooses which trials are trained anew: distinct candidates, the first `top` by their first objective.
std::vector<std::size_t> finalists(const recipe::StudySettings& settings, const StudyResult& result) {
  std::vector<std::size_t> chosen;
  for (const std::size_t index : contenders(settings, result)) {
    const bool seen = std::any_of(chosen.begin(), chosen.end(), [&](std::size_t other) {
      return result.trials[other].key == result.trials[index].key;
    });
    if (!seen) chosen.push_back(index);
  }
  const double sign = settings.directions.front() == Direction::kMaximize ? -1 : 1;
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    return sign * result.trials[a].values.front() < sign * result.trials[b].values.front();
  });
  if (static_cast<std::int64_t>(chosen.size()) > settings.final.top) {
    chosen.resize(static_cast<std::size_t>(settings.final.top));
  }
  return chosen;
}

}  // namespace

std::vector<FinalScore> run_final(const recipe::StudySettings& settings, trial::Evaluator& evaluator,
                                  const StudyResult& result, const engine::StopToken& stop,
                                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::vector<std::size_t> chosen = finalists(settings, result);
  const auto first_repeat = static_cast<std::uint64_t>(settings.most_repeats());  // seeds that the search never saw
  const auto seeds = static_cast<std::size_t>(settings.final.seeds);
  const std::size_t runs = chosen.size() * seeds;
  std::vector<std::optional<engine::EvaluationResult>> results(runs);
  std::vector<std::string> reasons(runs);
  trial::run_parallel(
      runs, settings.n_jobs, stop,
      [&](std::size_t run) {
        try {
          const trial::Prepared prepared = evaluator.prepare(result.trials[chosen[run / seeds]].assignment);
          results[run] = evaluator.train_and_test(prepared, first_repeat + run % seeds, stop);
        } catch (const UserError& error) {
          reasons[run] = error.what();
        }
      },
      [&](std::size_t done) {
        if (progress) progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(runs));
      });

  std::vector<FinalScore> scores;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    FinalScore score{.number = result.trials[chosen[i]].number};
    for (std::size_t run = i * seeds; run < (i + 1) * seeds; ++run) {
      if (!reasons[run].empty())
        score.reason = reasons[run];
      else if (!results[run])
        score.reason = "interrupted";
      if (!results[run]) continue;
      score.scores.push_back(results[run]->regression() ? results[run]->r2() : results[run]->accuracy());
      score.losses.push_back(results[run]->loss());
    }
    summarise(score);
    scores.push_back(std::move(score));
  }
  return scores;
}

}  // namespace lathe::study
