#include "lathe/sampler/random.h"

#include "lathe/base/random.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/permutation.h"
#include "lathe/sampler/walk.h"

namespace lathe::sampler {
namespace {

/// Draws every trial independently of all others.
class IndependentDraws final : public Sampler {
 public:
  IndependentDraws(std::uint64_t seed, std::vector<std::int64_t> sizes) : seed_(seed), sizes_(std::move(sizes)) {}

  std::optional<space::Assignment> ask(std::int64_t number) override {
    RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler random");
    space::Assignment assignment;
    for (const std::int64_t size : sizes_) {
      assignment.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(size))));
    }
    return assignment;
  }
  void tell(const FinishedTrial&) override {}

 private:
  std::uint64_t seed_;
  std::vector<std::int64_t> sizes_;
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) {
  const auto options = read_options(settings, repeat_fields());
  const bool finite = MixedRadix(settings.sizes).size().has_value();
  if (!options.deduplicate || !finite) return std::make_unique<IndependentDraws>(settings.seed, settings.sizes);
  auto walk = std::make_unique<Walk>("random", settings.sizes, true);
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
