#include "lathe/table/document.h"

#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/table/files.h"

namespace lathe::table {
namespace {

using Json = nlohmann::ordered_json;

// So many values may the parameter have under which another one exists.
constexpr std::int64_t kMostCodes = 4096;

Json to_json(const parameter::Choice& choice) {
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return nullptr;
        else
          return value;
      },
      choice);
}

parameter::Choice choice_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json_value<std::int64_t>(json);
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  return std::monostate{};
}

Json to_json(const parameter::Distribution& distribution) {
  if (const auto* list = std::get_if<parameter::Categorical>(&distribution)) {
    Json choices = Json::array();
    for (const parameter::Choice& choice : list->choices) choices.push_back(to_json(choice));
    return {{"type", "categorical"}, {"choices", choices}};
  }
  if (const auto* range = std::get_if<parameter::Integer>(&distribution)) {
    return {
        {"type", "integer"}, {"low", range->low}, {"high", range->high}, {"step", range->step}, {"log", range->log}};
  }
  const auto& range = std::get<parameter::Float>(distribution);
  return {{"type", "float"}, {"low", range.low}, {"high", range.high}, {"step", range.step.value_or(0)}};
}

parameter::Distribution distribution_of(const Json& json) {
  const auto type = json_member<std::string>(json, "type");
  if (type == "integer") {
    return parameter::checked(parameter::Integer{.low = json_member<std::int64_t>(json, "low"),
                                                 .high = json_member<std::int64_t>(json, "high"),
                                                 .step = json_member<std::int64_t>(json, "step"),
                                                 .log = json_member<bool>(json, "log")});
  }
  if (type == "float") {
    const auto step = json_member<double>(json, "step");
    return parameter::checked(parameter::Float{.low = json_member<double>(json, "low"),
                                               .high = json_member<double>(json, "high"),
                                               .step = step == 0 ? std::nullopt : std::optional(step)});
  }
  parameter::Categorical list;
  for (const Json& choice : json_at(json, "choices")) list.choices.push_back(choice_of(choice));
  return parameter::checked(list);
}

Json parameters_json(const parameter::Space& space) {
  Json list = Json::array();
  for (const parameter::Parameter& parameter : space.parameters()) {
    Json entry{{"name", parameter.name}};
    entry.update(to_json(parameter.distribution));
    if (parameter.condition) {
      entry["exists_where"] = {{"parameter", space.parameters()[parameter.condition->parent].name},
                               {"codes", Json::array()}};
      for (std::size_t code = 0; code < parameter.condition->active.size(); ++code) {
        if (parameter.condition->active[code]) entry["exists_where"]["codes"].push_back(code);
      }
    }
    list.push_back(std::move(entry));
  }
  return list;
}

parameter::Condition condition_of(const Json& json, const std::vector<parameter::Parameter>& before) {
  const auto name = json_member<std::string>(json, "parameter");
  for (std::size_t parent = 0; parent < before.size(); ++parent) {
    if (before[parent].name != name) continue;
    const std::int64_t size = parameter::size(before[parent].distribution).value_or(0);
    if (size > kMostCodes) throw DataError(fmt::format("parameter \"{}\" has more than {} values", name, kMostCodes));
    parameter::Condition condition{.parent = parent, .active = std::vector<bool>(static_cast<std::size_t>(size))};
    for (const Json& code : json_at(json, "codes")) condition.active.at(json_value<std::size_t>(code)) = true;
    return condition;
  }
  throw DataError("a parameter exists under \"" + name + "\", which is not one of those before it");
}

parameter::Space space_of(const Json& json) {
  std::vector<parameter::Parameter> parameters;
  for (const Json& entry : json) {
    parameter::Parameter parameter{json_member<std::string>(entry, "name"), distribution_of(entry)};
    if (entry.contains("exists_where")) parameter.condition = condition_of(entry["exists_where"], parameters);
    parameters.push_back(std::move(parameter));
  }
  return parameter::Space(std::move(parameters));
}

Json data_json(const Facts& facts) {
  return {{"dataset", facts.dataset},
          {"source", facts.source},
          {"train_rows", facts.train_rows},
          {"validation_rows", facts.validation_rows},
          {"hash", facts.data_hash}};
}

