#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "lathe/sampler/acquisition.h"
#include "lathe/sampler/domination.h"
#include "lathe/sampler/draw.h"
#include "lathe/sampler/free_points.h"
#include "lathe/sampler/local_search.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/surrogate.h"
#include "lathe/sampler/target_scale.h"
#include "lathe/sampler/trainability.h"

namespace lathe::sampler {
namespace {

constexpr std::size_t kLeastObservations = 2;
constexpr std::size_t kBestStarts = 3;
constexpr std::size_t kRandomStarts = 2;
constexpr int kRandomPool = 64;
constexpr std::size_t kScored = 12;     ///< neighbours per step whose variance is computed
constexpr std::size_t kScoredTwo = 24;  ///< with several objectives
constexpr double kBeyondFront = 1;      ///< of the front's range
constexpr double kLeastRange = 1e-3;
constexpr double kLowest = -std::numeric_limits<double>::infinity();

struct GpOptions {
  std::optional<std::int64_t> n_startup_trials;
  std::int64_t max_observations = 500;
  bool deduplicate = true;
};

const std::vector<config::Field<GpOptions>>& gp_fields() {
  static const std::vector<config::Field<GpOptions>> fields{
      config::field(
          "n_startup_trials", &GpOptions::n_startup_trials,
          "trials of a Latin hypercube before the model is used; \"NA\": a fifth of the planned trials, 10 to 20",
          config::at_least(2)),
      config::field("max_observations", &GpOptions::max_observations,
                    "trials that the model keeps, the best and the newest; its cost grows with the cube",
                    config::between(20, 5000)),
      config::field("deduplicate", &GpOptions::deduplicate, "never propose a point again")};
  return fields;
}

/// Returns the logarithm of what is expected of objectives with these predictions.
using Improvement = std::function<double(std::span<const Normal>)>;

/// Scores by the improvement times the probability that the constraints are met and that the point does not fail.
class ModelAcquisition final : public Acquisition {
 public:
  ModelAcquisition(Improvement improvement, std::span<const GaussianProcess> objectives,
                   std::span<const GaussianProcess> constraints, const Trainability* trainability)
      : improvement_(std::move(improvement)),
        objectives_(objectives),
        constraints_(constraints),
        trainability_(trainability) {}

  double estimate(const Assignment& assignment) override { return value(assignment, false); }
  double score(const Assignment& assignment) override { return value(assignment, true); }

 private:
  double value(const Assignment& assignment, bool exact) {
    double total = 0;
    for (const GaussianProcess& constraint : constraints_) {
      const Normal normal = predict(constraint, assignment, exact);
      total += log_normal_cdf(-normal.mean / normal.deviation);
    }
    if (trainability_ != nullptr) {
      total += trainability_->log_weight(predict(trainability_->process(), assignment, exact));
    }
    if (!improvement_) return total;
    normals_.clear();
    for (const GaussianProcess& objective : objectives_) normals_.push_back(predict(objective, assignment, exact));
    return total + improvement_(normals_);
  }

  Normal predict(const GaussianProcess& process, const Assignment& assignment, bool exact) {
    process.query(assignment, query_);
    return {query_.mean, std::sqrt(exact ? process.variance(query_) : query_.variance_bound)};
  }

  Improvement improvement_;
  std::span<const GaussianProcess> objectives_, constraints_;
  const Trainability* trainability_;  ///< null: nothing failed
  GaussianProcess::Query query_;
  std::vector<Normal> normals_;
};

bool any_nan(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}

class Gp final : public Sampler {
 public:
  explicit Gp(const SamplerSettings& settings)
      : options_(read_options(settings, gp_fields())),
        startup_(options_.n_startup_trials.value_or(std::clamp<std::int64_t>(settings.n_trials / 5, 10, 20))),
        seed_(settings.seed),
        space_(settings.space),
        directions_(settings.directions),
        embedding_(space_),
        free_(space_, options_.deduplicate, seed_, "sampler gp order"),
        objectives_(space_, embedding_, loss_targets, static_cast<std::size_t>(options_.max_observations)),
        constraints_(space_, embedding_, constraint_targets, static_cast<std::size_t>(options_.max_observations)),
        trainability_(space_, embedding_, static_cast<std::size_t>(options_.max_observations)) {}
  Gp(const Gp&) = delete;  // the surrogates point to the space and the embedding
  Gp& operator=(const Gp&) = delete;

  std::optional<Assignment> ask(std::int64_t number) override {
    if (free_.exhausted()) return std::nullopt;
    RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler gp");
    if (number < startup_) return design_point(number, stream);
    if (objectives_.size() < kLeastObservations && !limits_known_) return free_.draw(stream);
    return modelled(stream);
  }

  void announce(std::int64_t number, const Assignment& assignment) override {
    free_.take(assignment);
    pending_.emplace(number, embedding_.embed(assignment));
  }

