#include "lathe/study/closing.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/study/record.h"
#include "lathe/trial/objective.h"

namespace lathe::study {
namespace {

using nlohmann::ordered_json;

// Study attribute with what a study came to. Stored: do not change.
constexpr const char* kClosingAttribute = "lathe:closing";

ordered_json to_json(const FinalScore& score) {
  return {{"number", score.number},       {"scores", score.scores},
          {"losses", score.losses},       {"mean_score", score.mean_score},
          {"mean_loss", score.mean_loss}, {"standard_error", score.standard_error},  // of one seed NaN: null
          {"reason", score.reason}};
}

double number_or_nan(const ordered_json& value) { return value.is_number() ? value.get<double>() : std::nan(""); }

FinalScore score_from(const ordered_json& json) {
  return {.number = json.at("number").get<std::int64_t>(),
          .scores = json.at("scores").get<std::vector<double>>(),
          .losses = json.at("losses").get<std::vector<double>>(),
          .mean_score = number_or_nan(json.at("mean_score")),
          .standard_error = number_or_nan(json.at("standard_error")),
          .mean_loss = number_or_nan(json.at("mean_loss")),
          .reason = json.at("reason").get<std::string>()};
}

ordered_json to_json(const ProfileTotals& profile) {
  ordered_json phases = ordered_json::array();
  for (const ProfileTotals::Duration& phase : profile.phases) phases.push_back(phase.count());
  return {{"threads", profile.threads}, {"wall", profile.wall.count()}, {"phases", phases}};
}

std::optional<ProfileTotals> profile_from(const ordered_json& json) {
  if (!json.is_object() || json.at("phases").size() != kPhases) return std::nullopt;
  ProfileTotals profile{.threads = json.at("threads").get<std::int64_t>(),
                        .wall = ProfileTotals::Duration(json.at("wall").get<std::int64_t>()),
                        .phases = {}};
  for (std::size_t i = 0; i < kPhases; ++i) {
    profile.phases[i] = ProfileTotals::Duration(json.at("phases")[i].get<std::int64_t>());
  }
  return profile;
}

Closing closing_from(const ordered_json& json) {
  Closing closing{.end = study_end_from_name(json.at("end").get<std::string>()),
                  .reproducible = json.at("reproducible").get<bool>(),
                  .raced = json.at("raced").get<bool>(),
                  .wall_seconds = json.at("wall_seconds").get<double>(),
                  .finals = {},
                  .profile = profile_from(json.at("profile")),
                  .settings_document = json.at("settings").get<std::string>()};
  if (json.contains("race_best")) {  // not in studies of earlier versions
    closing.race_best = json.at("race_best").get<std::vector<std::int64_t>>();
    closing.race_trials = json.at("race_trials").get<std::int64_t>();
  }
  for (const ordered_json& score : json.at("finals")) closing.finals.push_back(score_from(score));
  return closing;
}

}  // namespace

void store_closing(storage::Storage& storage, std::int64_t study_id, const Closing& closing) {
  ordered_json finals = ordered_json::array();
  for (const FinalScore& score : closing.finals) finals.push_back(to_json(score));
  ordered_json json{{"end", to_string(closing.end)},
                    {"reproducible", closing.reproducible},
                    {"raced", closing.raced},
                    {"wall_seconds", closing.wall_seconds},
                    {"finals", finals},
                    {"profile", closing.profile ? to_json(*closing.profile) : ordered_json()},
                    {"settings", closing.settings_document}};
  if (closing.race_best) {
    json["race_best"] = *closing.race_best;
    json["race_trials"] = closing.race_trials;
  }
  storage.set_study_attributes(
      study_id, {{kClosingAttribute, json.dump(-1, ' ', false, ordered_json::error_handler_t::replace)}}, {});
}

std::optional<Closing> read_closing(const storage::StudyInfo& info) {
  const auto stored = info.user_attributes.find(kClosingAttribute);
  if (stored == info.user_attributes.end()) return std::nullopt;
  try {
    return closing_from(parse_json<ordered_json>(stored->second, kClosingAttribute));
  } catch (const ordered_json::exception&) {
    return std::nullopt;  // somebody else's
  } catch (const DataError&) {
    return std::nullopt;
  }
}

namespace {

// Throws where the values of a complete trial are not those that its own metrics make.
void check_values(const recipe::StudySettings& settings, const Trial& trial) {
  if (trial.state != TrialState::kComplete || !trial.evaluation || trial.imported) return;
  constexpr double kRounding = 1e-9;  // of another build's arithmetic
  const std::vector<double> made = trial::score(settings, trial.evaluation->metrics).values;
  for (std::size_t i = 0; i < made.size(); ++i) {
    const double stored = trial.values[i];
    if (std::isnan(made[i]) || stored == made[i]) continue;  // an absent metric: a trial of another program
    if (std::abs(stored - made[i]) <= kRounding * std::abs(made[i])) continue;
    throw DataError(fmt::format(
        "study \"{}\", trial {}: its value of objective {} is {}, and its metrics make {}: the database is damaged",
        settings.name, trial.number, i, stored, made[i]));
  }
}

}  // namespace

StudyResult stored_result(storage::Storage& storage, std::int64_t study_id, const recipe::StudySettings& settings,
                          const space::SearchSpace& space) {
  std::vector<Trial> ended;
  const std::vector<storage::Trial> all = storage.trials(study_id);
  check_numbers(settings, all);
  for (const storage::Trial& stored : all) {
    StoredTrial read = read_trial(settings, space, stored);
    check_values(settings, read.trial);
    if (read.trial.ended()) ended.push_back(std::move(read.trial));
  }
  return study_result(std::move(ended), settings.directions);
}

}  // namespace lathe::study
