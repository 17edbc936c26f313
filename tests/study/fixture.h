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
#include "lathe/space/space.h"
#include "lathe/study/evaluate.h"
#include "lathe/study/final.h"
#include "lathe/storage/memory.h"
#include "lathe/study/loop.h"
#include "lathe/study/open.h"
#include "lathe/study/settings.h"

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
  return model::build_chain("small", 4,
                            {{"linear", "seq_blocks.0", {{"out_features", std::int64_t{6}}}},
                             {"relu", "seq_blocks.1"},
                             {"linear", "seq_blocks.2", {{"out_features", std::int64_t{3}}}}});
}

/// Holds all that a study needs; `document` is the TOML of `[search]` and the general settings.
struct Fixture {
  explicit Fixture(const std::string& document)
      : root(config::parse_text(document, "study.toml")),
        settings(parse_study(root, config::read_settings(root))),
        space(space::parse_space(root, small_graph())),
        backends{backend::make_dense_backend(), backend::make_ref_backend()},
        evaluator(settings, space, small_dataset(), backends, nullptr) {}

  std::unique_ptr<sampler::Sampler> make_sampler() const {
    sampler::SamplerSettings wanted{.name = settings.sampler,
                                    .seed = settings.seed,
                                    .space = space.parameters(),
                                    .directions = settings.directions,
                                    .n_trials = settings.n_trials,
                                    .options = settings.sampler_options ? &*settings.sampler_options : nullptr};
    return sampler::make_sampler(wanted);
  }
  /// Opens the study "small" of a storage.
  OpenedStudy open(storage::Storage& storage, Existing existing = Existing::kJoin) {
    settings.name = "small";
    const StudyFacts facts{.space = &space,
                           .data = &evaluator.dataset().fingerprint,
                           .weights = "fresh",
                           .backend = "test",
                           .settings_document = ""};
    return open_study(storage, settings, facts, existing);
  }
  /// Runs the study "small" of a storage to its end, or until `stop`.
  StudyResult run_in(storage::Storage& storage, std::unique_ptr<sampler::Sampler> sampler = nullptr,
                     const TrialEnd& trial_end = {}) {
    if (!sampler) sampler = make_sampler();
    return StudyLoop(settings, space, evaluator, std::move(sampler), storage, open(storage)).run(stop, trial_end);
  }
  StudyResult run(std::unique_ptr<sampler::Sampler> sampler = nullptr) {
    return run_in(*storage::make_memory_storage(), std::move(sampler));
  }

  config::Value root;
  StudySettings settings;
  space::SearchSpace space;
  engine::BackendList backends;
  Evaluator evaluator;
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
