#include "lathe/sampler/tpe.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "lathe/base/check.h"
#include "lathe/base/random.h"
#include "lathe/sampler/draw.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/parzen.h"
#include "lathe/sampler/tpe_split.h"

namespace lathe::sampler {
namespace {

/// Spaces up to this size are searched whole when all drawn candidates are known already.
constexpr std::uint64_t kEnumerated = 4096;
/// Rounds of fresh candidates, and then of uniform points, before the nearest free code is taken.
constexpr int kRounds = 8;
constexpr int kUniformTries = 64;

struct TpeOptions {
  std::optional<bool> multivariate;
  std::int64_t n_startup_trials = 10;
  std::int64_t n_ei_candidates = 24;
  bool constant_liar = true;
  bool deduplicate = true;
};

const std::vector<config::Field<TpeOptions>>& tpe_fields() {
  static const std::vector<config::Field<TpeOptions>> fields{
      config::field("multivariate", &TpeOptions::multivariate,
                    "choose all parameters jointly; \"NA\": for one objective only"),
      config::field("n_startup_trials", &TpeOptions::n_startup_trials, "random trials before the model is used",
                    config::at_least(0)),
      config::field("n_ei_candidates", &TpeOptions::n_ei_candidates, "candidates drawn per trial", config::at_least(1)),
      config::field("constant_liar", &TpeOptions::constant_liar, "count the trials that still run as bad ones"),
      config::field("deduplicate", &TpeOptions::deduplicate, "never propose a point again")};
  return fields;
}

/// Holds what one proposal may know.
struct Known {
  std::span<const FinishedTrial> told;
  std::vector<const Assignment*> pending;
  std::unordered_set<std::uint64_t> pending_codes;
};

/// Scores assignments by log l(x) - log g(x).
class Model {
 public:
  Model(const std::vector<std::int64_t>& sizes, ParzenMixture good, ParzenMixture bad, bool joint)
      : good_(std::move(good)), bad_(std::move(bad)), joint_(joint) {
    if (joint_) return;
    for (std::size_t dimension = 0; dimension < sizes.size(); ++dimension) {
      good_marginals_.push_back(good_.marginal(dimension));
      bad_marginals_.push_back(bad_.marginal(dimension));
    }
  }

  Assignment draw(RandomStream& stream) const {
    if (joint_) return good_.draw(stream);
    Assignment assignment;
    for (const auto& density : good_marginals_) assignment.push_back(draw_choice(density, stream));
    return assignment;
  }

  double score(const Assignment& assignment) const {
    if (joint_) return good_.log_density(assignment) - bad_.log_density(assignment);
    double total = 0;
    for (std::size_t i = 0; i < assignment.size(); ++i) total += choice_score(i, assignment[i]);
    return total;
  }

  /// Takes the best candidate of each dimension by itself, as univariate TPE does.
  Assignment best_by_dimension(const std::vector<Assignment>& candidates) const {
    Assignment best = candidates.front();
    for (const auto& candidate : candidates) {
      for (std::size_t i = 0; i < best.size(); ++i) {
        if (choice_score(i, candidate[i]) > choice_score(i, best[i])) best[i] = candidate[i];
      }
    }
    return best;
  }

  bool joint() const { return joint_; }

 private:
  double choice_score(std::size_t dimension, double choice) const {
    const auto index = static_cast<std::size_t>(choice);
    return std::log(good_marginals_[dimension][index]) - std::log(bad_marginals_[dimension][index]);
  }

  static std::int32_t draw_choice(const std::vector<double>& density, RandomStream& stream) {
    double left = stream.uniform();
    for (std::size_t choice = 0; choice + 1 < density.size(); ++choice) {
      if (left < density[choice]) return static_cast<std::int32_t>(choice);
      left -= density[choice];
    }
    return static_cast<std::int32_t>(density.size()) - 1;
  }

  ParzenMixture good_, bad_;
  std::vector<std::vector<double>> good_marginals_, bad_marginals_;
  bool joint_;
};

class Tpe final : public Sampler {
 public:
  explicit Tpe(const SamplerSettings& settings)
      : seed_(settings.seed),
        space_(settings.space),
        directions_(settings.directions),
        options_(read_options(settings, tpe_fields())),
        joint_(options_.multivariate.value_or(settings.directions.size() == 1)) {
    LATHE_CHECK(!directions_.empty(), "a study needs an objective");
    for (std::size_t i = 0; i < space_.parameters().size(); ++i) sizes_.push_back(space_.size(i).value_or(0));
  }

  std::optional<Assignment> ask(std::int64_t number) override;
  void announce(std::int64_t number, const Assignment& assignment) override;
  void tell(const FinishedTrial& trial) override;

 private:
  Known known() const;
  std::optional<Assignment> propose(std::int64_t number, const Known& known) const;
  Model fit(const Known& known) const;
  bool is_free(const Assignment& assignment, const Known& known) const;
  bool exhausted(const Known& known) const;
  Assignment uniform_point(RandomStream& stream) const;
  Assignment free_uniform_point(RandomStream& stream, const Known& known) const;
  std::optional<Assignment> best_free(const std::vector<Assignment>& candidates, const Model& model,
                                             const Known& known) const;
  std::optional<Assignment> best_of_whole_space(const Model& model, const Known& known) const;

