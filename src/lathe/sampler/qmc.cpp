#include "lathe/sampler/draw.h"
#include "lathe/sampler/free_points.h"
#include "lathe/sampler/halton.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/sobol.h"

namespace lathe::sampler {
namespace {

struct QmcOptions {
  std::string qmc_type = "sobol";
  bool scramble = true;
  bool deduplicate = true;
};

const std::vector<config::Field<QmcOptions>>& qmc_fields() {
  static const std::vector<config::Field<QmcOptions>> fields{
      config::choice_field("qmc_type", &QmcOptions::qmc_type, {"sobol", "halton"}, "the sequence of points"),
      config::field("scramble", &QmcOptions::scramble,
                    "randomise the points by the seed; false: the plain sequence, the same for every seed"),
      config::field("deduplicate", &QmcOptions::deduplicate,
                    "never propose a point again; false: repeats are allowed (to see the noise)")};
  return fields;
}

std::unique_ptr<PointSequence> make_sequence(const QmcOptions& options, std::size_t dimensions, std::uint64_t seed) {
  if (options.qmc_type == "halton") return std::make_unique<Halton>(dimensions, options.scramble, seed);
  return std::make_unique<Sobol>(dimensions, options.scramble, seed);
}

class Qmc final : public Sampler {
 public:
  explicit Qmc(const SamplerSettings& settings)
      : seed_(settings.seed),
        space_(settings.space),
        options_(read_options(settings, qmc_fields())),
        sequence_(make_sequence(options_, space_.parameters().size(), seed_)),
        free_(space_, options_.deduplicate, seed_, "sampler qmc order") {}

  std::optional<Assignment> ask(std::int64_t number) override {
    if (free_.exhausted()) return std::nullopt;
    const auto first = static_cast<std::uint64_t>(number);
    if (auto found = first_free(first, 16 * first + 4096)) return found;
    RandomStream stream(seed_, {first}, "sampler qmc");
    return free_.draw(stream);
  }
  void announce(std::int64_t, const Assignment& assignment) override { free_.take(assignment); }
  void tell(const FinishedTrial&) override {}

 private:
  Assignment point(std::uint64_t index) const {
    Assignment assignment(space_.parameters().size(), parameter::kInactive);
    for (std::size_t i = 0; i < assignment.size(); ++i) {
      if (!space_.is_active(assignment, i)) continue;
      assignment[i] = code_at(space_.parameters()[i].distribution, sequence_->coordinate(index, i));
    }
    return assignment;
  }

  std::optional<Assignment> first_free(std::uint64_t first, std::uint64_t end) {
    const bool known = first >= taken_from_ && first < taken_to_;
    if (!known) taken_from_ = taken_to_ = first;
    for (; taken_to_ < end; ++taken_to_) {
      Assignment assignment = point(taken_to_);
      if (free_.is_free(assignment)) return assignment;
    }
    return std::nullopt;
  }

  std::uint64_t seed_;
  parameter::Space space_;
  QmcOptions options_;
  std::unique_ptr<PointSequence> sequence_;
  FreePoints free_;
  std::uint64_t taken_from_ = 0, taken_to_ = 0;  ///< the assignments of these points are taken: spares looking again
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) { return std::make_unique<Qmc>(settings); }

}  // namespace

// Declares quasi-Monte Carlo sampling: trial t takes point t of Sobol's or Halton's sequence, one coordinate per
// parameter (conditional parameters that are not active leave theirs unused). Finite parameters take equal shares of
// the coordinate. A point whose assignment was given to a trial before is passed over: trial t takes the first free
// one of the points t .. 16 t + 4095, or where these cover no free assignment a random one.
SamplerKind qmc_kind() {
  return {.name = "qmc",
          .aliases = {"qmcsampler", "quasi_monte_carlo", "sobol"},
          .description = "evenly spread points: Sobol's or Halton's sequence",
          .options = describe(qmc_fields()),
          .make = make};
}

}  // namespace lathe::sampler