  void tell(const FinishedTrial& trial) override {
    pending_.erase(trial.number);
    std::vector<double> places = embedding_.embed(trial.assignment);
    if (is_constrained(trial)) constraints_.add(places, trial.constraints);
    trainability_.tell(trial, places);
    limits_known_ |= trial.point_failed || total_violation(trial) > 0;
    const std::optional<Losses> losses = observed(trial);
    if (!losses) return;
    known_.push_back({trial.assignment, total_violation(trial)});
    losses_.push_back(*losses);
    objectives_.add(std::move(places), *losses);
  }

 private:
  struct Known {
    Assignment assignment;
    double violation = 0;
  };

  /// All trials that have constraints have as many.
  bool is_constrained(const FinishedTrial& trial) const {
    if (trial.constraints.empty() || any_nan(trial.constraints)) return false;
    return constraints_.size() == 0 || constraints_.outputs() == trial.constraints.size();
  }

  std::optional<Losses> observed(const FinishedTrial& trial) const {
    if (trial.state == TrialState::kComplete && !trial.values.empty() && !any_nan(trial.values)) {
      return to_losses(trial.values, directions_);
    }
    if (trial.state != TrialState::kPruned || trial.reports.empty() || losses_.empty()) return std::nullopt;
    const std::vector<double>& last = trial.reports.back().values;
    if (last.size() != directions_.size() || any_nan(last)) return std::nullopt;
    Losses losses = to_losses(last, directions_);
    for (std::size_t i = 0; i < losses.size(); ++i) losses[i] = std::max(losses[i], median_loss(i));
    return losses;
  }

  double median_loss(std::size_t objective) const {
    std::vector<double> list;
    for (const Losses& losses : losses_) list.push_back(losses[objective]);
    const auto middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
    std::nth_element(list.begin(), middle, list.end());
    return *middle;
  }

  /// Returns point `number` of a Latin hypercube: every parameter takes its values evenly often.
  Assignment design_point(std::int64_t number, RandomStream& stream) {
    const auto count = static_cast<std::size_t>(startup_);
    Assignment point(space_.parameters().size(), parameter::kInactive);
    for (std::size_t i = 0; i < point.size(); ++i) {
      if (!space_.is_active(point, i)) continue;
      const auto values = space_.size(i);
      if (!values) {
        point[i] = draw_code(space_.parameters()[i].distribution, stream);
        continue;
      }
      std::vector<std::uint32_t> order(count);
      RandomStream design(seed_, {i}, "sampler gp design");
      random_permutation(design, order);
      const double share = (order[static_cast<std::size_t>(number)] + stream.uniform()) / static_cast<double>(count);
      point[i] = std::min(std::floor(share * static_cast<double>(*values)), static_cast<double>(*values - 1));
    }
    return free_.is_free(point) ? point : free_.draw(stream);
  }

  Assignment modelled(RandomStream& stream) {
    std::vector<std::vector<double>> pending;
    for (const auto& [number, places] : pending_) pending.push_back(places);
    if (objectives_.size() >= kLeastObservations) objectives_.update(pending);
    if (constraints_.size() > 0) constraints_.update(pending);
    if (trainability_.any_failed()) trainability_.update(pending);
    std::vector<std::size_t> feasible;
    for (std::size_t row = 0; row < objectives_.rows().size(); ++row) {
      if (known_[objectives_.rows()[row]].violation == 0) feasible.push_back(row);
    }
    const std::vector<std::size_t> best = feasible.empty() ? least_violating() : best_rows(feasible, stream);
    ModelAcquisition acquisition(feasible.empty() ? Improvement{} : improvement(feasible, stream),
                                 objectives_.processes(), constraints_.processes(),
                                 trainability_.any_failed() ? &trainability_ : nullptr);
    std::vector<Assignment> starts;
    for (const std::size_t row : best) starts.push_back(known_[objectives_.rows()[row]].assignment);
    add_random_starts(acquisition, stream, starts);
    const std::size_t scored = directions_.size() == 1 ? kScored : kScoredTwo;
    Assignment found = climb(space_, starts, scored, acquisition, free_, stream);
    return found.empty() ? free_.draw(stream) : found;
  }

  std::vector<std::size_t> least_violating() const {
    std::vector<std::size_t> rows(objectives_.rows().size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
      return known_[objectives_.rows()[a]].violation < known_[objectives_.rows()[b]].violation;
    });
    rows.resize(std::min(rows.size(), kBestStarts));
    return rows;
  }

  /// Returns the modelled objectives of some rows, [row][objective].
  std::vector<Losses> modelled_losses(const std::vector<std::size_t>& rows) const {
    std::vector<Losses> points(rows.size());
    for (std::size_t objective = 0; objective < directions_.size(); ++objective) {
      const std::vector<double> values = objectives_.smoothed(objective);
      for (std::size_t i = 0; i < rows.size(); ++i) points[i].push_back(values[rows[i]]);
    }
    return points;
  }

