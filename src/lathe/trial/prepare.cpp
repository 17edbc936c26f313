#include "lathe/trial/prepare.h"

#include <fmt/format.h>

#include "lathe/base/check.h"
#include "lathe/base/profile.h"
#include "lathe/space/candidate_key.h"

namespace lathe::trial {

Preparer::Preparer(const recipe::StudySettings& settings, const space::SearchSpace& space, const Runner& runner,
                   const StartingWeights& weights, engine::BackendList backends)
    : settings_(settings),
      space_(space),
      runner_(runner),
      weights_(weights),
      backends_(std::move(backends)),
      runner_text_(settings.runner_text()) {}

std::shared_ptr<const engine::Backend> Preparer::backend_of(const ir::Graph& graph,
                                                            const engine::LossSettings& loss) const {
  return engine::choose_backend(backends_, settings_.backend, settings_.accelerator, graph, loss, settings_.precision);
}

Digest Preparer::key_of(const Prepared& prepared, const std::string& runner, const std::string& weights) const {
  return space::candidate_key(prepared.candidate.graph, runner, weights, runner_.dataset().fingerprint.hash,
                              settings_.backend_text(*prepared.backend));
}

Prepared Preparer::candidate(const space::Assignment& assignment) const {
  const PhaseScope phase(Phase::kDecode);
  Prepared prepared{.candidate = space_.decode(assignment), .backend = nullptr, .key = {}};
  prepared.backend = backend_of(prepared.candidate.graph, runner_.loss(prepared.candidate));
  std::string runner = runner_text_;
  if (!prepared.candidate.training.empty()) {
    const engine::TrainSettings chosen = runner_.training(prepared.candidate);
    runner = settings_.runner_text(&chosen);
  }
  prepared.key = key_of(prepared, runner, weights_.text());
  return prepared;
}

Prepared Preparer::base() const {
  LATHE_CHECK(settings_.train.has_value());
  LATHE_CHECK(weights_.all_fresh());
  Prepared prepared{.candidate = {}, .backend = nullptr, .key = {}};
  prepared.candidate.graph = space_.base();
  prepared.backend = backend_of(space_.base(), settings_.loss);
  prepared.key = key_of(prepared, runner_text_, fmt::format("base seed={}", settings_.seed));
  return prepared;
}

}  // namespace lathe::trial
