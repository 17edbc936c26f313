#include "lathe/base/random.h"

#include <algorithm>

#include "lathe/sampler/free_points.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/permutation.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/walk.h"

namespace lathe::sampler {
namespace {

/// Draws every trial by itself, again where a point was drawn before.
class IndependentDraws final : public Sampler {
 public:
  IndependentDraws(std::uint64_t seed, const parameter::Space& space, bool deduplicate)
      : seed_(seed), free_(space, deduplicate, seed, "sampler random order") {}

  std::optional<Assignment> ask(std::int64_t number) override {
    if (free_.exhausted()) return std::nullopt;
    RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler random");
    return free_.draw(stream);
  }
  void announce(std::int64_t, const Assignment& assignment) override { free_.take(assignment); }
  void tell(const FinishedTrial&) override {}

 private:
  std::uint64_t seed_;
  FreePoints free_;
};

bool has_log_integer(const parameter::Space& space) {
  return std::any_of(space.parameters().begin(), space.parameters().end(), [](const auto& parameter) {
    const auto* range = std::get_if<parameter::Integer>(&parameter.distribution);
    return range != nullptr && range->log;
  });
}

/// Tells whether drawing parameter by parameter gives all points of a finite space the same probability.
bool is_uniform(const parameter::Space& space) {
  return space.count() && !space.conditional() && !has_log_integer(space);
}

std::unique_ptr<Sampler> make(const SamplerSettings& settings) {
  const auto options = read_options(settings, repeat_fields());
  if (!options.deduplicate || !is_uniform(settings.space)) {
    return std::make_unique<IndependentDraws>(settings.seed, settings.space, options.deduplicate);
  }
  auto walk = std::make_unique<Walk>("random", settings.space, true);
  walk->set_order(Permutation(walk->size(), settings.seed, "sampler random"));
  return walk;
}

}  // namespace

// Declares uniform sampling, parameter by parameter (all values alike, numbers with `log` uniformly in the logarithm),
// every point at most once. Where that makes all points of a finite space equally likely (no conditions, no
// logarithmic integers) trial t is point t of a pseudo-random permutation; else, and with `deduplicate = false`,
// trials are independent draws, repeated while they give a point that was drawn before.
SamplerKind random_kind() {
  return {.name = "random",
          .aliases = {"randomsampler", "random_search"},
          .description = "uniformly random points, each at most once",
          .options = describe(repeat_fields()),
          .make = make};
}

}  // namespace lathe::sampler
