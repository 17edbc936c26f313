#include "lathe/sampler/draw.h"
#include "lathe/sampler/free_points.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {
namespace {

// Draws trial 2k at random; trial 2k + 1 takes the opposite place on the axis of every parameter.
class Antithetic final : public Sampler {
 public:
  Antithetic(const SamplerSettings& settings, bool deduplicate)
      : seed_(settings.seed),
        space_(settings.space),
        free_(settings.space, deduplicate, settings.seed, "sampler antithetic order") {}

  std::optional<Assignment> ask(std::int64_t number) override {
    if (free_.exhausted()) return std::nullopt;
    const auto index = static_cast<std::uint64_t>(number);
    RandomStream pair(seed_, {index / 2}, "sampler antithetic");
    Assignment assignment = point(pair, index % 2 == 1);
    if (free_.is_free(assignment)) return assignment;
    RandomStream stream(seed_, {index}, "sampler antithetic again");
    return free_.draw(stream);
  }
  void announce(std::int64_t, const Assignment& assignment) override { free_.take(assignment); }
  void tell(const FinishedTrial&) override {}

 private:
  Assignment point(RandomStream& stream, bool opposite) const {
    Assignment assignment(space_.parameters().size(), parameter::kInactive);
    for (std::size_t i = 0; i < assignment.size(); ++i) {
      const double unit = stream.uniform();
      if (!space_.is_active(assignment, i)) continue;
      assignment[i] = code_at(space_.parameters()[i].distribution, opposite ? kBelowOne - unit : unit);
    }
    return assignment;
  }

  static constexpr double kBelowOne = 1 - 0x1p-53;  // opposite places are in [0, 1), too

  std::uint64_t seed_;
  parameter::Space space_;
  FreePoints free_;
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) {
  return std::make_unique<Antithetic>(settings, read_options(settings, repeat_fields()).deduplicate);
}

}  // namespace

// Declares random sampling in antithetic pairs (Hammersley and Morton, "A new Monte Carlo technique: antithetic
// variates", Mathematical Proceedings of the Cambridge Philosophical Society 52(3), 1956): what is large in one trial
// is small in the next. A point that was given out before is replaced by a random free one.
SamplerKind antithetic_kind() {
  return {.name = "antithetic",
          .aliases = {},
          .description = "random points, every second one opposite to the one before",
          .options = describe(repeat_fields()),
          .make = make};
}

}  // namespace lathe::sampler
