#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "lathe/base/check.h"
#include "lathe/base/random.h"
#include "lathe/sampler/draw.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/tpe_groups.h"
#include "lathe/sampler/tpe_history.h"
#include "lathe/sampler/tpe_model.h"
#include "lathe/sampler/tpe_options.h"
#include "lathe/sampler/tpe_split.h"

namespace lathe::sampler {
namespace {

/// Spaces up to this size are searched whole when all drawn candidates are known already.
constexpr std::uint64_t kEnumerated = 1024;
/// So many times as many points as are wanted may be drawn to find new ones.
constexpr std::int64_t kDrawsPerCandidate = 8;
constexpr int kUniformTries = 64;

/// Holds a model and the parameters that it decides.
struct Part {
  ParameterList parameters;
  std::unique_ptr<TpeModel> model;

  std::vector<double> score(const std::vector<Assignment>& points) const {
    PointColumns codes(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      for (const Assignment& point : points) codes[i].push_back(point[parameters[i]]);
    }
    return model->score(codes);
  }
};

/// Holds what was drawn for the parameters of a part.
struct Drawn {
  PointColumns points;
  std::vector<double> scores;

  void put(const Part& part, std::size_t point, Assignment& assignment) const {
    for (std::size_t i = 0; i < points.size(); ++i) assignment[part.parameters[i]] = points[i][point];
  }
};

class Tpe final : public Sampler {
 public:
  explicit Tpe(const SamplerSettings& settings)
      : seed_(settings.seed),
        space_(settings.space),
        objectives_(settings.directions.size()),
        options_(read_tpe_options(settings)),
        history_(space_, options_.is_3_1()),
        split_(settings.directions, options_.is_3_1()) {
    LATHE_CHECK(objectives_ > 0, "a study needs an objective");
  }

  std::optional<Assignment> ask(std::int64_t number) override;
  void announce(std::int64_t number, const Assignment& assignment) override;
  void tell(const FinishedTrial& trial) override;

 private:
  bool is_free(const Assignment& assignment) const {
    return !options_.deduplicate || !known_.contains(space_.encode(assignment));
  }
  bool exhausted() const { return options_.deduplicate && space_.count() && known_.size() >= *space_.count(); }
  void update_good();
  std::vector<Part> fit() const;
  std::optional<Assignment> propose(const std::vector<Part>& parts, RandomStream& stream) const;
  std::optional<Assignment> propose_whole(const Part& part, RandomStream& stream) const;
  std::optional<Assignment> propose_by_parts(const std::vector<Part>& parts, RandomStream& stream) const;
  std::optional<Assignment> best_of_whole_space(const std::vector<Part>& parts) const;
  Assignment uniform_point(RandomStream& stream) const;

  std::uint64_t seed_;
  parameter::Space space_;
  std::size_t objectives_;
  TpeOptions options_;
  TpeHistory history_;
  TpeSplit split_;
  ParameterGroups groups_;
  GoodTrials good_;
  bool good_is_current_ = true;
  std::size_t failed_ = 0;                                   ///< points: always bad, never good
  std::unordered_set<std::uint64_t> known_;                  ///< places of all trials announced so far
  std::unordered_map<std::int64_t, std::uint32_t> running_;  ///< announced and not told: number -> row
};

void Tpe::announce(std::int64_t number, const Assignment& assignment) {
  known_.insert(space_.encode(assignment));
  const std::uint32_t row = history_.append(assignment);
  running_.emplace(number, row);
  if (options_.counts_running()) history_.join(row);
}

void Tpe::tell(const FinishedTrial& trial) {
  if (!running_.contains(trial.number)) announce(trial.number, trial.assignment);
  const auto running = running_.find(trial.number);
  const std::uint32_t row = running->second;
  running_.erase(running);
  const bool counts = trial.point_failed || split_.counts(trial);
  if (counts && !options_.counts_running()) history_.join(row);
  if (!counts && options_.counts_running()) history_.leave(row);
  if (!counts) return;
  groups_.add(trial.assignment);
  good_is_current_ = false;
  if (trial.point_failed) {
    ++failed_;
  } else {
    split_.add(row, trial);
  }
}

void Tpe::update_good() {
  if (good_is_current_) return;
  good_is_current_ = true;
  std::vector<std::uint32_t> rows = split_.good(good_count(split_.size() + failed_, objectives_, options_.is_3_1()));
  std::vector<std::uint32_t> changed;
  std::set_difference(rows.begin(), rows.end(), good_.rows.begin(), good_.rows.end(), std::back_inserter(changed));
  for (const std::uint32_t row : changed) history_.leave(row);
  changed.clear();
  std::set_difference(good_.rows.begin(), good_.rows.end(), rows.begin(), rows.end(), std::back_inserter(changed));
  for (const std::uint32_t row : changed) history_.join(row);
  good_.weights = split_.good_weights(rows);
  good_.rows = std::move(rows);
}

std::vector<Part> Tpe::fit() const {
  std::vector<Part> parts;
  parts.reserve(space_.parameters().size());
  std::vector<bool> decided(space_.parameters().size(), false);
  const auto add = [&](const ParameterList& parameters, bool joint) {
    if (parameters.empty()) return;
    parts.push_back({parameters, fit_model(history_, parameters, good_, options_.is_3_1(), joint)});
    for (const std::size_t i : parameters) decided[i] = true;
  };
  if (options_.group) {
    for (const ParameterList& group : groups_.groups()) add(group, true);
  } else if (options_.joint(objectives_)) {
    add(groups_.common(), true);
  }
  for (std::size_t i = 0; i < decided.size(); ++i) {
    if (!decided[i]) add({i}, false);
  }
  return parts;
}

/// Where one model decides everything, points that are known are no candidates.
std::optional<Assignment> Tpe::propose_whole(const Part& part, RandomStream& stream) const {
  std::vector<Assignment> candidates;
  Assignment drawn(part.parameters.size());
  const std::int64_t most = kDrawsPerCandidate * options_.n_ei_candidates;
  for (std::int64_t i = 0; i < most && std::ssize(candidates) < options_.n_ei_candidates; ++i) {
    part.model->draw(stream, drawn);
    Assignment point = drawn;
    space_.deactivate(point);
    if (is_free(point)) candidates.push_back(drawn);
  }
  if (candidates.empty()) return std::nullopt;
  const std::vector<double> scores = part.score(candidates);
  Assignment best =
      candidates[static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin())];
  space_.deactivate(best);
  return best;
}

/// Takes the best draw of each part by itself; where that is known, the best of the points that were drawn.
std::optional<Assignment> Tpe::propose_by_parts(const std::vector<Part>& parts, RandomStream& stream) const {
  const auto count = static_cast<std::size_t>(options_.n_ei_candidates);
  std::vector<Drawn> drawn;
  drawn.reserve(parts.size());
  std::vector<double> totals(count, 0.0);
  Assignment point(space_.parameters().size());
  for (const Part& part : parts) {
    PointColumns points = part.model->draw_points(stream, count);
    std::vector<double> scores = part.model->score(points);
    drawn.push_back({std::move(points), std::move(scores)});
    const std::vector<double>& of_part = drawn.back().scores;
    drawn.back().put(part, static_cast<std::size_t>(std::max_element(of_part.begin(), of_part.end()) - of_part.begin()),
                     point);
    for (std::size_t k = 0; k < count; ++k) totals[k] += of_part[k];
  }
  space_.deactivate(point);
  if (is_free(point)) return point;

  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return totals[a] > totals[b]; });
  for (const std::size_t k : order) {
    for (std::size_t i = 0; i < parts.size(); ++i) drawn[i].put(parts[i], k, point);
    space_.deactivate(point);
    if (is_free(point)) return point;
  }
  return std::nullopt;
}

