#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lathe/backend/dense/dense.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/random.h"
#include "lathe/config/value.h"
#include "lathe/data/dataset.h"
#include "lathe/ir/graph.h"
#include "lathe/model/chain.h"
#include "lathe/pruner/pruner.h"
#include "lathe/recipe/study_pruner.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/trial/evaluate.h"
#include "lathe/trial/objective.h"

namespace lathe::study {

/// Makes a small classification problem of four features and three classes that a tiny network can learn.
inline std::shared_ptr<const data::Dataset> small_dataset() {
  auto dataset = std::make_shared<data::Dataset>();
  dataset->name = "small";
  dataset->classes = 3;
  dataset->fingerprint.dataset = "small";
  dataset->fingerprint.hash = "test";
  const auto fill = [](data::Samples& samples, std::int64_t rows, std::uint64_t part) {
    RandomStream stream(5, {part}, "small_dataset");
    samples.width = 4;
    for (std::int64_t row = 0; row < rows; ++row) {
      float sum = 0;
      for (int column = 0; column < 4; ++column) {
        samples.features.push_back(static_cast<float>(stream.normal()));
        sum += samples.features.back() * static_cast<float>(column - 1);
      }
      samples.labels.push_back(sum > 1 ? 2 : (sum > -1 ? 1 : 0));
    }
  };
  fill(dataset->train, 640, 0);
  fill(dataset->validation, 256, 1);
  fill(dataset->test, 256, 2);
  return dataset;
}

inline ir::Graph small_graph() {
  return model::build_chain("small", {.input_shape = {4}, .classes = 3},
                            {{"linear", "seq_blocks.0", {{"out_features", std::int64_t{6}}}},
                             {"relu", "seq_blocks.1"},
                             {"linear", "seq_blocks.2", {{"out_features", std::int64_t{3}}}}});
}

/// Holds all that evaluating candidates needs; `document` is the TOML of `[search]` and the general settings.
struct SmallProblem {
  explicit SmallProblem(const std::string& document, std::shared_ptr<const data::Dataset> dataset = small_dataset(),
                        const ir::Graph& graph = small_graph())
      : root(config::parse_text(document, "study.toml")),
        settings(recipe::parse_study(root, recipe::read_settings(root))),
        space(space::parse_space(root, graph)),
        evaluator(settings, space, std::move(dataset), {backend::make_dense_backend(), backend::make_ref_backend()},
                  nullptr) {}

  trial::Prepared prepare(std::uint64_t place) const { return evaluator.prepare(space.parameters().decode(place)); }

  /// Evaluates points of the space one after the other, each judged by the study's pruner from those before it.
  std::vector<trial::Evaluation> run(const std::vector<std::uint64_t>& places) {
    const std::unique_ptr<pruner::Pruner> pruner = make_pruner(settings);
    std::vector<sampler::FinishedTrial> history;
    std::vector<trial::Evaluation> evaluations;
    for (const std::uint64_t place : places) {
      sampler::FinishedTrial trial{.number = static_cast<std::int64_t>(history.size()), .assignment = {}};
      std::vector<sampler::Report> own;
      const trial::ReportEnd report = [&](const sampler::Report& last) {
        own.push_back(last);
        return pruner != nullptr && pruner->prune(trial.number, own, history);
      };
      evaluations.push_back(evaluator.evaluate_trial(prepare(place), stop, report));
      const trial::Evaluation& evaluation = evaluations.back();
      trial.state =
          evaluation.complete ? TrialState::kComplete : (evaluation.pruned ? TrialState::kPruned : TrialState::kFail);
      trial.reports = evaluation.reports;
      if (evaluation.complete) trial.values = trial::score(settings, evaluation.metrics).values;
      history.push_back(std::move(trial));
    }
    return evaluations;
  }

  config::Value root;
  recipe::StudySettings settings;
  space::SearchSpace space;
  trial::Evaluator evaluator;
  engine::StopToken stop;
};

/// A trained search over the widths and the bits of the small network's first layer: 3 x 2 points.
inline std::string trained_search(const std::string& setup) {
  return R"(
batch_size = 32
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
[search.search_space.setup]
by = "name"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_0.config]
name = ["integer"]
channel_multiplier = [0.5, 1, 2]
data_in_width = [8]
data_in_frac_width = ["NA"]
weight_width = [2, 6]
weight_frac_width = ["NA"]
bias_width = [8]
bias_frac_width = ["NA"]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 2
learning_rate = 1e-2
optimizer = "adam"
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
bitops = { scale = 1.0, direction = "minimize" }
[search.strategy.setup]
)" + setup;
}

}  // namespace lathe::study
