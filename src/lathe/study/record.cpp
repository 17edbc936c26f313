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

std::vector<storage::Parameter> storage_parameters(const parameter::Space& space,
                                                   const parameter::Assignment& assignment) {
  std::vector<storage::Parameter> parameters;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (assignment[i] == parameter::kInactive) continue;
    const parameter::Parameter& parameter = space.parameters()[i];
    parameters.push_back({parameter.name, std::make_shared<const parameter::Distribution>(parameter.distribution),
                          parameter::internal_value(parameter.distribution, assignment[i])});
  }
  return parameters;
}

storage::Trial storage_trial(const Trial& trial, std::int64_t trial_id) {
  storage::Trial stored{.trial_id = trial_id,
                        .number = trial.number,
                        .state = trial.state,
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