std::optional<Assignment> Tpe::best_of_whole_space(const std::vector<Part>& parts) const {
  if (!space_.count() || *space_.count() > kEnumerated || space_.conditional()) return std::nullopt;
  std::vector<Assignment> points;
  for (std::uint64_t place = 0; place < *space_.count(); ++place) {
    if (!known_.contains(place)) points.push_back(space_.decode(place));
  }
  if (points.empty()) return std::nullopt;
  std::vector<double> totals(points.size(), 0.0);
  for (const Part& part : parts) {
    const std::vector<double> scores = part.score(points);
    for (std::size_t k = 0; k < points.size(); ++k) totals[k] += scores[k];
  }
  return points[static_cast<std::size_t>(std::max_element(totals.begin(), totals.end()) - totals.begin())];
}

std::optional<Assignment> Tpe::propose(const std::vector<Part>& parts, RandomStream& stream) const {
  auto point = parts.size() == 1 ? propose_whole(parts.front(), stream) : propose_by_parts(parts, stream);
  return point ? point : best_of_whole_space(parts);
}

Assignment Tpe::uniform_point(RandomStream& stream) const {
  Assignment point = draw_assignment(space_, stream);
  for (int i = 0; i < kUniformTries && !is_free(point); ++i) point = draw_assignment(space_, stream);
  while (space_.count() && !is_free(point)) point = space_.decode((space_.encode(point) + 1) % *space_.count());
  return point;
}

std::optional<Assignment> Tpe::ask(std::int64_t number) {
  if (exhausted()) return std::nullopt;
  RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler tpe");
  if (static_cast<std::int64_t>(split_.size() + failed_) < options_.n_startup_trials || space_.parameters().empty()) {
    return uniform_point(stream);
  }
  update_good();
  if (auto point = propose(fit(), stream)) return point;
  return uniform_point(stream);
}

std::unique_ptr<Sampler> make(const SamplerSettings& settings) { return std::make_unique<Tpe>(settings); }

}  // namespace

// Declares the tree-structured Parzen estimator with the formulas and defaults of Optuna 5.0, or of 3.1 by `revision`:
// 10 random trials first, 24 candidates, good trials by tpe_split.h, densities by parzen.h. Multivariate (one
// objective): all parameters that every ended trial has are chosen jointly, the others each by itself. `group`: what
// always occurs together is chosen jointly. The trials that still run count as bad (constant liar). Deviations: a
// point that was proposed before is never proposed again on a finite space (the best-scored new candidate is taken;
// `deduplicate = false` restores repeats). In univariate mode equal numbers share their weight evenly between kernels
// of different width, where Optuna's order of ties is not defined. State is kept incrementally: with categorical
// parameters univariate asks do not look at the trials at all, joint ones cost a few operations per trial. About 200
// bytes per trial of 12 parameters.
SamplerKind tpe_kind() {
  return {.name = "tpe",
          .aliases = {"tpesampler"},
          .description = "tree-structured Parzen estimator: learns which choices go with good values",
          .options = describe(tpe_fields()),
          .make = make};
}

}  // namespace lathe::sampler
