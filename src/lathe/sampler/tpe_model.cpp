#include "lathe/sampler/tpe_model.h"

#include <cmath>
#include <limits>

namespace lathe::sampler {
namespace {

class MarginalModel final : public TpeModel {
 public:
  MarginalModel(const TpeHistory& history, std::size_t parameter, const GoodTrials& good, const ParzenRules& rules)
      : good_(history.axis(parameter), history.counts(parameter, good.rows, good.weights), rules),
        bad_(history.axis(parameter), history.bad_counts(parameter), rules),
        scores_(static_cast<std::size_t>(history.axis(parameter).size()), std::numeric_limits<double>::quiet_NaN()) {}

  void draw(RandomStream& stream, std::span<double> codes) const override { good_.draw(stream, codes); }

  PointColumns draw_points(RandomStream& stream, std::size_t count) const override {
    PointColumns points(1, std::vector<double>(count));
    good_.draw(stream, points.front());
    return points;
  }

  std::vector<double> score(const PointColumns& points) const override {
    std::vector<double> scores;
    scores.reserve(points.front().size());
    for (const double code : points.front()) {
      double& known = scores_[static_cast<std::size_t>(code)];
      if (std::isnan(known)) known = good_.log_density(code) - bad_.log_density(code);
      scores.push_back(known);
    }
    return scores;
  }

 private:
  ParzenMarginal good_, bad_;
  mutable std::vector<double> scores_;  ///< [values] NaN: not computed yet
};

class JointModel final : public TpeModel {
 public:
  JointModel(const TpeHistory& history, const ParameterList& parameters, const GoodTrials& good,
             const ParzenRules& rules)
      : rows_(history.gather(parameters, good.rows, good.weights)),
        good_(history.sample(parameters, rows_), rules),
        bad_(history.bad_sample(parameters, bad_weights_), rules) {}

  void draw(RandomStream& stream, std::span<double> codes) const override { good_.draw(stream, codes); }

  PointColumns draw_points(RandomStream& stream, std::size_t count) const override {
    PointColumns points(rows_.codes.size(), std::vector<double>(count));
    std::vector<double> codes(points.size());
    for (std::size_t k = 0; k < count; ++k) {
      good_.draw(stream, codes);
      for (std::size_t i = 0; i < codes.size(); ++i) points[i][k] = codes[i];
    }
    return points;
  }

  std::vector<double> score(const PointColumns& points) const override {
    std::vector<double> scores = good_.log_density(points);
    const std::vector<double> bad = bad_.log_density(points);
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] -= bad[i];
    return scores;
  }

 private:
  ParzenRows rows_;
  std::vector<double> bad_weights_;
  ParzenMixture good_, bad_;
};

}  // namespace

std::unique_ptr<TpeModel> fit_model(const TpeHistory& history, const ParameterList& parameters, const GoodTrials& good,
                                    bool revision_3_1, bool joint) {
  const ParzenRules rules{.revision_3_1 = revision_3_1, .joint = joint, .parameters = parameters.size()};
  if (parameters.size() == 1 && history.is_counted(parameters.front())) {
    return std::make_unique<MarginalModel>(history, parameters.front(), good, rules);
  }
  return std::make_unique<JointModel>(history, parameters, good, rules);
}

}  // namespace lathe::sampler
