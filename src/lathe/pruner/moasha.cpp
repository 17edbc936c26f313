#include <algorithm>

#include "lathe/pruner/options.h"
#include "lathe/pruner/pruner.h"
#include "lathe/pruner/rungs.h"
#include "lathe/sampler/domination.h"
#include "lathe/sampler/hypervolume.h"

namespace lathe::pruner {
namespace {

using sampler::Losses;

struct MoashaOptions : HalvingOptions {
  std::string ties = "crowding";
};

std::vector<config::Field<MoashaOptions>> moasha_fields() {
  std::vector<config::Field<MoashaOptions>> fields;
  for (const config::Field<HalvingOptions>& field : halving_fields()) {
    fields.push_back({field.name, field.type, field.allowed, field.description, field.read, field.show});
  }
  fields.push_back(config::choice_field("ties", &MoashaOptions::ties, {"crowding", "hypervolume"},
                                        "who goes on of those of one rank that do not all fit"));
  return fields;
}

// Returns the crowding distances of one front; equal points share that of one.
std::vector<double> shared_crowding(const std::vector<Losses>& front) {
  std::vector<Losses> distinct = front;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const std::vector<double> distances = sampler::crowding_distances(distinct);
  std::vector<double> of_all;
  for (const Losses& point : front) {
    const auto place = std::lower_bound(distinct.begin(), distinct.end(), point) - distinct.begin();
    of_all.push_back(distances[static_cast<std::size_t>(place)]);
  }
  return of_all;
}

class Moasha : public Pruner {
 public:
  Moasha(MoashaOptions options, std::vector<Direction> directions)
      : options_(std::move(options)), directions_(std::move(directions)) {}

  bool prune(std::int64_t /*number*/, std::span<const Report> own,
             std::span<const FinishedTrial> history) const override {
    const std::vector<const FinishedTrial*> competing = reporting(history);
    const std::optional<Rungs> rungs = Rungs::make(options_, competing);
    if (!rungs) return false;
    const std::size_t passed = rungs->entered(own.first(own.size() - 1)).size();
    if (has_nan(own.back())) return rungs->due(passed, own.back().step);
    const std::size_t reached = rungs->entered(own).size();
    std::vector<std::vector<Losses>> points(reached - passed);  // of the other trials, rung by rung
    for (const FinishedTrial* trial : competing) {
      const std::vector<const Report*> entered = rungs->entered(*trial);
      for (std::size_t rung = passed; rung < std::min(reached, entered.size()); ++rung) {
        points[rung - passed].push_back(sampler::to_losses(entered[rung]->values, directions_));
      }
    }
    const Losses self = sampler::to_losses(own.back().values, directions_);
    return std::any_of(points.begin(), points.end(),
                       [&](std::vector<Losses>& others) { return !goes_on(std::move(others), self); });
  }

 private:
  // Tells whether `self` is among the best 1 / reduction_factor of its rung.
  bool goes_on(std::vector<Losses> points, const Losses& self) const {
    points.push_back(self);
    const auto count = static_cast<std::int64_t>(points.size());
    if (count <= options_.bootstrap_count) return false;
    const auto places = static_cast<std::size_t>(std::max<std::int64_t>(count / options_.reduction_factor, 1));
    const std::vector<std::size_t> ranks = sampler::non_dominated_ranks(points);
    std::size_t better = 0;
    std::vector<Losses> equals;  // of its own rank; itself is the last
    for (std::size_t i = 0; i < points.size(); ++i) {
      better += ranks[i] < ranks.back() ? 1 : 0;
      if (ranks[i] == ranks.back()) equals.push_back(points[i]);
    }
    if (better >= places) return false;
    if (better + equals.size() <= places) return true;
    return options_.ties == "crowding" ? roomy(equals, places - better) : chosen(equals, places - better);
  }

  static bool roomy(const std::vector<Losses>& front, std::size_t places) {
    const std::vector<double> distances = shared_crowding(front);
    const auto better =
        std::count_if(distances.begin(), distances.end(), [&](double distance) { return distance > distances.back(); });
    return static_cast<std::size_t>(better) < places;
  }

  static bool chosen(const std::vector<Losses>& front, std::size_t places) {
    const std::vector<std::size_t> kept =
        sampler::select_by_hypervolume(front, places, sampler::reference_point(front));
    return std::any_of(kept.begin(), kept.end(), [&](std::size_t index) { return front[index] == front.back(); });
  }

  MoashaOptions options_;
  std::vector<Direction> directions_;
};

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  return std::make_unique<Moasha>(read_options(settings, moasha_fields()), settings.directions);
}

}  // namespace

// Asynchronous successive halving for several objectives (Schmucker, Donini, Zafar, Salinas, Archambeau,
// "Multi-objective asynchronous successive halving", 2021, arXiv:2106.12639): the trials of a rung are ranked by
// non-dominated sorting, those of one rank by crowding distance (Deb et al., NSGA-II, IEEE TEC 6(2), 2002) or by a
// greedy choice for hypervolume, and the best 1 / reduction_factor go on. (The paper breaks ties by epsilon-nets.)
// With one objective it decides as asha does.
PrunerKind moasha_kind() {
  return {.name = "moasha",
          .aliases = {"mo_asha", "multi_objective_asha"},
          .description = "asynchronous successive halving by non-dominated rank, for several objectives",
          .options = describe(moasha_fields()),
          .several_objectives = true,
          .make = make};
}

}  // namespace lathe::pruner
