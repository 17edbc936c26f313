#include "lathe/study/trial.h"

#include <algorithm>
#include <set>

namespace lathe::study {

bool Trial::feasible() const {
  return std::all_of(constraints.begin(), constraints.end(), [](double constraint) { return constraint <= 0; });
}

sampler::FinishedTrial Trial::finished() const {
  return {.number = number,
          .assignment = assignment,
          .state = state,
          .values = state == TrialState::kComplete ? values : std::vector<double>{},
          .constraints = constraints,
          .reports = reports,
          .point_failed = state == TrialState::kFail && is_of_candidate(failure)};
}

std::vector<std::size_t> best_trials(const std::vector<Trial>& trials, const std::vector<Direction>& directions) {
  std::vector<std::size_t> complete;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == TrialState::kComplete && trials[i].feasible()) complete.push_back(i);
  }
  if (complete.empty()) return {};
  if (directions.size() == 1) {
    const double sign = directions.front() == Direction::kMaximize ? -1 : 1;
    return {*std::min_element(complete.begin(), complete.end(), [&](std::size_t a, std::size_t b) {
      const double left = sign * trials[a].values.front(), right = sign * trials[b].values.front();
      return left != right ? left < right : trials[a].assignment < trials[b].assignment;
    })};
  }
  std::vector<std::vector<double>> values;
  for (const std::size_t index : complete) values.push_back(trials[index].values);
  std::vector<std::size_t> best;
  for (const std::size_t position : sampler::pareto_front(values, directions)) best.push_back(complete[position]);
  return best;
}

std::vector<std::size_t> ranked_trials(const std::vector<const Trial*>& trials,
                                       const std::vector<Direction>& directions, std::size_t most) {
  std::vector<std::size_t> left, ranked;
  std::set<Digest> seen;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i]->state != TrialState::kComplete || !trials[i]->feasible()) continue;
    if (trials[i]->key == Digest{} || seen.insert(trials[i]->key).second) left.push_back(i);
  }
  while (!left.empty() && ranked.size() < most) {
    std::vector<std::vector<double>> values;
    for (const std::size_t index : left) values.push_back(trials[index]->values);
    const std::vector<std::size_t> front = sampler::pareto_front(values, directions);
    const std::set<std::size_t> taken(front.begin(), front.end());
    std::vector<std::size_t> behind;
    for (std::size_t i = 0; i < left.size(); ++i) (taken.contains(i) ? ranked : behind).push_back(left[i]);
    left = std::move(behind);
  }
  if (ranked.size() > most) ranked.resize(most);
  return ranked;
}

}  // namespace lathe::study
