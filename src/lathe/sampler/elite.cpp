#include "lathe/sampler/elite.h"

#include <algorithm>
#include <numeric>

#include "lathe/sampler/niche.h"

namespace lathe::sampler {
namespace {

/// Holds a selection before the rank that does not fit whole is cut.
struct Cut {
  std::vector<std::size_t> chosen;  ///< of the ranks that fit
  std::vector<std::size_t> last;    ///< the next rank
};

Cut cut_by_rank(const std::vector<ConstrainedPoint>& points, std::size_t count) {
  const std::vector<std::size_t> ranks = constrained_ranks(points);
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  Cut cut;
  for (std::size_t begin = 0; begin < order.size() && cut.chosen.size() < count;) {
    std::size_t end = begin;
    while (end < order.size() && ranks[order[end]] == ranks[order[begin]]) ++end;
    auto& where = cut.chosen.size() + (end - begin) <= count ? cut.chosen : cut.last;
    where.insert(where.end(), order.begin() + static_cast<std::ptrdiff_t>(begin),
                 order.begin() + static_cast<std::ptrdiff_t>(end));
    if (!cut.last.empty()) break;
    begin = end;
  }
  return cut;
}

bool all_measured(const std::vector<ConstrainedPoint>& points, const std::vector<std::size_t>& members) {
  return std::none_of(members.begin(), members.end(), [&](std::size_t i) { return points[i].losses.empty(); });
}

std::vector<Losses> losses_of(const std::vector<ConstrainedPoint>& points, const std::vector<std::size_t>& members) {
  std::vector<Losses> losses;
  for (const std::size_t member : members) losses.push_back(points[member].losses);
  return losses;
}

/// Orders mutually non-dominated points by crowding distance, the largest first. Ties in the order that Optuna's sorts
/// give them: the larger value of the last objective, then of the one before, ..., then the newer point first.
std::vector<std::size_t> by_crowding(const std::vector<Losses>& losses) {
  std::vector<std::size_t> order(losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::vector<double> distances = crowding_distances(losses);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (distances[a] != distances[b]) return distances[a] > distances[b];
    if (losses[a] == losses[b]) return a > b;
    return std::lexicographical_compare(losses[b].rbegin(), losses[b].rend(), losses[a].rbegin(), losses[a].rend());
  });
  return order;
}

std::vector<std::size_t> finished(std::vector<std::size_t> chosen) {
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

std::vector<std::size_t> elite_by_crowding(const std::vector<ConstrainedPoint>& points, std::size_t count) {
  Cut cut = cut_by_rank(points, count);
  if (cut.last.empty()) return finished(std::move(cut.chosen));
  if (all_measured(points, cut.last)) {
    std::vector<std::size_t> ordered;
    for (const std::size_t place : by_crowding(losses_of(points, cut.last))) ordered.push_back(cut.last[place]);
    cut.last = std::move(ordered);
  }
  for (std::size_t i = 0; cut.chosen.size() < count; ++i) cut.chosen.push_back(cut.last[i]);
  return finished(std::move(cut.chosen));
}

std::vector<std::size_t> elite_by_niches(const std::vector<ConstrainedPoint>& points, std::size_t count,
                                         const std::vector<Losses>& references, RandomStream& stream) {
  Cut cut = cut_by_rank(points, count);
  if (cut.last.empty()) return finished(std::move(cut.chosen));
  const std::size_t missing = count - cut.chosen.size();
  if (points[cut.last.front()].violation > 0) {
    cut.chosen.insert(cut.chosen.end(), cut.last.begin(), cut.last.begin() + static_cast<std::ptrdiff_t>(missing));
    return finished(std::move(cut.chosen));
  }
  std::vector<std::size_t> members = cut.chosen;
  members.insert(members.end(), cut.last.begin(), cut.last.end());
  const std::vector<std::size_t> filled =
      fill_niches(losses_of(points, members), cut.chosen.size(), missing, references, stream);
  for (const std::size_t member : filled) cut.chosen.push_back(members[member]);
  return finished(std::move(cut.chosen));
}

}  // namespace lathe::sampler
