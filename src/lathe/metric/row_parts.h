#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/metric/metric.h"

/// How the rows of an evaluation make up its metrics: what tells how far candidates that were evaluated on the same
/// rows differ by the choice of these rows.
namespace lathe::metric {

/// Says what was evaluated.
struct RowsRequest {
  const data::Samples& samples;
  std::int64_t first = 0, count = 0;  ///< rows whose parts are wanted; they are among those of `result`
  const engine::LossSettings& loss;
  const engine::EvaluationResult& result;
};

/// Returns, for each of the metrics, the part of each row: [metrics][count]. The metric is then, to first order, its
/// value plus the mean of the parts over all rows (its influence function: Hampel, JASA 69(346), 1974, section 2), and
/// over new rows it varies by the variance of the parts divided by their number. Predicts the rows again, a few at a
/// time. All metrics must have MetricKind::row_part.
std::vector<std::vector<float>> row_parts(engine::Session& session, const RowsRequest& request,
                                          std::span<const MetricKind* const> metrics);

}  // namespace lathe::metric
