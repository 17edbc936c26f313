#include "lathe/cli/kept_weights.h"

#include <fmt/format.h>

#include <set>

#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/data_facts.h"
#include "lathe/cli/inputs.h"

namespace lathe::cli {
namespace {

constexpr const char* kKey = "key";

}  // namespace

std::filesystem::path KeptWeights::path(std::int64_t number) const {
  return trial_weights(search_.results / "best.json", number);
}

study::WeightStore KeptWeights::store() {
  return {.save = [this](const study::Trial& trial) { try_to_save(trial, *trial.evaluation->state); },
          .drop =
              [this](std::int64_t number) {
                if (written_.erase(number) == 0) return;
                std::error_code gone;
                std::filesystem::remove(path(number), gone);
              }};
}

// Weights that cannot be written (a full disk) cost neither the search nor its results.
void KeptWeights::try_to_save(const study::Trial& trial, const engine::State& state) {
  try {
    save(trial, state);
  } catch (const SystemError& error) {
    log::warning("the weights of trial {} are not kept: {}", trial.number, error.what());
  }
}

void KeptWeights::save(const study::Trial& trial, const engine::State& state) {
  checkpoint::Facts facts = checkpoint::data_facts(*search_.dataset);
  facts["trial"] = fmt::format("{}", trial.number);
  facts["study"] = search_.settings.name;
  facts["seed"] = fmt::format("{}", search_.settings.seed);
  facts[kKey] = trial.key.to_hex();
  facts["untrained"] = trial.untrained ? "true" : "false";
  facts["lathe_version"] = config::version();
  make_directories(path(trial.number).parent_path());
  checkpoint::save_model(path(trial.number), search_.space.decode(trial.assignment).graph, state, facts);
  written_[trial.number] = trial.key;
}

// Reads a file where it holds the weights of the candidate.
std::shared_ptr<const engine::State> KeptWeights::read(std::int64_t number, const Digest& key) const {
  if (!path_exists(path(number))) return nullptr;
  try {
    checkpoint::LoadedModel model = checkpoint::load_model(path(number));
    if (model.facts[kKey] == key.to_hex()) return std::make_shared<const engine::State>(std::move(model.state));
  } catch (const Error& error) {
    log::warning("{}; the trial is evaluated again", error.what());
  }
  return nullptr;
}

// Finds the weights of a trial in the file of whichever trial had the same candidate.
std::shared_ptr<const engine::State> KeptWeights::find(const study::Trial& trial) {
  if (trial.key == Digest{}) return nullptr;
  for (const auto& [number, key] : written_) {
    if (key == trial.key) return read(number, key);
  }
  auto state = read(trial.number, trial.key);
  if (state) written_[trial.number] = trial.key;
  return state;
}

bool KeptWeights::has(const study::Trial& trial) {
  return (trial.evaluation && trial.evaluation->state) || find(trial) != nullptr;
}

void KeptWeights::finish(const study::StudyResult& result) {
  std::set<std::filesystem::path> kept;
  for (const std::size_t index : study::trials_to_keep(result, search_.settings)) {
    const study::Trial& trial = result.trials[index];
    if (!written_.contains(trial.number)) {
      const auto state = trial.evaluation && trial.evaluation->state ? trial.evaluation->state : find(trial);
      if (!state) continue;  // of another program, or interrupted
      if (!written_.contains(trial.number)) try_to_save(trial, *state);
    }
    kept.insert(path(trial.number).filename());
  }
  make_directories(search_.results / "trials");
  for (const std::filesystem::path& file : list_folder(search_.results / "trials")) {
    std::error_code busy;  // another worker of the project may do the same now
    if (!kept.contains(file.filename())) std::filesystem::remove(file, busy);
  }
}

}  // namespace lathe::cli
