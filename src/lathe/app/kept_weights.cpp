#include "lathe/app/kept_weights.h"

#include <fmt/format.h>

#include <set>

#include "lathe/app/run_folder.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/data_facts.h"

namespace lathe::app {
namespace {

// Facts of a file of weights. Stored: do not change.
constexpr const char* kKey = "key";
constexpr const char* kStudy = "study";

// Tells whether a file holds the weights of a candidate.
bool holds_weights_of(const std::filesystem::path& path, const std::string& key) {
  if (!path_exists(path)) return false;
  const checkpoint::Facts facts = checkpoint::load_facts(path);
  const auto found = facts.find(kKey);
  return found != facts.end() && found->second == key;
}

}  // namespace

std::string trial_weights_file(std::int64_t number) { return fmt::format("trials/trial_{}.safetensors", number); }

std::filesystem::path saved_weights(const std::filesystem::path& results, const report::TrialRecord& trial) {
  const std::filesystem::path beside = results.parent_path() / trial_weights_file(trial.number);
  if (trial.key == Digest{} && path_exists(beside)) return beside;  // of MASE, or an earlier lathe
  std::vector<std::filesystem::path> folders = {results.parent_path()};
  for (const auto& folder : run_folders(results.parent_path() / ".." / "studies")) folders.push_back(folder);
  for (const std::filesystem::path& folder : folders) {
    if (trial.key != Digest{} && holds_weights_of(folder / trial_weights_file(trial.number), trial.key.to_hex()))
      return (folder / trial_weights_file(trial.number)).lexically_normal();
  }
  throw DataError(beside.string(),
                  fmt::format("the weights of trial {} are absent; they are kept for the best trials of a search, in "
                              "PROJECT/studies/NAME/trials; `lathe study restore NAME` makes those again",
                              trial.number));
}

std::filesystem::path KeptWeights::path(std::int64_t number) const {
  return search_.results / trial_weights_file(number);
}

bool KeptWeights::is_of_this_study(std::int64_t number) const {
  if (!path_exists(path(number))) return false;
  try {
    const checkpoint::Facts facts = checkpoint::load_facts(path(number));
    const auto study = facts.find(kStudy);
    return study != facts.end() && study->second == search_.settings.name && facts.contains(kKey);
  } catch (const Error&) {
    return false;  // damaged, or no file of lathe
  }
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
  facts[kStudy] = search_.settings.name;
  facts["seed"] = fmt::format("{}", search_.settings.seed);
  facts[kKey] = trial.key.to_hex();
  facts["untrained"] = trial.untrained ? "true" : "false";
  facts["lathe_version"] = recipe::version();
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
  make_directories(search_.results / "trials");
  std::set<std::size_t> kept;
  for (const std::size_t index : study::trials_to_keep(result, search_.settings)) {
    kept.insert(index);
    const study::Trial& trial = result.trials[index];
    if (written_.contains(trial.number)) continue;
    const auto state = trial.evaluation && trial.evaluation->state ? trial.evaluation->state : find(trial);
    if (!state) continue;  // of another program, or interrupted
    if (!written_.contains(trial.number)) try_to_save(trial, *state);
  }
  // Trials that this process does not know to have ended may be among the best of another worker.
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    const std::int64_t number = result.trials[i].number;
    std::error_code busy;  // another worker may do the same now
    if (!kept.contains(i) && is_of_this_study(number)) std::filesystem::remove(path(number), busy);
  }
}

}  // namespace lathe::app
