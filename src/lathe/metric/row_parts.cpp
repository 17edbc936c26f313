#include "lathe/metric/row_parts.h"

#include <algorithm>

#include "lathe/base/check.h"

namespace lathe::metric {
namespace {

// Most values that are predicted at a time.
constexpr std::int64_t kMostValues = 1 << 20;

std::size_t outputs_of(const RowsRequest& request) {
  return request.result.regression() ? request.result.squared_errors.size() : request.result.class_rows.size();
}

RowFacts facts_of(const RowsRequest& request, std::span<const double> target_means, std::size_t row) {
  const data::Samples& samples = request.samples;
  const auto positions = static_cast<std::size_t>(samples.positions);
  RowFacts facts{.result = request.result, .loss = request.loss};
  facts.rows = static_cast<double>(request.result.rows) / static_cast<double>(positions);
  facts.target_means = target_means;
  if (request.result.regression())
    facts.targets = std::span(samples.targets).subspan(row * target_means.size(), target_means.size());
  else
    facts.labels = std::span(samples.labels).subspan(row * positions, positions);
  return facts;
}

}  // namespace

std::vector<std::vector<float>> row_parts(engine::Session& session, const RowsRequest& request,
                                          std::span<const MetricKind* const> metrics) {
  const auto width = outputs_of(request) * static_cast<std::size_t>(request.samples.positions);
  const std::vector<double> means = engine::target_means(request.samples, request.first, request.count);
  const std::int64_t at_once = std::max<std::int64_t>(kMostValues / static_cast<std::int64_t>(width), 1);
  std::vector<std::vector<float>> parts(metrics.size());
  std::vector<float> outputs;
  for (std::int64_t begin = 0; begin < request.count; begin += at_once) {
    const std::int64_t count = std::min(at_once, request.count - begin);
    outputs.resize(static_cast<std::size_t>(count) * width);
    session.predict(request.samples, request.first + begin, count, outputs);
    for (std::int64_t i = 0; i < count; ++i) {
      RowFacts facts = facts_of(request, means, static_cast<std::size_t>(request.first + begin + i));
      const auto from = outputs.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * width);
      const std::vector<double> row(from, from + static_cast<std::ptrdiff_t>(width));
      facts.outputs = row;
      for (std::size_t k = 0; k < metrics.size(); ++k) {
        LATHE_CHECK(metrics[k]->row_part != nullptr, "metric {}", metrics[k]->name);
        parts[k].push_back(static_cast<float>(metrics[k]->row_part(facts)));
      }
    }
  }
  return parts;
}

}  // namespace lathe::metric
