#include "lathe/app/search_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lathe/app/device.h"
#include "lathe/app/network.h"
#include "lathe/app/project.h"
#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/recipe/checks.h"
#include "lathe/recipe/search_training.h"
#include "lathe/space/probes.h"
#include "lathe/study/exhaustive/exhaustive.h"
#include "lathe/trial/base_weights.h"
#include "lathe/trial/constraint.h"

namespace lathe::app {
namespace {

// More probes than this say nothing new about a space.
constexpr std::size_t kMostProbes = 2000;

// Weights to begin from must come from somewhere: a file, or a training of the base network.
void check_weights(const Search& search) {
  const engine::WeightPolicy policy = search.settings.weights;
  if (policy == engine::WeightPolicy::kFresh || search.loaded || search.settings.train) return;
  throw UserError("weights", fmt::format("\"{}\" begins from a trained base network, and this study trains nothing "
                                         "(eval_mode = true): give its weights with --load; lathe train makes them",
                                         engine::to_string(policy)));
}

}  // namespace

Search prepare_search(const Request& request) {
  Search search;
  search.settings = recipe::parse_study(request.root, request.settings);
  search.dataset =
      load_data(request.settings,
                {.preprocessing = trained_preprocessing(request), .keep_classes = !search.settings.train.has_value()},
                request.progress);
  recipe::check_loss(search.settings.loss, *search.dataset, request.settings);
  if (search.settings.train)
    recipe::check_augmentation(search.settings.train->settings, *search.dataset, request.settings);
  search.start = starting_point(request, *search.dataset);
  log::info("Building search space...");
  search.space = space::parse_space(request.root, search.start.graph);
  study::fit_to_space(search.settings, search.space);
  search.backend = choose_backend(request.settings, search.start.graph, search.settings.loss);
  if (search.start.state) search.loaded = std::make_shared<const engine::State>(*search.start.state);
  check_weights(search);
  if (search.settings.train) {  // batches that cannot work with the network show here
    engine::planned_steps(search.settings.train->settings, search.start.graph, search.dataset->train.rows());
  }
  search.project = project_folder(request.settings);
  search.settings.name = project_name(search.project);
  search.settings_document =
      recipe::resolved_document(recipe::with_general_training(request.root, request.settings), request.settings);
  return search;
}

void check_candidates(const Search& search, const trial::Evaluator& evaluator) {
  const PhaseScope phase(Phase::kDecode);
  std::exception_ptr failure;
  bool possible = false;
  std::set<std::string> untrained;
  const std::vector<space::Assignment> tried = space::probes(search.space.parameters(), kMostProbes);
  for (const space::Assignment& assignment : tried) {
    try {
      for (const std::string& name : evaluator.weights().untrained_tensors(search.space.decode(assignment).graph)) {
        untrained.insert(name);
      }
      possible = true;
    } catch (const UserError&) {
      if (!failure) failure = std::current_exception();
    }
  }
  const std::optional<std::int64_t> size = search.space.size();
  if (!possible && size && *size <= static_cast<std::int64_t>(tried.size())) std::rethrow_exception(failure);
  trial::require_feasible_candidate(search.settings, search.space);
  if (untrained.empty()) return;
  const std::size_t shown = std::min<std::size_t>(untrained.size(), 4);
  log::warning(
      "{} of the evaluated weights {} never trained ({}{}): accuracy and loss say nothing about the "
      "networks. Set eval_mode = false in [search.strategy] with [search.strategy.sw_runner.basic_train], or "
      "load trained weights of these shapes with load_name",
      untrained.size(), untrained.size() == 1 ? "was" : "were",
      fmt::join(untrained.begin(), std::next(untrained.begin(), static_cast<std::ptrdiff_t>(shown)), ", "),
      shown < untrained.size() ? ", ..." : "");
}

bool give_base_weights(const Search& search, trial::Evaluator& evaluator, const std::filesystem::path& folder,
                       const engine::StopToken& stop) {
  if (!evaluator.weights().needs_base()) return true;
  auto base = trial::train_base_weights(evaluator, folder, stop);
  if (!base) return false;
  log::info("Candidates begin from the trained base network {} (weights = \"{}\")", search.start.graph.name,
            engine::to_string(search.settings.weights));
  evaluator.weights().start_from(std::move(base));
  return true;
}

std::string weights_text(const Search& search, const trial::Evaluator& evaluator) {
  if (search.settings.weights != engine::WeightPolicy::kFresh) return evaluator.weights().text();
  return search.loaded ? engine::hash_state(*search.loaded).to_hex() : "fresh";
}

study::StudyFacts study_facts(const Search& search, const trial::Evaluator& evaluator,
                              const std::filesystem::path& config_path) {
  std::error_code unknown;
  const std::filesystem::path here = std::filesystem::current_path(unknown);
  return {.space = &search.space,
          .data = &search.dataset->fingerprint,
          .weights = weights_text(search, evaluator),
          .backend = fmt::format("{} {}", search.backend->name(), search.backend->target()),
          .accelerator = search.backend->accelerator(),
          .uses_threads = search.backend->uses_threads(),
          .settings_document = search.settings_document,
          .whereabouts = {.working_folder = here.string(),
                          .study_file_folder = (here / config_path.parent_path()).lexically_normal().string()}};
}

std::unique_ptr<sampler::Sampler> make_sampler(const Search& search, std::int64_t budget) {
  sampler::SamplerSettings wanted{.name = search.settings.sampler,
                                  .seed = search.settings.seed,
                                  .space = search.space.parameters(),
                                  .directions = search.settings.directions,
                                  .n_trials = budget};
  if (search.settings.sampler_options) wanted.options = &*search.settings.sampler_options;
  return sampler::make_sampler(wanted);
}

}  // namespace lathe::app
