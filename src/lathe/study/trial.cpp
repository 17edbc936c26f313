#include "lathe/study/trial.h"

#include <algorithm>
#include <map>
#include <set>

namespace lathe::study {

bool Trial::feasible() const {
  if (standing) return standing->meets;
  return std::all_of(constraints.begin(), constraints.end(), [](double constraint) { return constraint <= 0; });
}

sampler::FinishedTrial Trial::finished() const {
  return {.number = number,
          .assignment = assignment,
          .state = state,
          .values = state == TrialState::kComplete ? values : std::vector<double>{},
          .constraints = constraints,
          .reports = reports,
          .point_failed = state == TrialState::kFail && trial::is_of_candidate(failure)};
}

bool comes_first(const Trial& left, const Trial& right, Direction direction) {
  const double a = left.values.front(), b = right.values.front();
  if (a != b) return direction == Direction::kMaximize ? a > b : a < b;
  return left.number < right.number;
}

std::vector<std::size_t> best_trials(const std::vector<Trial>& trials, const std::vector<Direction>& directions) {
  std::vector<std::size_t> complete;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == TrialState::kComplete && trials[i].feasible()) complete.push_back(i);
  }
  if (complete.empty()) return {};
  if (directions.size() == 1) {
    return {*std::min_element(complete.begin(), complete.end(), [&](std::size_t a, std::size_t b) {
      return comes_first(trials[a], trials[b], directions.front());
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

std::vector<std::size_t> trials_with_weights(const std::vector<const Trial*>& trials,
                                             const std::vector<std::size_t>& best,
                                             const std::vector<Direction>& directions,
                                             std::optional<std::int64_t> keep_best) {
  std::map<std::vector<double>, std::size_t> first;
  for (const std::size_t index : best) {
    const Trial& trial = *trials[index];
    const auto [found, inserted] = first.emplace(trial.standing ? trial.standing->means : trial.values, index);
    if (!inserted && trial.number < trials[found->second]->number) found->second = index;
  }
  std::set<std::size_t> kept;
  for (const auto& [values, index] : first) kept.insert(index);
  const auto most = static_cast<std::size_t>(keep_best.value_or(0));
  for (const std::size_t index : ranked_trials(trials, directions, most)) kept.insert(index);
  return {kept.begin(), kept.end()};
}

}  // namespace lathe::study
