#include "lathe/study/record.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/metric/metric.h"
#include "lathe/space/summary.h"

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

ordered_json numbers_json(const storage::Metrics& metrics) {
  ordered_json values = ordered_json::object();
  for (const auto& [name, value] : metrics) values[name] = value;
  return values;
}

ordered_json metrics_json(const trial::Evaluation& evaluation, bool hardware) {
  ordered_json values = ordered_json::object();
  for (const auto& [name, value] : evaluation.metrics) {
    if (metric::find_metric(name)->hardware == hardware) values[name] = value;
  }
  return values;
}

// Prints JSON; bytes that are no UTF-8 (from paths, from errors of the system) become the replacement character.
std::string text_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json reports_json(const std::vector<sampler::Report>& reports) {
  ordered_json list = ordered_json::array();
  for (const sampler::Report& report : reports) list.push_back({report.step, report.values});
  return list;
}

// JSON has no infinity: the largest double stands for it, which Optuna reads, too.
constexpr double kLargest = std::numeric_limits<double>::max();

std::string constraints_text(std::vector<double> constraints) {
  for (double& constraint : constraints) constraint = std::clamp(constraint, -kLargest, kLargest);
  return text_of(ordered_json(constraints));
}

// Reads a violation; what is no number (NaN, null) is none that was met.
double constraint_from(const ordered_json& value) {
  const double violation = value.is_number() ? value.get<double>() : kLargest;
  if (std::abs(violation) < kLargest) return violation;
  return std::copysign(std::numeric_limits<double>::infinity(), violation);
}

// Marks a complete trial whose last report came before the end of its training.
constexpr const char* kAllJudged = "lathe:all_judged";

// Says where a trial ran and what memory that took. Stored: do not change.
constexpr const char* kUsage = "lathe:ran_on";

void add_usage(const trial::Usage& usage, storage::Attributes& attributes) {
  if (usage.accelerator.empty()) return;
  attributes[kUsage] = text_of({{"backend", usage.backend},
                                {"target", usage.target},
                                {"accelerator", usage.accelerator},
                                {"planned_bytes", usage.planned_bytes},
                                {"peak_bytes", usage.peak_bytes}});
}

void add_evaluation(const trial::Evaluation& evaluation, storage::Attributes& attributes) {
  add_usage(evaluation.usage, attributes);
  attributes["software_metrics"] = text_of(metrics_json(evaluation, false));
  attributes["hardware_metrics"] = text_of(metrics_json(evaluation, true));
  if (!evaluation.spreads.empty()) attributes["lathe:spreads"] = text_of(ordered_json(evaluation.spreads));
  if (evaluation.repeats.empty()) return;
  attributes["lathe:standard_errors"] = text_of(ordered_json(evaluation.standard_errors));
  attributes["lathe:repeats"] = text_of(ordered_json(evaluation.repeats));
}

void add_reports(const Trial& trial, storage::Trial& stored) {
  if (trial.reports.empty()) return;
  for (const sampler::Report& report : trial.reports) stored.intermediate_values[report.step] = report.values.front();
  const std::vector<double>& last = trial.reports.back().values;
  if (last.size() > 1) stored.user_attributes["lathe:reports"] = text_of(reports_json(trial.reports));
  const bool all_judged = trial.evaluation && trial.evaluation->judged == trial.reports.size();
  if (trial.state == TrialState::kComplete && all_judged) stored.user_attributes[kAllJudged] = "true";
  const bool pruned_with_value = trial.state == TrialState::kPruned && last.size() == 1 && !std::isnan(last.front());
  if (pruned_with_value) stored.values = last;  // as Optuna does
}

// Names why a trial failed. Stored: do not change.
constexpr const char* kFailure = "lathe:failure";

// Parses numbers that Python may have written: its JSON knows Infinity and NaN.
ordered_json parsed_numbers(std::string text) {
  const auto replace = [&](std::string_view word, std::string_view by) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
      text.replace(at, word.size(), by);
    }
  };
  replace("Infinity", "1.7976931348623157e308");
  replace("NaN", "null");
  ordered_json value = json_or_discarded<ordered_json>(text);
  return value.is_discarded() ? ordered_json(nullptr) : value;
}

