#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/walk.h"

namespace lathe::sampler {
namespace {

std::unique_ptr<Sampler> make(const SamplerSettings& settings) {
  return std::make_unique<Walk>("grid", settings.space, read_options(settings, repeat_fields()).deduplicate);
}

}  // namespace

// Declares exhaustive search in lexicographic order of the assignments: the last dimension of the file changes
// fastest.
SamplerKind grid_kind() {
  return {.name = "grid",
          .aliases = {"grid_search", "gridsampler"},
          .description = "every point once, the last choice of the file changing fastest",
          .options = describe(repeat_fields()),
          .make = make};
}

}  // namespace lathe::sampler
