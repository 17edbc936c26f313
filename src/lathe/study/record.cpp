#include "lathe/study/record.h"

#include <nlohmann/json.hpp>

namespace lathe::study {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const space::Scalar& scalar) {
  return std::visit(
      [](const auto& value) -> ordered_json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return nullptr;
        else
          return value;
      },
      scalar);
}

ordered_json to_json(const space::SampledConfig& config) {
  ordered_json nodes = ordered_json::object();
  for (const auto& [node, keys] : config) {
    ordered_json values = ordered_json::object();
    for (const auto& [key, value] : keys) values[key] = to_json(value);
    nodes[node] = {{"config", values}};
  }
  return nodes;
}

ordered_json metrics_json(const Evaluation& evaluation, bool hardware) {
  ordered_json values = ordered_json::object();
  for (const auto& [name, value] : evaluation.metrics) {
    if (metric::find_metric(name)->hardware == hardware) values[name] = value;
  }
  return values;
}

}  // namespace

namespace {

// Prints JSON; bytes that are no UTF-8 (from paths, from errors of the system) become the replacement character.
std::string text_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

storage::TrialState storage_state(sampler::TrialState state) {
  switch (state) {
    case sampler::TrialState::kRunning: return storage::TrialState::kRunning;
    case sampler::TrialState::kComplete: return storage::TrialState::kComplete;
    case sampler::TrialState::kPruned: return storage::TrialState::kPruned;
    case sampler::TrialState::kFail: return storage::TrialState::kFail;
    case sampler::TrialState::kWaiting: return storage::TrialState::kWaiting;
  }
  return storage::TrialState::kFail;
}

std::vector<storage::Parameter> storage_parameters(const space::SearchSpace& space,
                                                   const space::Assignment& assignment) {
  std::vector<storage::Parameter> parameters;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const space::Dimension& dimension = space.dimensions()[i];
    storage::Parameter parameter{.name = dimension.name, .choices = {}, .index = assignment[i]};
    for (std::int64_t k = 0; k < dimension.size(); ++k) parameter.choices.push_back(dimension.choice(k));
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

storage::Trial storage_trial(const Trial& trial, std::int64_t trial_id) {
  storage::Trial stored{.trial_id = trial_id,
                        .number = trial.number,
                        .state = storage_state(trial.state),
                        .values = trial.values,
                        .parameters = {},
                        .intermediate_values = {},
                        .user_attributes = {},
                        .system_attributes = {},
                        .started = trial.started,
                        .completed = trial.completed};
  storage::Attributes& attributes = stored.user_attributes;
  attributes["sampled_config"] = text_of(to_json(trial.config));
  if (trial.evaluation) {
    attributes["software_metrics"] = text_of(metrics_json(*trial.evaluation, false));
    attributes["hardware_metrics"] = text_of(metrics_json(*trial.evaluation, true));
    if (!trial.evaluation->spreads.empty())
      attributes["lathe:spreads"] = text_of(ordered_json(trial.evaluation->spreads));
  }
  if (!trial.scaled.empty()) attributes["scaled_metrics"] = text_of(ordered_json(trial.scaled));
  if (!trial.reason.empty()) attributes["lathe:reason"] = text_of(ordered_json(trial.reason));
  if (trial.untrained) attributes["lathe:untrained"] = "true";
  attributes["lathe:key"] = text_of(ordered_json(trial.key.to_hex()));
  attributes["lathe:network"] = text_of(ordered_json{{"widths", trial.widths}, {"bits", trial.bits}});
  return stored;
}

storage::Attributes study_attributes(const StudySettings& settings, const data::Fingerprint& fingerprint,
                                     const std::string& settings_document) {
  storage::Attributes attributes;
  attributes["lathe:seed"] = text_of(ordered_json(settings.seed));
  attributes["lathe:lag"] = text_of(ordered_json(settings.lag));
  attributes["lathe:sampler"] = text_of(ordered_json(settings.sampler));
  attributes["lathe:settings"] = text_of(ordered_json(settings_document));
  attributes["lathe:data"] = text_of(ordered_json{{"dataset", fingerprint.dataset},
                                                  {"source", fingerprint.source},
                                                  {"path", fingerprint.path},
                                                  {"train_rows", fingerprint.train_rows},
                                                  {"validation_rows", fingerprint.validation_rows},
                                                  {"test_rows", fingerprint.test_rows},
                                                  {"split_seed", fingerprint.split_seed},
                                                  {"hash", fingerprint.hash},
                                                  {"notice", fingerprint.notice}});
  return attributes;
}

}  // namespace lathe::study
