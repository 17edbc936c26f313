#include "lathe/sampler/options.h"
#include "lathe/sampler/permutation.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/walk.h"

namespace lathe::sampler {
namespace {

std::unique_ptr<Sampler> make(const SamplerSettings& settings) {
  const auto options = read_options(settings, repeat_fields());
  auto walk = std::make_unique<Walk>("brute_force", settings.space, options.deduplicate);
  walk->set_order(Permutation(walk->size(), settings.seed, "sampler brute_force"));
  return walk;
}

}  // namespace

// Declares exhaustive search in pseudo-random order: a study that is stopped early has seen a uniform sample. The
// space is never materialised; 2^60 points are fine.
SamplerKind brute_force_kind() {
  return {.name = "brute_force",
          .aliases = {"brute", "brute_force_search", "brute_force_sampler", "exhaustive"},
          .description = "every point once, in pseudo-random order",
          .options = describe(repeat_fields()),
          .make = make};
}

}  // namespace lathe::sampler
