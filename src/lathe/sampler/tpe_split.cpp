#include "lathe/sampler/tpe_split.h"

#include <algorithm>

#include "lathe/sampler/hypervolume.h"

namespace lathe::sampler {
namespace {

/// Orders the complete trials best first, as far as the first `count`.
std::vector<std::size_t> best_by_value(std::span<const FinishedTrial> trials, const std::vector<std::size_t>& complete,
                                       const std::vector<Direction>& directions, std::size_t count) {
  std::vector<std::pair<double, std::size_t>> losses;
  losses.reserve(complete.size());
  for (const std::size_t index : complete) {
    losses.emplace_back(directions.front() == Direction::kMaximize ? -trials[index].values[0] : trials[index].values[0],
                        index);
  }
  const auto middle = losses.begin() + static_cast<std::ptrdiff_t>(std::min(count, losses.size()));
  std::partial_sort(losses.begin(), middle, losses.end());
  std::vector<std::size_t> best;
  for (auto entry = losses.begin(); entry != middle; ++entry) best.push_back(entry->second);
  return best;
}

std::vector<std::size_t> best_by_rank(std::span<const FinishedTrial> trials, const std::vector<std::size_t>& complete,
                                      const std::vector<Direction>& directions, std::size_t count) {
  if (count >= complete.size()) return complete;
  std::vector<Losses> points;
  for (const std::size_t index : complete) points.push_back(to_losses(trials[index].values, directions));
  const std::vector<std::size_t> ranks = non_dominated_ranks(points);
  std::vector<std::size_t> best;
  for (std::size_t rank = 0; best.size() < count; ++rank) {
    std::vector<std::size_t> members;
    std::vector<Losses> member_points;
    for (std::size_t i = 0; i < complete.size(); ++i) {
      if (ranks[i] != rank) continue;
      members.push_back(complete[i]);
      member_points.push_back(points[i]);
    }
    const std::size_t wanted = std::min(count - best.size(), members.size());
    for (const std::size_t i : select_by_hypervolume(member_points, wanted, reference_point(member_points))) {
      best.push_back(members[i]);
    }
  }
  return best;
}

}  // namespace

TpeSplit split_trials(std::span<const FinishedTrial> trials, const std::vector<Direction>& directions,
                      std::size_t count) {
  std::vector<std::size_t> complete, pruned;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == TrialState::kComplete) complete.push_back(i);
    if (trials[i].state == TrialState::kPruned) pruned.push_back(i);
  }
  TpeSplit split;
  split.below = directions.size() == 1 ? best_by_value(trials, complete, directions, count)
                                       : best_by_rank(trials, complete, directions, count);
  const std::size_t missing = std::min(count - split.below.size(), pruned.size());
  split.below.insert(split.below.end(), pruned.begin(), pruned.begin() + static_cast<std::ptrdiff_t>(missing));
  std::sort(split.below.begin(), split.below.end());

  complete.insert(complete.end(), pruned.begin(), pruned.end());
  std::sort(complete.begin(), complete.end());
  std::set_difference(complete.begin(), complete.end(), split.below.begin(), split.below.end(),
                      std::back_inserter(split.above));
  return split;
}

std::size_t good_count(std::size_t n, std::size_t objectives) {
  const std::size_t tenth = (n + 9) / 10;
  return objectives == 1 ? std::min<std::size_t>(tenth, 25) : tenth;
}

}  // namespace lathe::sampler
