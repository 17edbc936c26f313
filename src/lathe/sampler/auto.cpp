#include <fmt/format.h>

#include <algorithm>

#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {
namespace {

constexpr std::int64_t kModelledTrials = 500;
constexpr std::size_t kModelledParameters = 128;
constexpr std::size_t kModelledObjectives = 3;

/// Names the sampler of the first trials and, where `until` is short of the planned ones, that of the rest.
struct Choice {
  std::string first, rest;
  std::int64_t until = 0;
  std::string reason;
};

std::string plural(std::uint64_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// Prints `12 parameters (12 categorical), one objective, 200 trials`.
std::string circumstances(const SamplerSettings& settings) {
  std::size_t numeric = 0;
  for (const auto& parameter : settings.space.parameters())
    numeric += parameter::is_numeric(parameter.distribution) ? 1 : 0;
  const std::size_t count = settings.space.parameters().size();
  std::string kinds = numeric == 0       ? "categorical"
                      : numeric == count ? "numeric"
                                         : fmt::format("{} of them numeric", numeric);
  if (settings.space.conditional()) kinds += ", some conditional";
  return fmt::format("{} ({}), {}, {}", plural(count, "parameter"), kinds,
                     plural(settings.directions.size(), "objective"),
                     plural(static_cast<std::uint64_t>(settings.n_trials), "trial"));
}

Choice choose(const SamplerSettings& settings) {
  const auto points = settings.space.count();
  if (points && *points <= static_cast<std::uint64_t>(std::max<std::int64_t>(settings.n_trials, 0))) {
    return {"brute_force", "", 0,
            fmt::format("brute_force: the space has {}, and {} are planned", plural(*points, "point"),
                        plural(static_cast<std::uint64_t>(settings.n_trials), "trial"))};
  }
  const std::string why = circumstances(settings);
  if (settings.directions.size() > kModelledObjectives) {
    return {"nsgaiii", "", 0, fmt::format("nsgaiii: {}; more than {} objectives", why, kModelledObjectives)};
  }
  if (settings.space.parameters().size() > kModelledParameters) {
    return {"evolution", "", 0, fmt::format("evolution: {}; a model of so many is slow", why)};
  }
  if (settings.n_trials <= kModelledTrials) return {"gp", "", 0, "gp: " + why};
  return {"gp", "evolution", kModelledTrials,
          fmt::format("gp for {} trials, then evolution from what they found: {}", kModelledTrials, why)};
}

SamplerSettings named(SamplerSettings settings, const std::string& name) {
  settings.name = name;
  return settings;
}

class Auto final : public Sampler {
 public:
  explicit Auto(const SamplerSettings& settings) : choice_(choose(settings)) {
    read_options(settings, repeat_fields());
    first_ = make_sampler(named(settings, choice_.first));
    if (!choice_.rest.empty()) rest_ = make_sampler(named(settings, choice_.rest));
  }

  std::optional<Assignment> ask(std::int64_t number) override {
    return (is_first(number) ? first_ : rest_)->ask(number);
  }

  /// Both samplers know all trials that they may be asked after; the first is spared those that come too late for it.
  void announce(std::int64_t number, const Assignment& assignment) override {
    if (is_first(number)) first_->announce(number, assignment);
    if (rest_) rest_->announce(number, assignment);
  }
  void tell(const FinishedTrial& trial) override {
    if (is_first(trial.number)) first_->tell(trial);
    if (rest_) rest_->tell(trial);
  }

  std::string explanation() const override { return choice_.reason; }

 private:
  bool is_first(std::int64_t number) const { return !rest_ || number < choice_.until; }

  Choice choice_;
  std::unique_ptr<Sampler> first_, rest_;
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) { return std::make_unique<Auto>(settings); }

}  // namespace

// Declares the sampler that picks another one by the space, the objectives and the planned trials, and says why
// (Sampler::explanation). First that fits:
// - brute_force where the planned trials cover the whole space;
// - evolution for more than 128 parameters, and for more than three objectives nsgaiii: a Gaussian process is slow
//   there;
// - gp, whose model knows most per trial; after 500 trials, where it costs tens of milliseconds a trial, evolution
//   from all that was found.
// The measurements behind it: docs/performance.md, suite efficiency.
SamplerKind auto_kind() {
  return {.name = "auto",
          .aliases = {"automatic", "best"},
          .description = "picks by the size of the space, the objectives and the planned trials, and says why",
          .options = describe(repeat_fields()),
          .make = make};
}

}  // namespace lathe::sampler
