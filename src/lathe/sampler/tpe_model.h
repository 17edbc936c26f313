#pragma once

#include <memory>
#include <vector>

#include "lathe/sampler/tpe_history.h"

namespace lathe::sampler {

/// Holds the good trials and what they weigh beside the prior's 1.
struct GoodTrials {
  std::vector<std::uint32_t> rows;  ///< ascending
  std::vector<double> weights;
};

/// Holds the codes of points: [parameter][point].
using PointColumns = std::vector<std::vector<double>>;

/// Models some parameters jointly: l, the density of the good trials, and g, that of the bad ones.
class TpeModel {
 public:
  virtual ~TpeModel() = default;
  /// Draws one code per parameter from l.
  virtual void draw(RandomStream& stream, std::span<double> codes) const = 0;
  /// Draws points from l.
  virtual PointColumns draw_points(RandomStream& stream, std::size_t count) const = 0;
  /// Returns log l - log g of points.
  virtual std::vector<double> score(const PointColumns& points) const = 0;
};

/// Fits a model to `parameters`. Trials that lack one of them do not count. `joint`: the parameters belong together
/// (also where there is just one), for rules that tell both cases apart. `history` must outlive the model.
std::unique_ptr<TpeModel> fit_model(const TpeHistory& history, const ParameterList& parameters, const GoodTrials& good,
                                    bool revision_3_1, bool joint);

}  // namespace lathe::sampler
