#include "lathe/trial/trial_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"

namespace lathe::trial {
namespace {

using nlohmann::json;

// Names in the identity of the training state. Stored: do not change.
constexpr const char* kKey = "key";
constexpr const char* kRepeat = "repeat";
constexpr const char* kProgress = "progress";
constexpr const char* kJudging = "judging";

// How much of the candidate key the name of a file has.
constexpr std::size_t kKeyLength = 32;

std::string progress_text(const engine::TrainReport& so_far, const std::vector<sampler::Report>& reports,
                          std::size_t judged) {
  json list = json::array();
  for (const sampler::Report& report : reports) list.push_back({report.step, report.values});
  return json{
      {"reports", list}, {"judged", judged}, {"wall_seconds", so_far.wall_seconds}, {"cpu_seconds", so_far.cpu_seconds}}
      .dump();
}

void read_progress(const std::string& text, SavedTraining& saved) {
  const json progress = parse_json<json>(text, kProgress);
  saved.training.point.wall_seconds = json_member<double>(progress, "wall_seconds");
  saved.training.point.cpu_seconds = json_member<double>(progress, "cpu_seconds");
  for (const json& report : json_at(progress, "reports")) {
    saved.reports.push_back({json_value<std::int64_t>(report.at(0)), json_value<std::vector<double>>(report.at(1))});
  }
  saved.judged = std::min(json_member<std::size_t>(progress, "judged"), saved.reports.size());
}

// Tells names as TrialCheckpoint gives them, and those of files that were being written when their process died.
bool is_own_name(const std::string& name) {
  const std::size_t key_end = name.find('_');
  const std::size_t repeat_end = name.find(".safetensors");
  if (key_end != kKeyLength || repeat_end == std::string::npos || repeat_end <= key_end + 1) return false;
  const std::string suffix = name.substr(repeat_end + std::string_view(".safetensors").size());
  return name.find_first_not_of("0123456789abcdef") == key_end &&
         name.find_first_not_of("0123456789", key_end + 1) == repeat_end &&
         (suffix.empty() || suffix.starts_with(".part-"));
}

std::string fact(const checkpoint::Facts& facts, const char* name) {
  const auto found = facts.find(name);
  return found == facts.end() ? std::string() : found->second;
}

}  // namespace

TrialCheckpoint::TrialCheckpoint(const std::filesystem::path& folder, const Digest& key, std::uint64_t repeat,
                                 std::string judging)
    : path_(folder / fmt::format("{}_{}.safetensors", key.to_hex().substr(0, kKeyLength), repeat)),
      key_(key.to_hex()),
      repeat_(std::to_string(repeat)),
      judging_(std::move(judging)) {}

std::optional<SavedTraining> TrialCheckpoint::read(const ir::Graph& graph, std::int64_t total_steps) const {
  try {
    if (!path_exists(path_)) return std::nullopt;
    SavedTraining saved{.training = checkpoint::load_training_state(path_, graph), .reports = {}};
    const checkpoint::Facts& facts = saved.training.identity;
    if (fact(facts, kKey) != key_ || fact(facts, kRepeat) != repeat_) {
      throw DataError(path_.string(), "is of another candidate or seed");
    }
    if (fact(facts, kJudging) != judging_) {
      throw DataError(path_.string(), "is of a study with other objectives or another pruner");
    }
    if (saved.training.point.steps < 0 || saved.training.point.steps > total_steps) {
      throw DataError(path_.string(), fmt::format("has {} of {} steps", saved.training.point.steps, total_steps));
    }
    read_progress(fact(facts, kProgress), saved);
    return saved;
  } catch (const json::exception& error) {
    log::warning("{}: left out, the training begins anew: {}", path_.string(), error.what());
  } catch (const Error& error) {
    log::warning("left out, the training begins anew: {}", error.what());
  }
  return std::nullopt;
}

void TrialCheckpoint::save(const engine::Session& session, const engine::TrainReport& so_far,
                           const std::vector<sampler::Report>& reports, std::size_t judged) const {
  try {
    make_directories(path_.parent_path());
    checkpoint::save_training_state(path_, {.weights = session.state(),
                                            .optimizer = session.optimizer_state(),
                                            .point = {so_far.steps, so_far.history, so_far.best_state,
                                                      so_far.best_validation_loss, so_far.since_row},
                                            .identity = {{kKey, key_},
                                                         {kRepeat, repeat_},
                                                         {kJudging, judging_},
                                                         {kProgress, progress_text(so_far, reports, judged)}}});
  } catch (const SystemError& error) {
    log::warning_once(fmt::format("the state of a training is not kept: {}", error.what()));
  }
}

void TrialCheckpoint::remove() const {
  std::error_code absent;
  std::filesystem::remove(path_, absent);
}

void TrialCheckpoint::take_from(const std::filesystem::path& earlier) const {
  const std::filesystem::path there = earlier / path_.filename();
  if (path_exists(path_) || !path_exists(there)) return;
  make_directories(path_.parent_path());
  std::error_code taken;  // by another worker
  std::filesystem::rename(there, path_, taken);
}

void remove_trial_checkpoints(const std::filesystem::path& folder) {
  if (!is_folder(folder)) return;
  std::error_code ignored;
  for (const std::filesystem::path& file : list_folder(folder)) {
    if (is_own_name(file.filename().string())) std::filesystem::remove(file, ignored);
  }
  std::filesystem::remove(folder, ignored);  // not while anything is in it
}

}  // namespace lathe::trial
