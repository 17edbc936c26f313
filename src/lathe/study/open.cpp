#include "lathe/study/open.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lathe/base/error.h"
#include "lathe/base/hash.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/ir/graph.h"
#include "lathe/recipe/settings.h"
#include "lathe/recipe/study_text.h"
#include "lathe/storage/text.h"
#include "lathe/study/record.h"

namespace lathe::study {
namespace {

using nlohmann::ordered_json;

// Study attribute with all that must be the same for every worker. Stored: do not change.
constexpr const char* kIdentityAttribute = "lathe:identity";
// Study attribute with n_trials of the run that made the study. Stored: do not change.
constexpr const char* kBudgetAttribute = "lathe:n_trials";
// Study attribute that says where the study was begun. Stored: do not change.
constexpr const char* kWhereaboutsAttribute = "lathe:whereabouts";

std::string text_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string condition_text(const parameter::Space& space, const parameter::Parameter& parameter) {
  if (!parameter.condition) return {};
  const parameter::Parameter& parent = space.parameters()[parameter.condition->parent];
  std::string values;
  for (std::size_t i = 0; i < parameter.condition->active.size(); ++i) {
    if (!parameter.condition->active[i]) continue;
    values += (values.empty() ? "" : ", ") +
              parameter::to_string(parameter::choice(parent.distribution, static_cast<double>(i)));
  }
  return fmt::format(" when {} is {}", parent.name, values);
}

ordered_json space_json(const parameter::Space& space) {
  ordered_json object = ordered_json::object();
  for (const parameter::Parameter& parameter : space.parameters()) {
    object[parameter.name] = storage::distribution_json(parameter.distribution) + condition_text(space, parameter);
  }
  return object;
}

std::string hash_of(const std::string& text) {
  Hasher hasher;
  hasher.add_text(text);
  return hasher.finish().to_hex();
}

ordered_json identity(const recipe::StudySettings& settings, const StudyFacts& facts) {
  return {{"seed", fmt::format("{}", settings.seed)},
          {"lag", fmt::format("{}", settings.lag)},
          {"sampler", recipe::sampler_text(settings)},
          {"objectives", recipe::objectives_text(settings)},
          {"constraints", recipe::constraints_text(settings)},
          {"pruner", recipe::pruner_text(settings)},
          {"repeats", fmt::format("{}", settings.repeats)},
          {"runner", settings.runner_text()},
          {"batch_size", fmt::format("{}", settings.batch_size)},
          {"compare_to", fmt::format("{}", settings.compare_to_bits)},
          {"weights", facts.weights},
          {"data set", facts.data->hash},
          {"network", hash_of(ir::to_text(facts.space->base()))},
          {"back end", facts.backend},
          {"threads", facts.uses_threads && settings.threads > 1 ? fmt::format("{}", settings.threads) : ""},
          {"choices", space_json(facts.space->parameters())}};
}

storage::Attributes study_attributes(const recipe::StudySettings& settings, const StudyFacts& facts) {
  const data::Fingerprint& data = *facts.data;
  storage::Attributes attributes{
      {kIdentityAttribute, text_of(identity(settings, facts))},
      {"lathe:version", text_of(std::string(recipe::version()))},
      {"lathe:sampler", text_of(settings.sampler)},
      {"lathe:seed", text_of(settings.seed)},
      {"lathe:lag", text_of(settings.lag)},
      {kBudgetAttribute, text_of(settings.n_trials)},
      {"lathe:settings", text_of(facts.settings_document)},
      {"lathe:device", text_of({{"backend", facts.backend},
                                {"accelerator", facts.accelerator},
                                {"threads", settings.threads},
                                {"precision", engine::to_string(settings.precision)}})},
      {"lathe:weights", text_of({{"policy", engine::to_string(settings.weights)}, {"from", facts.weights}})},
      {"lathe:data", text_of({{"dataset", data.dataset},
                              {"source", data.source},
                              {"path", data.path},
                              {"train_rows", data.train_rows},
                              {"validation_rows", data.validation_rows},
                              {"test_rows", data.test_rows},
                              {"split_seed", data.split_seed},
                              {"hash", data.hash},
                              {"notice", data.notice}})}};
  if (!facts.uid.empty()) attributes[kUidAttribute] = text_of(facts.uid);
  if (!facts.whereabouts.working_folder.empty()) {
    attributes[kWhereaboutsAttribute] = text_of({{"working_folder", facts.whereabouts.working_folder},
                                                 {"study_file_folder", facts.whereabouts.study_file_folder}});
  }
  return attributes;
}

storage::Attributes system_attributes(const recipe::StudySettings& settings) {
  ordered_json names = ordered_json::array();
  for (const recipe::Objective& objective : settings.objectives) names.push_back(objective.name);
  if (settings.sum_scaled_metrics) names = {"sum_scaled_metrics"};
  return {{"study:metric_names", text_of(names)}};
}

[[noreturn]] void refuse(const storage::Storage& storage, const std::string& name, const std::string& difference) {
  throw UserError(fmt::format("the study \"{}\" in {} {}", name, storage.address(), difference));
}

std::string shown(const ordered_json& value) {
  constexpr std::size_t kLongest = 200;
  std::string text = value.is_string() ? value.get<std::string>() : text_of(value);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text.empty() ? "none" : text;
}

void check_choices(const storage::Storage& storage, const std::string& name, const ordered_json& theirs,
                   const ordered_json& ours) {
  for (const auto& [parameter, choices] : theirs.items()) {
    if (!ours.contains(parameter))
      refuse(storage, name, fmt::format("decides {}, which this file does not", parameter));
    if (ours[parameter] != choices) {
      refuse(storage, name,
             fmt::format("has other choices for {}: {} there, {} in this file", parameter, shown(choices),
                         shown(ours[parameter])));
    }
  }
  for (const auto& [parameter, choices] : ours.items()) {
    if (!theirs.contains(parameter)) refuse(storage, name, fmt::format("does not decide {}", parameter));
  }
  if (theirs.dump() != ours.dump()) refuse(storage, name, "decides the same parameters in another order");
}

// Compares with a study that another program made, by its trials.
void check_foreign_study(storage::Storage& storage, const storage::StudyInfo& info, const parameter::Space& space) {
  for (const storage::Trial& trial : storage.trials(info.study_id)) {
    for (const storage::Parameter& parameter : trial.parameters) {
      const auto known = std::find_if(space.parameters().begin(), space.parameters().end(),
                                      [&](const auto& candidate) { return candidate.name == parameter.name; });
      if (known == space.parameters().end()) {
        refuse(storage, info.name, fmt::format("decides {}, which this file does not", parameter.name));
      }
      if (known->distribution != *parameter.distribution) {
        refuse(storage, info.name,
               fmt::format("has other choices for {}: {} there, {} in this file", parameter.name,
                           storage::distribution_json(*parameter.distribution),
                           storage::distribution_json(known->distribution)));
      }
    }
  }
  log::warning(
      "the study \"{}\" was not made by lathe: whether its trials used the same data and training is not known",
      info.name);
}

void check_same_study(storage::Storage& storage, const storage::StudyInfo& info, const recipe::StudySettings& settings,
                      const StudyFacts& facts) {
  if (info.directions != settings.directions) refuse(storage, info.name, "has other objectives or directions");
  const auto stored = info.user_attributes.find(kIdentityAttribute);
  if (stored == info.user_attributes.end()) return check_foreign_study(storage, info, facts.space->parameters());
  const ordered_json theirs = json_or_discarded<ordered_json>(stored->second);
  const ordered_json ours = identity(settings, facts);
  if (!theirs.is_object() || !theirs.contains("choices") || !theirs["choices"].is_object()) {
    refuse(storage, info.name, fmt::format("has no readable {}", kIdentityAttribute));
  }
  for (const auto& [key, value] : ours.items()) {
    if (key == "choices" || (key == "back end" && settings.mixed_targets)) continue;
    const ordered_json before = theirs.contains(key) ? theirs[key] : ordered_json("");
    if (before != value) {
      refuse(storage, info.name, fmt::format("differs in {}: {} there, {} now", key, shown(before), shown(value)));
    }
  }
  check_choices(storage, info.name, theirs["choices"], ours["choices"]);
}

std::optional<storage::StudyInfo> newest_of_family(storage::Storage& storage, const std::string& base) {
  std::optional<storage::StudyInfo> newest;
  for (storage::StudyInfo& info : storage.studies()) {
    const std::int64_t place = place_in_family(info.name, base);
    if (place > (newest ? place_in_family(newest->name, base) : 0)) newest = std::move(info);
  }
  return newest;
}

// Reads an attribute of a study; null where it is absent or no JSON.
ordered_json attribute(const storage::StudyInfo& info, const char* key) {
  const auto stored = info.user_attributes.find(key);
  if (stored == info.user_attributes.end()) return nullptr;
  ordered_json value = json_or_discarded<ordered_json>(stored->second);
  return value.is_discarded() ? ordered_json() : value;
}

std::optional<std::int64_t> budget_of(const storage::StudyInfo& info) {
  const ordered_json budget = attribute(info, kBudgetAttribute);
  return budget.is_number_integer() ? std::optional(json_value<std::int64_t>(budget)) : std::nullopt;
}

OpenedStudy joined(storage::Storage& storage, const storage::StudyInfo& info, const recipe::StudySettings& settings,
                   const StudyFacts& facts, Existing existing) {
  try {
    check_same_study(storage, info, settings, facts);
  } catch (const UserError& error) {
    const char* advice = existing == Existing::kRestore
                             ? "it cannot be made again here, bit for bit"
                             : "give the study of this file another name (--study), or begin from its trials with "
                               "--warm-start";
    throw UserError(fmt::format("{}; {}", error.what(), advice));
  }
  return {.id = info.study_id,
          .name = info.name,
          .uid = uid_of(info),
          .joined = true,
          .clock_had_a_say = info.user_attributes.contains(kClockAttribute),
          .budget = budget_of(info).value_or(settings.n_trials)};
}

OpenedStudy created(storage::Storage& storage, const std::string& name, const recipe::StudySettings& settings,
                    const StudyFacts& facts, const std::vector<storage::Trial>& warm_start) {
  storage::StudyInfo info{.name = name,
                          .directions = settings.directions,
                          .user_attributes = study_attributes(settings, facts),
                          .system_attributes = system_attributes(settings)};
  const std::int64_t id = warm_start.empty() ? storage.create_study(info.name, info.directions, info.user_attributes,
                                                                    info.system_attributes)
                                             : storage.import_study(info, warm_start);
  return {.id = id, .name = name, .uid = facts.uid, .budget = settings.n_trials};
}

}  // namespace

std::string uid_of(const storage::StudyInfo& info) {
  const ordered_json uid = attribute(info, kUidAttribute);
  return uid.is_string() ? uid.get<std::string>() : std::string();
}

Whereabouts whereabouts_of(const storage::StudyInfo& info) {
  const ordered_json then = attribute(info, kWhereaboutsAttribute);
  const auto text = [&](const char* key) {
    const auto found = then.find(key);
    return found != then.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return {text("working_folder"), text("study_file_folder")};
}

std::int64_t place_in_family(const std::string& name, const std::string& base) {
  if (name == base) return 1;
  if (!name.starts_with(base + "-")) return 0;
  const char* begin = name.data() + base.size() + 1;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() && number > 1 ? number : 0;
}

OpenedStudy open_study(storage::Storage& storage, const recipe::StudySettings& settings, const StudyFacts& facts,
                       Existing existing, const std::vector<storage::Trial>& warm_start, const TakeName& take_name) {
  if (existing != Existing::kLeave && existing != Existing::kJoin) {
    const auto info =
        existing == Existing::kResume ? newest_of_family(storage, settings.name) : storage.find_study(settings.name);
    if (!info && storage.studies().empty()) {
      log::warning("there is no study in {} yet (its run ended before it began): it begins now", storage.address());
      return created(storage, settings.name, settings, facts, warm_start);
    }
    if (!info) {
      throw UserError(fmt::format("there is no study \"{}\" in {} to resume; leave out --resume to begin it",
                                  settings.name, storage.address()));
    }
    return joined(storage, *info, settings, facts, existing);
  }
  if (existing == Existing::kLeave) {
    std::string name = settings.name;
    for (int i = 2;; name = fmt::format("{}-{}", settings.name, i++)) {
      if (storage.find_study(name) || (take_name && !take_name(name))) continue;
      try {
        return created(storage, name, settings, facts, warm_start);
      } catch (const UserError&) {  // unless another run took the name meanwhile
        if (!storage.find_study(name)) throw;
      }
    }
  }
  if (const auto info = storage.find_study(settings.name)) return joined(storage, *info, settings, facts, existing);
  try {
    return created(storage, settings.name, settings, facts, warm_start);
  } catch (const UserError&) {  // another worker made it meanwhile
    const auto info = storage.find_study(settings.name);
    if (!info) throw;
    return joined(storage, *info, settings, facts, existing);
  }
}

std::vector<storage::Trial> trials_to_copy(storage::Storage& source, const std::string& name,
                                           const recipe::StudySettings& settings, const space::SearchSpace& space) {
  const auto info = source.find_study(name);
  if (!info) throw UserError(fmt::format("there is no study \"{}\" in {} to begin from", name, source.address()));
  if (info->directions != settings.directions) {
    throw UserError(fmt::format("the study \"{}\" in {} has other objectives or directions than this file", name,
                                source.address()));
  }
  std::vector<storage::Trial> copies;
  for (storage::Trial& trial : source.trials(info->study_id)) {
    if (trial.state != TrialState::kComplete && trial.state != TrialState::kPruned) continue;
    const StoredTrial read = read_trial(settings, space, trial);
    if (!read.in_space) continue;
    trial.parameters = storage_parameters(space.parameters(), read.trial.assignment);
    trial.user_attributes["lathe:imported"] = text_of(name);
    trial.user_attributes.erase("lathe:key");
    trial.number = static_cast<std::int64_t>(copies.size());
    copies.push_back(std::move(trial));
  }
  if (copies.empty()) {
    throw UserError(fmt::format("no finished trial of the study \"{}\" in {} has the parameters of this file", name,
                                source.address()));
  }
  return copies;
}

}  // namespace lathe::study
