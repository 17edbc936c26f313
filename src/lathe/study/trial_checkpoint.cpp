#include "lathe/study/trial_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"

namespace lathe::study {
namespace {

using nlohmann::json;

// Names in the identity of the training state. Stored: do not change.
constexpr const char* kKey = "key";
constexpr const char* kRepeat = "repeat";
constexpr const char* kProgress = "progress";
constexpr const char* kJudging = "judging";

std::string progress_text(const engine::TrainReport& so_far, const std::vector<sampler::Report>& reports,
                          std::size_t judged) {
  json list = json::array();
  for (const sampler::Report& report : reports) list.push_back({report.step, report.values});
  return json{
      {"reports", list}, {"judged", judged}, {"wall_seconds", so_far.wall_seconds}, {"cpu_seconds", so_far.cpu_seconds}}
      .dump();
}

void read_progress(const std::string& text, SavedTraining& saved) {
  const json progress = json::parse(text);
  saved.training.point.wall_seconds = progress.at("wall_seconds").get<double>();
  saved.training.point.cpu_seconds = progress.at("cpu_seconds").get<double>();
  for (const json& report : progress.at("reports")) {
    saved.reports.push_back({report.at(0).get<std::int64_t>(), report.at(1).get<std::vector<double>>()});
  }
  saved.judged = std::min(progress.at("judged").get<std::size_t>(), saved.reports.size());
}

std::string fact(const checkpoint::Facts& facts, const char* name) {
  const auto found = facts.find(name);
  return found == facts.end() ? std::string() : found->second;
}

}  // namespace

TrialCheckpoint::TrialCheckpoint(const std::filesystem::path& folder, const Digest& key, std::uint64_t repeat,
                                 std::string judging)
    : path_(folder / fmt::format("{}_{}.safetensors", key.to_hex().substr(0, 32), repeat)),
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

}  // namespace lathe::study
