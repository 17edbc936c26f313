#include "lathe/metric/row_parts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/random.h"
#include "lathe/engine/loss_values.h"

namespace lathe::metric {
namespace {

// Answers each row with outputs that were given.
class RecordedSession : public engine::Session {
 public:
  explicit RecordedSession(std::vector<float> outputs) : outputs_(std::move(outputs)) {}

  void load(const engine::State&) override {}
  engine::State state() const override { return {}; }
  void set_optimizer(const engine::OptimizerSettings&) override {}
  engine::State optimizer_state() const override { return {}; }
  void load_optimizer_state(const engine::State&) override {}
  engine::BatchResult accumulate(const data::Samples&, std::span<const std::uint32_t>, double, std::uint64_t) override {
    return {};
  }
  void update(double) override {}
  engine::State gradients() const override { return {}; }
  engine::EvaluationResult evaluate(const data::Samples&, std::int64_t, std::int64_t) override { return {}; }
  void predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
               std::span<float> outputs) override {
    const std::size_t width = outputs_.size() / static_cast<std::size_t>(samples.rows());
    std::copy_n(outputs_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * width),
                static_cast<std::size_t>(count) * width, outputs.begin());
  }

 private:
  std::vector<float> outputs_;
};

constexpr std::size_t kRows = 400;
constexpr std::size_t kOutputs = 3;

// Rows with random answers, and the metrics of any choice of them.
struct Problem {
  data::Samples samples = {};
  engine::LossSettings loss = {};
  std::vector<float> outputs = {};

  Problem(bool regression, std::int64_t positions, std::uint64_t seed) {
    RandomStream stream(seed, {1}, "row_parts_test");
    samples.positions = positions;
    const auto labels = kRows * static_cast<std::size_t>(positions);
    for (std::size_t i = 0; i < labels * kOutputs; ++i) outputs.push_back(static_cast<float>(stream.normal()));
    if (regression) {
      samples.outputs = kOutputs;
      for (const float output : outputs) samples.targets.push_back(output + static_cast<float>(stream.normal()));
    } else {
      for (std::size_t i = 0; i < labels; ++i) samples.labels.push_back(static_cast<std::int32_t>(stream.below(3)));
    }
    loss.name = engine::default_loss(regression ? data::Task::kRegression : data::Task::kClassification);
  }

  engine::EvaluationResult result(const std::vector<std::size_t>& rows) const {
    engine::EvaluationResult result;
    if (samples.outputs > 0)
      add_targets(rows, result);
    else
      add_labels(rows, result);
    return result;
  }

  void add_targets(const std::vector<std::size_t>& rows, engine::EvaluationResult& result) const {
    for (auto* sums : {&result.squared_errors, &result.absolute_errors, &result.target_squares}) sums->resize(kOutputs);
    std::vector<double> means(kOutputs);
    for (const std::size_t row : rows)
      for (std::size_t i = 0; i < kOutputs; ++i)
        means[i] += samples.targets[row * kOutputs + i] / static_cast<double>(rows.size());
    for (const std::size_t row : rows) {
      ++result.rows;
      for (std::size_t i = 0; i < kOutputs; ++i) {
        const double target = samples.targets[row * kOutputs + i];
        const double error = outputs[row * kOutputs + i] - target;
        result.squared_errors[i] += error * error;
        result.absolute_errors[i] += std::abs(error);
        result.target_squares[i] += (target - means[i]) * (target - means[i]);
        result.loss_sum += error * error / kOutputs;
      }
    }
  }

  void add_labels(const std::vector<std::size_t>& rows, engine::EvaluationResult& result) const {
    for (auto* counts : {&result.class_rows, &result.class_correct, &result.class_predicted}) counts->resize(kOutputs);
    const auto positions = static_cast<std::size_t>(samples.positions);
    for (const std::size_t row : rows)
      for (std::size_t i = row * positions; i < (row + 1) * positions; ++i) {
        const std::vector<double> logits(outputs.begin() + static_cast<std::ptrdiff_t>(i * kOutputs),
                                         outputs.begin() + static_cast<std::ptrdiff_t>((i + 1) * kOutputs));
        const auto label = static_cast<std::size_t>(samples.labels[i]);
        const auto predicted =
            static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        result.loss_sum += engine::find_loss_value(loss.name)(loss, {.label = label, .targets = {}}, logits);
        ++result.rows;
        ++result.class_rows[label];
        ++result.class_predicted[predicted];
        result.correct += label == predicted ? 1 : 0;
        result.class_correct[label] += label == predicted ? 1 : 0;
      }
    result.weight = engine::loss_weight(loss, result.class_rows);
  }
};

// Leaves rows out and compares: to first order the metric then moves by the parts of those rows.
void expect_influences(const Problem& problem, const std::vector<std::string>& names) {
  std::vector<std::size_t> all(kRows);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const engine::EvaluationResult result = problem.result(all);
  std::vector<const MetricKind*> metrics;
  for (const std::string& name : names) metrics.push_back(find_metric(name));
  RecordedSession session(problem.outputs);
  const RowsRequest request{
      .samples = problem.samples, .first = 0, .count = kRows, .loss = problem.loss, .result = result};
  const auto parts = row_parts(session, request, metrics);
  for (std::size_t k = 0; k < metrics.size(); ++k) {
    ASSERT_EQ(parts[k].size(), kRows);
    const double whole = *metrics[k]->compute({.validation = &result});
    double sum = 0, largest = 0;
    for (const float part : parts[k]) {
      sum += part;
      largest = std::max(largest, std::abs(static_cast<double>(part)));
    }
    EXPECT_NEAR(sum, 0, 1e-4 * kRows) << names[k];
    for (const std::size_t row : {std::size_t{0}, std::size_t{7}, kRows - 1}) {
      std::vector<std::size_t> rest = all;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(row));
      const engine::EvaluationResult without = problem.result(rest);
      const double moved = *metrics[k]->compute({.validation = &without}) - whole;
      EXPECT_NEAR(moved, -parts[k][row] / (kRows - 1), 0.02 * largest / kRows) << names[k] << " without row " << row;
    }
  }
}

TEST(RowParts, AreTheInfluencesOfTheRowsOfClasses) {
  expect_influences(Problem(false, 1, 1), {"accuracy", "macro_accuracy", "loss"});
}

TEST(RowParts, CountTheTokensOfARowTogether) {
  expect_influences(Problem(false, 4, 2), {"accuracy", "macro_accuracy", "loss", "perplexity"});
}

TEST(RowParts, FollowTheWeightsOfTheClasses) {
  Problem problem(false, 1, 3);
  problem.loss.class_weights = {1, 4, 0.5};
  expect_influences(problem, {"loss"});
}

TEST(RowParts, AreTheInfluencesOfTheRowsOfTargets) {
  expect_influences(Problem(true, 1, 4), {"loss", "mse", "mae", "r2"});
}

TEST(RowParts, ExistForEveryMetricOfAnEvaluation) {
  for (const MetricKind& kind : metric_kinds())
    EXPECT_EQ(kind.row_part != nullptr, kind.source == Source::kEvaluated) << kind.name;
}

}  // namespace
}  // namespace lathe::metric
