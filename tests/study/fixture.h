#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lathe/storage/memory.h"
#include "lathe/study/exhaustive/exhaustive.h"
#include "lathe/study/final.h"
#include "lathe/study/loop.h"
#include "lathe/study/open.h"
#include "lathe/study/record.h"
#include "study/small_problem.h"

namespace lathe::study {

/// Holds all that a study needs; `document` is the TOML of `[search]` and the general settings.
struct Fixture {
  explicit Fixture(const std::string& document)
      : root(config::parse_text(document, "study.toml")),
        settings(recipe::parse_study(root, recipe::read_settings(root))),
        space(space::parse_space(root, small_graph())),
        backends{backend::make_dense_backend(), backend::make_ref_backend()},
        evaluator(settings, space, small_dataset(), backends, nullptr) {
    fit_to_space(settings, space);
  }

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
                           .data = &evaluator.runner().dataset().fingerprint,
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
    return run_in(*storage::open_memory(), std::move(sampler));
  }

  config::Value root;
  recipe::StudySettings settings;
  space::SearchSpace space;
  engine::BackendList backends;
  trial::Evaluator evaluator;
  engine::StopToken stop;
};

}  // namespace lathe::study