Facts facts_of(const Json& file) {
  const Json& data = json_at(file, "data");
  const auto text = [&](const char* name) { return json_member<std::string>(file, name); };
  return {.model = text("model"),
          .network = text("network"),
          .runner = text("runner"),
          .weights = text("weights"),
          .dataset = json_member<std::string>(data, "dataset"),
          .source = json_member<std::string>(data, "source"),
          .notice = file.contains("notice") ? text("notice") : std::string(),
          .data_hash = json_member<std::string>(data, "hash"),
          .train_rows = json_member<std::int64_t>(data, "train_rows"),
          .validation_rows = json_member<std::int64_t>(data, "validation_rows"),
          .seed = json_member<std::uint64_t>(file, "seed"),
          .backend = text("backend"),
          .target = text("target")};
}

Direction direction_of(const Json& json) {
  const auto name = json_value<std::string>(json);
  if (name == to_string(Direction::kMinimize)) return Direction::kMinimize;
  if (name == to_string(Direction::kMaximize)) return Direction::kMaximize;
  throw DataError(fmt::format("\"{}\" is no direction", name));
}

template <typename Arrays>
Json names_of(const Arrays& arrays) {
  Json names = Json::array();
  for (const auto& [name, values] : arrays) names.push_back(name);
  return names;
}

Document document_of(const Json& file) {
  const int version = json_member<int>(file, "schema_version");
  if (version != kSchemaVersion) {
    throw DataError(fmt::format("has schema version {}; this lathe reads {}", version, kSchemaVersion));
  }
  Document document;
  Contents& contents = document.contents;
  contents.facts = facts_of(file);
  contents.space = space_of(json_at(file, "parameters"));
  for (const Json& objective : json_at(file, "objectives")) {
    contents.objectives.push_back(
        {json_member<std::string>(objective, "name"), direction_of(json_at(objective, "direction"))});
  }
  contents.layers = json_member<std::vector<std::string>>(file, "layers");
  contents.seeds = json_member<std::int64_t>(file, "seeds");
  contents.epochs = json_member<std::int64_t>(file, "epochs");
  document.costs = json_member<std::vector<std::string>>(file, "costs");
  document.metrics = json_member<std::vector<std::string>>(file, "metrics");
  document.curves = json_member<std::vector<std::string>>(file, "curves");
  document.arrays_sha256 = json_member<std::string>(file, "arrays_sha256");
  if (contents.objectives.empty() || contents.seeds < 1 || contents.epochs < 1) {
    throw DataError("is no document of a table: it has no objectives, seeds or epochs");
  }
  return document;
}

}  // namespace

std::string document_of(const Contents& contents, const std::vector<ArrayDescription>& arrays,
                        const std::string& arrays_sha256) {
  const Facts& facts = contents.facts;
  Json file;
  file["schema_version"] = kSchemaVersion;
  file["content"] = "a search space trained in whole by lathe table";
  if (!facts.notice.empty()) file["notice"] = facts.notice;
  file["model"] = facts.model;
  file["data"] = data_json(facts);
  file["seed"] = facts.seed;
  file["backend"] = facts.backend;
  file["target"] = facts.target;
  file["candidates"] = contents.assignments.size();
  file["seeds"] = contents.seeds;
  file["epochs"] = contents.epochs;
  file["parameters"] = parameters_json(contents.space);
  file["objectives"] = Json::array();
  for (const Objective& objective : contents.objectives) {
    file["objectives"].push_back({{"name", objective.name}, {"direction", to_string(objective.direction)}});
  }
  file["layers"] = contents.layers;
  file["costs"] = names_of(contents.costs);
  file["metrics"] = names_of(contents.metrics);
  file["curves"] = names_of(contents.curves);
  file["arrays"] = Json::object();
  for (const ArrayDescription& array : arrays) {
    file["arrays"][array.name] = {{"type", array.type}, {"shape", array.shape}, {"meaning", array.meaning}};
  }
  file["arrays_sha256"] = arrays_sha256;
  file["weights"] = facts.weights;
  file["runner"] = facts.runner;
  file["network"] = facts.network;
  return dump_json(file, 1) + '\n';
}

Document parse_document(const std::string& text, const std::string& path) {
  try {
    return document_of(parse_json<Json>(text, ""));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(path, fmt::format("is no document of a table: {}", error.what()));
  } catch (const std::out_of_range&) {
    throw DataError(path, "is no document of a table: a condition names a code that its parameter lacks");
  } catch (const Error& error) {
    throw DataError(path, error.what());
  }
}

}  // namespace lathe::table
