#include "lathe/pruner/hyperband.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/pruner/asha.h"
#include "lathe/pruner/options.h"

namespace lathe::pruner {
namespace {

struct HyperbandOptions {
  std::int64_t min_resource = 1;
  std::optional<std::int64_t> max_resource;
  std::int64_t reduction_factor = 3;
  std::int64_t bootstrap_count = 0;
};

const std::vector<config::Field<HyperbandOptions>>& hyperband_fields() {
  using config::field;
  static const std::vector<config::Field<HyperbandOptions>> fields{
      field("min_resource", &HyperbandOptions::min_resource, "resource before the first decision of bracket 0",
            config::between(1, 1e15)),
      amount_field("max_resource", &HyperbandOptions::max_resource,
                   "resource of a whole training; \"auto\": one more than what complete trials used"),
      field("reduction_factor", &HyperbandOptions::reduction_factor, "one in so many trials goes on from each rung",
            config::between(2, 1e6)),
      field("bootstrap_count", &HyperbandOptions::bootstrap_count,
            "trials that a rung must hold before any goes on from it", config::at_least(0)),
  };
  return fields;
}

// CRC-32 of ISO 3309 (the polynomial of zlib, reflected), bit by bit: a few bytes per decision.
std::uint32_t crc32(const std::string& text) {
  std::uint32_t remainder = 0xFFFFFFFFu;
  for (const char letter : text) {
    remainder ^= static_cast<unsigned char>(letter);
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1u) != 0 ? 0xEDB88320u : 0u);
  }
  return ~remainder;
}

class Hyperband : public Pruner {
 public:
  Hyperband(const HyperbandOptions& options, std::string study_name, Direction direction)
      : options_(options), study_name_(std::move(study_name)), direction_(direction) {}

  bool prune(std::int64_t number, std::span<const Report> own, std::span<const FinishedTrial> history) const override {
    const std::optional<std::int64_t> most = max_resource(history);
    if (!most) return false;
    const std::vector<std::int64_t> shares = bracket_shares(options_.min_resource, *most, options_.reduction_factor);
    const std::size_t bracket = bracket_of(study_name_, number, shares);
    std::vector<const FinishedTrial*> competing = reporting(history);
    std::erase_if(competing, [&](const FinishedTrial* trial) {
      return bracket_of(study_name_, trial->number, shares) != bracket;
    });
    const HalvingOptions halving{.min_resource = options_.min_resource,
                                 .reduction_factor = options_.reduction_factor,
                                 .min_early_stopping_rate = static_cast<std::int64_t>(bracket),
                                 .bootstrap_count = options_.bootstrap_count};
    return halving_ends(halving, direction_, own, competing);
  }

 private:
  std::optional<std::int64_t> max_resource(std::span<const FinishedTrial> history) const {
    if (options_.max_resource) return options_.max_resource;
    std::optional<std::int64_t> most;
    for (const FinishedTrial& trial : history) {
      if (trial.state != TrialState::kComplete || trial.reports.empty()) continue;
      most = std::max(most.value_or(0), trial.reports.back().step + 1);
    }
    return most;
  }

  HyperbandOptions options_;
  std::string study_name_;
  Direction direction_;
};

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  const HyperbandOptions options = read_options(settings, hyperband_fields());
  if (options.max_resource && *options.max_resource < options.min_resource) {
    settings.options->find("max_resource")
        ->fail("must be at least min_resource, which is " + std::to_string(options.min_resource));
  }
  return std::make_unique<Hyperband>(options, settings.study_name, settings.directions.front());
}

}  // namespace

std::vector<std::int64_t> bracket_shares(std::int64_t min_resource, std::int64_t max_resource,
                                         std::int64_t reduction_factor) {
  const double ratio = static_cast<double>(max_resource) / static_cast<double>(min_resource);
  const auto factor = static_cast<double>(reduction_factor);
  const auto brackets = static_cast<std::int64_t>(std::max(0.0, std::floor(std::log(ratio) / std::log(factor)))) + 1;
  std::vector<std::int64_t> shares;
  for (std::int64_t bracket = 0; bracket < brackets; ++bracket) {
    const double halvings = static_cast<double>(brackets - 1 - bracket);
    shares.push_back(static_cast<std::int64_t>(
        std::ceil(static_cast<double>(brackets) * std::pow(factor, halvings) / (halvings + 1))));
  }
  return shares;
}

std::size_t bracket_of(const std::string& study_name, std::int64_t number, const std::vector<std::int64_t>& shares) {
  const std::int64_t total = std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
  std::int64_t place = crc32(study_name + "_" + std::to_string(number)) % total;
  for (std::size_t bracket = 0; bracket + 1 < shares.size(); ++bracket) {
    if (place < shares[bracket]) return bracket;
    place -= shares[bracket];
  }
  return shares.size() - 1;
}

// Hyperband over successive halving (Li et al., JMLR 18(185), 2018; Falkner et al., BOHB, ICML 2018) as Optuna's
// HyperbandPruner deals it: bracket b halves from reduction_factor^b times min_resource on, and a trial's bracket is
// the CRC-32 of "<study name>_<number>" modulo the sum of the brackets' shares. A trial competes with those of its
// bracket only. Unlike Optuna's, samplers learn from the trials of all brackets.
PrunerKind hyperband_kind() {
  return {.name = "hyperband",
          .aliases = {"hyperband_pruner"},
          .description = "successive halving in brackets that begin to prune at different steps",
          .options = describe(hyperband_fields()),
          .several_objectives = false,
          .make = make};
}

}  // namespace lathe::pruner
