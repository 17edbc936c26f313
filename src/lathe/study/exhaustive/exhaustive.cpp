#include "lathe/study/exhaustive/exhaustive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/log.h"
#include "lathe/pruner/front.h"

namespace lathe::study {
namespace {

using config::Member;
using config::Value;

// By default this share of the candidates runs to the end, and somewhat more than the least number that bounds
// anything: some of them may fail.
constexpr double kCalibrationShare = 0.05;
constexpr double kCalibrationReserve = 1.25;
// By default the first rung comes after this part of the epochs.
constexpr std::int64_t kFirstRungs = 5;

std::int64_t size_of(const space::SearchSpace& space, const Value& table) {
  for (const space::Dimension& dimension : space.dimensions()) {
    if (dimension.size()) continue;
    table.fail(fmt::format("visits every point, and {} is continuous; give it a step, or leave this table out",
                           dimension.name));
  }
  if (!space.size()) table.fail("visits every point, and this space has more than 2^62; leave this table out");
  return *space.size();
}

void check_trials(const recipe::ExhaustiveSettings& exhaustive, std::int64_t n_trials, std::int64_t size) {
  if (!exhaustive.n_trials || n_trials >= size) return;
  exhaustive.n_trials->fail(fmt::format(
      "an exhaustive search trains all {} points of the space; got {}: leave n_trials out, or use sampler = "
      "\"brute_force\" without [search.strategy.exhaustive]",
      size, n_trials));
}

Member member(const Value& table, const std::string& name, Value::Data data) {
  return {name, Value(std::move(data), table.position(), "search.strategy.exhaustive." + name), table.position()};
}

// Returns how many candidates always run to the end; all of them where nothing could be dropped otherwise.
std::int64_t calibration_of(const recipe::ExhaustiveSettings& exhaustive, std::int64_t rungs, std::int64_t measured,
                            std::int64_t size) {
  const std::int64_t least = pruner::least_calibration(exhaustive.confidence, rungs, measured);
  if (exhaustive.calibration) {
    if (*exhaustive.calibration < std::min(least, size)) {
      exhaustive.table->find("calibration")
          ->fail(
              fmt::format("{} candidates that run to their end bound nothing with a confidence of {} at {} rung{}; at "
                          "least {} are needed, or stop = \"none\"",
                          *exhaustive.calibration, exhaustive.confidence, rungs, rungs == 1 ? "" : "s", least));
    }
    return std::min(*exhaustive.calibration, size);
  }
  const double wanted = std::max(std::ceil(kCalibrationShare * static_cast<double>(size)),
                                 std::ceil(kCalibrationReserve * static_cast<double>(least)));
  return std::min(static_cast<std::int64_t>(wanted), size);
}

void set_pruner(recipe::StudySettings& settings, std::int64_t size) {
  const recipe::ExhaustiveSettings& exhaustive = *settings.exhaustive;
  const std::int64_t epochs = settings.train->settings.max_epochs;
  const std::int64_t first = exhaustive.min_resource.value_or(std::max<std::int64_t>(epochs / kFirstRungs, 1));
  const std::int64_t rungs = pruner::front_rungs(first, exhaustive.reduction_factor, epochs);
  const std::vector<bool> exact = recipe::known_before_training(settings);
  const auto measured = static_cast<std::int64_t>(std::count(exact.begin(), exact.end(), false));
  const std::int64_t calibration = rungs > 0 ? calibration_of(exhaustive, rungs, measured, size) : size;
  settings.pruner.reset();
  if (calibration >= size) {
    log::info("Exhaustive search: every one of the {} candidates is trained to its end ({})", size,
              rungs == 0 ? "there is no rung before the last epoch" : "the calibration takes all of them");
    return;
  }
  const Value& table = *exhaustive.table;
  const config::Table options{member(table, "calibration", calibration),
                              member(table, "confidence", exhaustive.confidence), member(table, "min_resource", first),
                              member(table, "reduction_factor", exhaustive.reduction_factor),
                              member(table, "max_resource", epochs)};
  settings.pruner = recipe::PrunerChoice{.name = "front",
                                         .resource = engine::Resource::kEpochs,
                                         .interval = first,
                                         .options = Value(options, table.position(), table.key())};
}

}  // namespace

void fit_to_space(recipe::StudySettings& settings, const space::SearchSpace& space) {
  if (!settings.exhaustive) return;
  const std::int64_t size = size_of(space, *settings.exhaustive->table);
  check_trials(*settings.exhaustive, settings.n_trials, size);
  settings.n_trials = size;
  if (settings.train && settings.exhaustive->stop == "racing") set_pruner(settings, size);
}

}  // namespace lathe::study