// Returns an attribute, null where it is absent. Damage is an error: what is left out in silence changes the search.
ordered_json parsed(const storage::Attributes& attributes, const std::string& key) {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return nullptr;
  ordered_json value = json_or_discarded<ordered_json>(found->second);
  if (!value.is_discarded()) return value;
  value = parsed_numbers(found->second);
  if (value.is_null()) throw DataError(fmt::format("its attribute {} is no JSON", key));
  return value;
}

std::string text_at(const storage::Attributes& attributes, const std::string& key) {
  const ordered_json value = parsed(attributes, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

void add_numbers(const ordered_json& object, std::map<std::string, double>& target) {
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) {
    if (value.is_number()) target[name] = value.get<double>();
  }
}

trial::Usage read_usage(const storage::Attributes& attributes) {
  trial::Usage usage;
  const ordered_json object = parsed(attributes, kUsage);
  if (!object.is_object()) return usage;
  const auto take = [&](const char* name, auto& target) {
    const auto found = object.find(name);
    if (found == object.end()) return;
    if constexpr (std::is_same_v<std::decay_t<decltype(target)>, std::string>) {
      if (found->is_string()) target = found->get<std::string>();
    } else {
      target = json_member_or<std::int64_t>(object, name, 0);
    }
  };
  take("backend", usage.backend);
  take("target", usage.target);
  take("accelerator", usage.accelerator);
  take("planned_bytes", usage.planned_bytes);
  take("peak_bytes", usage.peak_bytes);
  return usage;
}

// Adds the metrics that this version knows.
void add_metrics(const ordered_json& object, std::map<std::string, double>& target) {
  std::map<std::string, double> all;
  add_numbers(object, all);
  for (const auto& [name, value] : all) {
    if (metric::find_metric(name) != nullptr) target[name] = value;
  }
}

space::Scalar scalar_of(const ordered_json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return json_value<std::int64_t>(value);
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return std::monostate{};
}

FixedValues read_fixed(const storage::Trial& stored) {
  FixedValues fixed;
  const ordered_json object = parsed(stored.system_attributes, "fixed_params");
  if (!object.is_object()) return fixed;
  for (const auto& [name, value] : object.items()) fixed[name] = scalar_of(value);
  return fixed;
}

std::optional<double> code_in(const parameter::Parameter& parameter, const storage::Trial& stored) {
  for (const storage::Parameter& given : stored.parameters) {
    if (given.name != parameter.name) continue;
    const auto code = parameter::code_of_internal(*given.distribution, given.value);
    if (!code) return std::nullopt;
    return parameter::code_of(parameter.distribution, parameter::choice(*given.distribution, *code));
  }
  return std::nullopt;
}

// Returns the assignment that a trial's parameters stand for; nullopt when one is missing or has another value.
std::optional<parameter::Assignment> read_assignment(const parameter::Space& space, const storage::Trial& stored) {
  parameter::Assignment assignment(space.parameters().size(), parameter::kInactive);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (!space.is_active(assignment, i)) continue;
    const std::optional<double> code = code_in(space.parameters()[i], stored);
    if (!code) return std::nullopt;
    assignment[i] = *code;
  }
  return assignment;
}

