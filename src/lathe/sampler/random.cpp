#include "lathe/sampler/random.h"

#include "lathe/base/random.h"
#include "lathe/sampler/draw.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/permutation.h"
#include "lathe/sampler/walk.h"

namespace lathe::sampler {
namespace {

/// Draws every trial independently of all others.
class IndependentDraws final : public Sampler {
 public:
  IndependentDraws(std::uint64_t seed, parameter::Space space) : seed_(seed), space_(std::move(space)) {}

  std::optional<Assignment> ask(std::int64_t number) override {
    RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler random");
    return draw_assignment(space_, stream);
  }
  void announce(std::int64_t, const Assignment&) override {}
  void tell(const FinishedTrial&) override {}

 private:
  std::uint64_t seed_;
  parameter::Space space_;
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) {
  const auto options = read_options(settings, repeat_fields());
  const bool finite = settings.space.count().has_value();
  if (!options.deduplicate || !finite) return std::make_unique<IndependentDraws>(settings.seed, settings.space);
  auto walk = std::make_unique<Walk>("random", settings.space, true);
  walk->set_order(Permutation(walk->size(), settings.seed, "sampler random"));
  return walk;
}

}  // namespace

SamplerKind random_kind() {
  return {.name = "random",
          .aliases = {},
          .description = "uniformly random points, each at most once",
          .options = describe(repeat_fields()),
          .make = make};
}

}  // namespace lathe::sampler