  std::uint64_t seed_;
  parameter::Space space_;
  std::vector<std::int64_t> sizes_;  ///< values per parameter
  std::vector<Direction> directions_;
  TpeOptions options_;
  bool joint_;
  std::vector<FinishedTrial> told_;
  std::unordered_map<std::uint64_t, std::size_t> first_told_;  ///< code -> index of the first trial at this point
  std::map<std::int64_t, Assignment> pending_;                 ///< announced and not told
};

std::optional<Assignment> Tpe::ask(std::int64_t number) { return propose(number, known()); }

void Tpe::announce(std::int64_t number, const Assignment& assignment) { pending_.emplace(number, assignment); }

void Tpe::tell(const FinishedTrial& trial) {
  pending_.erase(trial.number);
  first_told_.try_emplace(space_.encode(trial.assignment), told_.size());
  told_.push_back(trial);
}

Known Tpe::known() const {
  Known known{told_, {}, {}};
  for (const auto& [number, assignment] : pending_) {
    known.pending.push_back(&assignment);
    known.pending_codes.insert(space_.encode(assignment));
  }
  return known;
}

bool Tpe::is_free(const Assignment& assignment, const Known& known) const {
  const std::uint64_t code = space_.encode(assignment);
  if (known.pending_codes.contains(code)) return false;
  const auto found = first_told_.find(code);
  return found == first_told_.end() || found->second >= known.told.size();
}

bool Tpe::exhausted(const Known& known) const {
  if (!space_.count() || *space_.count() > first_told_.size() + known.pending_codes.size()) return false;
  for (std::uint64_t code = 0; code < *space_.count(); ++code) {
    if (is_free(space_.decode(code), known)) return false;
  }
  return true;
}

Assignment Tpe::uniform_point(RandomStream& stream) const { return draw_assignment(space_, stream); }

Assignment Tpe::free_uniform_point(RandomStream& stream, const Known& known) const {
  Assignment assignment = uniform_point(stream);
  if (!options_.deduplicate) return assignment;
  for (int attempt = 0; attempt < kUniformTries && !is_free(assignment, known); ++attempt)
    assignment = uniform_point(stream);
  while (!is_free(assignment, known) && space_.count()) {
    assignment = space_.decode((space_.encode(assignment) + 1) % *space_.count());
  }
  return assignment;
}

Model Tpe::fit(const Known& known) const {
  const auto counted =
      static_cast<std::size_t>(std::count_if(known.told.begin(), known.told.end(), [](const auto& trial) {
        return trial.state == TrialState::kComplete || trial.state == TrialState::kPruned;
      }));
  const TpeSplit split = split_trials(known.told, directions_, good_count(counted, directions_.size()));
  std::vector<const Assignment*> good, bad;
  for (const std::size_t index : split.below) good.push_back(&known.told[index].assignment);
  for (const std::size_t index : split.above) bad.push_back(&known.told[index].assignment);
  if (options_.constant_liar) bad.insert(bad.end(), known.pending.begin(), known.pending.end());
  auto good_weights = directions_.size() == 1 ? recency_weights(good.size()) : equal_weights(good.size());
  auto bad_weights = recency_weights(bad.size());
  return Model(sizes_, ParzenMixture(sizes_, good, std::move(good_weights)),
               ParzenMixture(sizes_, bad, std::move(bad_weights)), joint_);
}

/// Returns the best-scored candidate that is free (the first of equals); any candidate is free with deduplicate =
/// false.
std::optional<Assignment> Tpe::best_free(const std::vector<Assignment>& candidates, const Model& model,
                                                const Known& known) const {
  std::optional<Assignment> best;
  double best_score = -std::numeric_limits<double>::infinity();
  for (const auto& candidate : candidates) {
    if (options_.deduplicate && !is_free(candidate, known)) continue;
    const double score = model.score(candidate);
    if (best && !(score > best_score)) continue;
    best = candidate;
    best_score = score;
  }
  return best;
}

std::optional<Assignment> Tpe::best_of_whole_space(const Model& model, const Known& known) const {
  if (!space_.count() || *space_.count() > kEnumerated) return std::nullopt;
  std::vector<Assignment> points;
  for (std::uint64_t code = 0; code < *space_.count(); ++code) points.push_back(space_.decode(code));
  return best_free(points, model, known);
}

std::optional<Assignment> Tpe::propose(std::int64_t number, const Known& known) const {
  if (options_.deduplicate && exhausted(known)) return std::nullopt;
  RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler tpe");
  const auto ended = std::count_if(known.told.begin(), known.told.end(), [](const auto& trial) {
    return trial.state == TrialState::kComplete || trial.state == TrialState::kPruned;
  });
  if (ended < options_.n_startup_trials || sizes_.empty()) return free_uniform_point(stream, known);

  const Model model = fit(known);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Assignment> candidates;
    for (std::int64_t i = 0; i < options_.n_ei_candidates; ++i) candidates.push_back(model.draw(stream));
    if (!model.joint()) {
      Assignment composed = model.best_by_dimension(candidates);
      if (!options_.deduplicate || is_free(composed, known)) return composed;
    }
    if (auto best = best_free(candidates, model, known)) return best;
    if (auto best = best_of_whole_space(model, known)) return best;
  }
  return free_uniform_point(stream, known);
}

std::unique_ptr<Sampler> make(const SamplerSettings& settings) { return std::make_unique<Tpe>(settings); }

}  // namespace

SamplerKind tpe_kind() {
  return {.name = "tpe",
          .aliases = {"tpesampler"},
          .description = "tree-structured Parzen estimator: learns which choices go with good values",
          .options = describe(tpe_fields()),
          .make = make};
}

}  // namespace lathe::sampler