std::vector<sampler::Report> read_reports(const storage::Trial& stored, std::size_t objectives) {
  std::vector<sampler::Report> reports;
  if (objectives == 1) {
    for (const auto& [step, value] : stored.intermediate_values) reports.push_back({step, {value}});
    return reports;
  }
  const ordered_json list = parsed(stored.user_attributes, "lathe:reports");
  if (!list.is_array()) return reports;
  for (const ordered_json& entry : list) {
    const bool shaped = entry.is_array() && entry.size() == 2 && entry[0].is_number_integer() && entry[1].is_array() &&
                        entry[1].size() == objectives;
    if (!shaped) return {};
    sampler::Report report{json_value<std::int64_t>(entry[0]), {}};
    for (const ordered_json& value : entry[1]) {
      report.values.push_back(value.is_number() ? value.get<double>() : std::nan(""));
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

// Says why a trial failed; one of an earlier version, which kept a text alone, is judged by that.
trial::Failure read_failure(const storage::Trial& stored, const std::string& reason) {
  if (stored.state != TrialState::kFail) return trial::Failure::kNone;
  if (stored.user_attributes.contains(kFailure))
    return trial::failure_from_text(text_at(stored.user_attributes, kFailure));
  const auto key = Digest::from_hex(text_at(stored.user_attributes, "lathe:key"));
  return trial::failure_of_reason(reason, key && *key != Digest{});
}

// `trial` holds all but the evaluation.
std::shared_ptr<const trial::Evaluation> read_evaluation(const storage::Trial& stored, const Trial& trial) {
  if (!stored.user_attributes.contains("software_metrics")) return nullptr;
  trial::Evaluation evaluation;
  evaluation.complete = stored.state == TrialState::kComplete;
  evaluation.ruled_out = stored.state == TrialState::kPruned && trial.reports.empty() && !trial.feasible();
  evaluation.pruned = stored.state == TrialState::kPruned && !evaluation.ruled_out;
  evaluation.usage = read_usage(stored.user_attributes);
  evaluation.reason = trial.reason;
  evaluation.constraints = trial.constraints;
  evaluation.reports = trial.reports;
  const bool all_judged = evaluation.pruned || stored.user_attributes.contains(kAllJudged);
  evaluation.out_of_memory = trial.failure == trial::Failure::kMemory;
  evaluation.timed_out = trial.failure == trial::Failure::kTimeout;
  evaluation.judged = trial.reports.size() - (all_judged || trial.reports.empty() ? 0 : 1);
  add_metrics(parsed(stored.user_attributes, "software_metrics"), evaluation.metrics);
  add_metrics(parsed(stored.user_attributes, "hardware_metrics"), evaluation.metrics);
  add_numbers(parsed(stored.user_attributes, "lathe:spreads"), evaluation.spreads);
  add_numbers(parsed(stored.user_attributes, "lathe:standard_errors"), evaluation.standard_errors);
  const ordered_json repeats = parsed(stored.user_attributes, "lathe:repeats");
  for (std::size_t i = 0; repeats.is_array() && i < repeats.size(); ++i) {
    add_metrics(repeats[i], evaluation.repeats.emplace_back());
    const bool alike =
        std::equal(evaluation.repeats[i].begin(), evaluation.repeats[i].end(), evaluation.repeats[0].begin(),
                   evaluation.repeats[0].end(), [](const auto& a, const auto& b) { return a.first == b.first; });
    if (!alike) throw DataError("its attribute lathe:repeats has other metrics for each seed");
  }
  if (stored.started && stored.completed) {
    evaluation.wall_seconds = std::chrono::duration<double>(*stored.completed - *stored.started).count();
  }
  return std::make_shared<const trial::Evaluation>(std::move(evaluation));
}

void read_network(const space::SearchSpace& space, const storage::Trial& stored, Trial& trial) {
  const ordered_json network = parsed(stored.user_attributes, "lathe:network");
  if (network.is_object() && network.contains("widths") && network["widths"].is_string() && network.contains("bits") &&
      network["bits"].is_string()) {
    trial.sampled_config = space.sample(trial.assignment);
    trial.widths = network["widths"].get<std::string>();
    trial.bits = network["bits"].get<std::string>();
  } else {
    try {  // a trial of another program
      const space::Candidate candidate = space.decode(trial.assignment);
      trial.sampled_config = candidate.config;
      trial.widths = space::width_summary(candidate.graph);
      trial.bits = space::bits_summary(candidate.graph);
    } catch (const UserError&) {
      // an impossible network
    }
  }
  if (const auto key = Digest::from_hex(text_at(stored.user_attributes, "lathe:key"))) trial.key = *key;
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

storage::Attributes worker_attributes(const std::string& worker, std::int64_t attempts) {
  return {{"lathe:worker", text_of(worker)}, {kAttemptsAttribute, std::to_string(attempts)}};
}

std::vector<double> read_constraints(const storage::Trial& stored) {
  std::vector<double> constraints;
  constexpr std::string_view kPrefix = "constraints:";  // Optuna 5's form
  for (const auto& [key, text] : stored.system_attributes) {
    if (key.starts_with(kPrefix)) constraints.push_back(constraint_from(parsed_numbers(text)));
    if (key != "constraints") continue;
    const ordered_json list = parsed_numbers(text);
    if (!list.is_array()) continue;
    for (const ordered_json& value : list) constraints.push_back(constraint_from(value));
  }
  return constraints;
}

storage::Trial storage_trial(const Trial& trial) {
  storage::Trial stored{.trial_id = trial.trial_id,
                        .number = trial.number,
                        .state = trial.state,
                        .values = trial.state == TrialState::kComplete ? trial.values : std::vector<double>{},
                        .parameters = {},
                        .intermediate_values = {},
                        .user_attributes = {},
                        .system_attributes = {},
                        .started = trial.started,
                        .completed = trial.completed};
  storage::Attributes& attributes = stored.user_attributes;
  attributes["sampled_config"] = text_of(to_json(trial.sampled_config));
  if (trial.evaluation) add_evaluation(*trial.evaluation, attributes);
  if (!trial.scaled_metrics.empty()) attributes["scaled_metrics"] = text_of(numbers_json(trial.scaled_metrics));
  if (!trial.reason.empty()) attributes["lathe:reason"] = text_of(ordered_json(trial.reason));
  if (trial.failure != trial::Failure::kNone) attributes[kFailure] = text_of(ordered_json(to_string(trial.failure)));
  if (trial.untrained) attributes["lathe:untrained"] = "true";
  attributes["lathe:key"] = text_of(ordered_json(trial.key.to_hex()));
  attributes["lathe:network"] = text_of(ordered_json{{"widths", trial.widths}, {"bits", trial.bits}});
  if (!trial.constraints.empty()) {
    stored.system_attributes["constraints"] = constraints_text(trial.constraints);
  }
  add_reports(trial, stored);
  return stored;
}

namespace {

StoredTrial read_undamaged(const recipe::StudySettings& settings, const space::SearchSpace& space,
                           const storage::Trial& stored) {
  StoredTrial read;
  Trial& trial = read.trial;
  trial.number = stored.number;
  trial.trial_id = stored.trial_id;
  trial.state = stored.state;
  trial.started = stored.started.value_or(storage::Time{});
  trial.completed = stored.completed ? stored.completed : trial.started;
  trial.reason = text_at(stored.user_attributes, "lathe:reason");
  trial.failure = read_failure(stored, trial.reason);
  trial.untrained = stored.user_attributes.contains("lathe:untrained");
  trial.imported = stored.user_attributes.contains("lathe:imported");
  const ordered_json attempts = parsed(stored.user_attributes, kAttemptsAttribute);
  if (attempts.is_number_integer()) trial.attempts = json_value<std::int64_t>(attempts);
  if (trial.state == TrialState::kComplete) trial.values = stored.values;
  const auto is_nan = [](double value) { return std::isnan(value); };
  const bool no_number = std::any_of(trial.values.begin(), trial.values.end(), is_nan);
  if (trial.state == TrialState::kComplete && trial.values.size() != settings.directions.size()) {
    throw DataError(fmt::format("it is complete with {} value{}, and the study has {} objective{}", trial.values.size(),
                                trial.values.size() == 1 ? "" : "s", settings.directions.size(),
                                settings.directions.size() == 1 ? "" : "s"));
  }
  if (no_number) {
    trial.state = TrialState::kFail;
    trial.values.clear();
    trial.reason = "stored as complete without its values";
    trial.failure = trial::Failure::kDiverged;
  }
  std::map<std::string, double> scaled;
  add_numbers(parsed(stored.user_attributes, "scaled_metrics"), scaled);
  trial.scaled_metrics = {scaled.begin(), scaled.end()};
  trial.constraints = read_constraints(stored);
  trial.reports = read_reports(stored, settings.directions.size());
  trial.evaluation = read_evaluation(stored, trial);
  read.worker = text_at(stored.user_attributes, "lathe:worker");
  read.interrupted = parsed(stored.user_attributes, kInterruptedAttribute) == true;
  read.fixed = read_fixed(stored);
  if (auto assignment = read_assignment(space.parameters(), stored)) {
    trial.assignment = std::move(*assignment);
    if (trial.ended()) read_network(space, stored, trial);
  } else {
    read.in_space = trial.state == TrialState::kWaiting;
  }
  return read;
}

}  // namespace

void check_numbers(const recipe::StudySettings& settings, const std::vector<storage::Trial>& stored) {
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (stored[i].number == static_cast<std::int64_t>(i)) continue;
    throw DataError(fmt::format("study \"{}\": trial {} is missing, and trial {} is there: the database is damaged",
                                settings.name, i, stored[i].number));
  }
}

StoredTrial read_trial(const recipe::StudySettings& settings, const space::SearchSpace& space,
                       const storage::Trial& stored) {
  try {
    return read_undamaged(settings, space, stored);
  } catch (const DataError& error) {
    throw DataError(fmt::format("study \"{}\", trial {}: {}", settings.name, stored.number, error.what()));
  }
}

}  // namespace lathe::study