  /// Returns rows to climb from: the best of one objective, random members of the front of several.
  std::vector<std::size_t> best_rows(const std::vector<std::size_t>& feasible, RandomStream& stream) const {
    const std::vector<Losses> points = modelled_losses(feasible);
    std::vector<std::size_t> chosen;
    if (directions_.size() == 1) {
      std::vector<std::size_t> order(points.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
      order.resize(std::min(order.size(), kBestStarts));
      for (const std::size_t i : order) chosen.push_back(feasible[i]);
      return chosen;
    }
    const auto front = pareto_front(points, std::vector(directions_.size(), Direction::kMinimize));
    for (std::size_t i = 0; i < kBestStarts; ++i) chosen.push_back(feasible[front[stream.below(front.size())]]);
    return chosen;
  }

  Improvement improvement(const std::vector<std::size_t>& feasible, RandomStream& stream) const {
    const std::vector<Losses> points = modelled_losses(feasible);
    if (directions_.size() == 1) {
      const double best = (*std::min_element(points.begin(), points.end()))[0];
      return [best](std::span<const Normal> normals) {
        return log_expected_improvement(normals[0].mean, normals[0].deviation, best);
      };
    }
    if (directions_.size() == 2) {
      return [volume = hypervolume_below_front(points)](std::span<const Normal> normals) {
        return volume.log_improvement(normals[0], normals[1]);
      };
    }
    return [expected = ExpectedScalarImprovement(points, stream)](std::span<const Normal> normals) {
      return expected.log_improvement(normals);
    };
  }

  static ExpectedHypervolume hypervolume_below_front(const std::vector<Losses>& points) {
    const auto front = pareto_front(points, {Direction::kMinimize, Direction::kMinimize});
    Losses reference(2);
    for (std::size_t i = 0; i < 2; ++i) {
      double least = std::numeric_limits<double>::infinity();
      double most = kLowest;
      for (const std::size_t index : front) {
        least = std::min(least, points[index][i]);
        most = std::max(most, points[index][i]);
      }
      reference[i] = most + kBeyondFront * std::max(most - least, kLeastRange);
    }
    std::vector<ExpectedHypervolume::Point> pairs;
    for (const std::size_t index : front) pairs.emplace_back(points[index][0], points[index][1]);
    return {std::move(pairs), {reference[0], reference[1]}};
  }

  /// Adds the best of a pool of random points.
  void add_random_starts(Acquisition& acquisition, RandomStream& stream, std::vector<Assignment>& starts) const {
    std::vector<std::pair<double, Assignment>> pool;
    for (int i = 0; i < kRandomPool; ++i) {
      Assignment drawn = draw_assignment(space_, stream);
      const double estimate = acquisition.estimate(drawn);
      pool.emplace_back(estimate, std::move(drawn));
    }
    std::stable_sort(pool.begin(), pool.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < kRandomStarts; ++i) starts.push_back(std::move(pool[i].second));
  }

  GpOptions options_;
  std::int64_t startup_;
  std::uint64_t seed_;
  parameter::Space space_;
  std::vector<Direction> directions_;
  Embedding embedding_;
  FreePoints free_;
  std::map<std::int64_t, std::vector<double>> pending_;  ///< places of trials that are not told
  std::vector<Known> known_;                             ///< as objectives_ has them
  std::vector<Losses> losses_;
  Surrogate objectives_, constraints_;
  Trainability trainability_;
  bool limits_known_ = false;  ///< a point failed or broke a constraint
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) { return std::make_unique<Gp>(settings); }

}  // namespace

// Declares Bayesian optimisation with Gaussian processes (gaussian_process.h) on any space, finite, numeric or
// conditional. The first n_startup_trials form a Latin hypercube. Then the next trial maximises, by climbing along
// changes of one parameter (local_search.h) from the best trials and from random points: for one objective the
// logarithm of the expected improvement; for two the expected hypervolume improvement, exactly, below the front's
// worst values and its range beyond them; for more the expected improvement of a random Chebyshev scalarisation. Each
// constraint has a process of its own, and the logarithm of the probability that all are met is added; alone while no
// trial has met them. Trials in flight count as if they had returned what was predicted (kriging believer). A pruned
// trial counts with its last report, though not as better than the median; a failed one not at all. Nothing is
// repeated on a finite space unless `deduplicate = false`.
// A trial costs O(n^2), a fit O(n^3), n at most about max_observations: the best and the newest (surrogate.h).
// Deterministic to the bit on machines whose libm and instruction set are alike; single threaded.
SamplerKind gp_kind() {
  return {.name = "gp",
          .aliases = {"gaussian_process", "bayesian", "bayesian_optimisation", "gp_sampler"},
          .description = "Gaussian process with expected improvement; for costly trials, up to about a thousand",
          .options = describe(gp_fields()),
          .make = make};
}

}  // namespace lathe::sampler
