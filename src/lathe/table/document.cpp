#include "lathe/table/document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lathe/base/error.h"
#include "lathe/table/files.h"

namespace lathe::table {
namespace {

using Json = nlohmann::ordered_json;

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
  if (json.is_number_integer()) return json.get<std::int64_t>();
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
  const auto type = json.at("type").get<std::string>();
  if (type == "integer") {
    return parameter::Integer{
        .low = json.at("low"), .high = json.at("high"), .step = json.at("step"), .log = json.at("log")};
  }
  if (type == "float") {
    return parameter::Float{.low = json.at("low"), .high = json.at("high"), .step = json.at("step").get<double>()};
  }
  parameter::Categorical list;
  for (const Json& choice : json.at("choices")) list.choices.push_back(choice_of(choice));
  return list;
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
  const auto name = json.at("parameter").get<std::string>();
  for (std::size_t parent = 0; parent < before.size(); ++parent) {
    if (before[parent].name != name) continue;
    const auto size = static_cast<std::size_t>(parameter::size(before[parent].distribution).value_or(0));
    parameter::Condition condition{.parent = parent, .active = std::vector<bool>(size)};
    for (const Json& code : json.at("codes")) condition.active.at(code.get<std::size_t>()) = true;
    return condition;
  }
  throw DataError("a parameter exists under \"" + name + "\", which is not one of those before it");
}

parameter::Space space_of(const Json& json) {
  std::vector<parameter::Parameter> parameters;
  for (const Json& entry : json) {
    parameter::Parameter parameter{entry.at("name"), distribution_of(entry)};
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
  const Json& data = file.at("data");
  return {.model = file.at("model"),
          .network = file.at("network"),
          .runner = file.at("runner"),
          .weights = file.at("weights"),
          .dataset = data.at("dataset"),
          .source = data.at("source"),
          .notice = file.value("notice", ""),
          .data_hash = data.at("hash"),
          .train_rows = data.at("train_rows"),
          .validation_rows = data.at("validation_rows"),
          .seed = file.at("seed"),
          .backend = file.at("backend"),
          .target = file.at("target")};
}

Direction direction_of(const Json& json) {
  const auto name = json.get<std::string>();
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
  const int version = file.at("schema_version").get<int>();
  if (version != kSchemaVersion) {
    throw DataError(fmt::format("has schema version {}; this lathe reads {}", version, kSchemaVersion));
  }
  Document document;
  Contents& contents = document.contents;
  contents.facts = facts_of(file);
  contents.space = space_of(file.at("parameters"));
  for (const Json& objective : file.at("objectives")) {
    contents.objectives.push_back({objective.at("name"), direction_of(objective.at("direction"))});
  }
  contents.layers = file.at("layers").get<std::vector<std::string>>();
  contents.seeds = file.at("seeds");
  contents.epochs = file.at("epochs");
  document.costs = file.at("costs").get<std::vector<std::string>>();
  document.metrics = file.at("metrics").get<std::vector<std::string>>();
  document.curves = file.at("curves").get<std::vector<std::string>>();
  document.arrays_sha256 = file.at("arrays_sha256");
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
  return file.dump(1) + '\n';
}

Document parse_document(const std::string& text, const std::string& path) {
  try {
    return document_of(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(path, fmt::format("is no document of a table: {}", error.what()));
  } catch (const std::out_of_range&) {
    throw DataError(path, "is no document of a table: a condition names a code that its parameter lacks");
  } catch (const Error& error) {
    throw DataError(path, error.what());
  }
}

}  // namespace lathe::table
