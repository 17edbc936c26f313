#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/app/tabulate.h"
#include "lathe/base/json.h"
#include "lathe/cli/table_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/closing_table.h"
#include "lathe/table/files.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;
constexpr float kFloatBits = 32;

std::string number_cell(const table::Mean& mean) {
  if (std::isnan(mean.mean)) return "diverged";
  const bool whole = mean.mean == std::trunc(mean.mean) && std::abs(mean.mean) < 1e15;
  if (whole && mean.standard_error == 0) return report::count_text(static_cast<long long>(mean.mean));
  return report::number_text(mean.mean, 5);
}

std::string objectives_text(const std::vector<table::Objective>& objectives) {
  std::string text;
  for (const table::Objective& objective : objectives) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", objective.name,
                        objective.direction == Direction::kMaximize ? "high" : "low");
  }
  return text;
}

Json scalar(const parameter::Choice& choice) {
  if (const auto* flag = std::get_if<bool>(&choice)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&choice)) return *number;
  if (const auto* number = std::get_if<double>(&choice)) return *number;
  if (const auto* text = std::get_if<std::string>(&choice)) return *text;
  return nullptr;
}

Json finite(double number) { return std::isfinite(number) ? Json(number) : Json(); }

// Returns the front of the metrics that --by names; without it that of the study's objectives, scaled as it scales
// them.
std::vector<std::size_t> front_of(const Invocation& invocation, const table::Table& table) {
  return invocation.has("--by") ? table.front(app::objectives_by(table, invocation.text("--by"))) : table.front();
}

Json table_json(const table::Table& table, const std::vector<table::Objective>& objectives,
                const std::vector<std::size_t>& front) {
  const table::Facts& facts = table.contents().facts;
  Json json{{"schema_version", table::kSchemaVersion},
            {"model", facts.model},
            {"source", facts.source},
            {"notice", facts.notice},
            {"backend", facts.backend},
            {"target", facts.target},
            {"candidates", table.candidates()},
            {"seeds", table.seeds()},
            {"epochs", table.epochs()},
            {"objectives", Json::array()},
            {"front", Json::array()}};
  for (const table::Objective& objective : objectives) {
    json["objectives"].push_back({{"name", objective.name}, {"direction", to_string(objective.direction)}});
  }
  for (const std::size_t candidate : front) {
    json["front"].push_back(candidate_json(table, candidate));
  }
  return json;
}

}  // namespace

std::string table_name(const Invocation& invocation) {
  if (invocation.words.size() > 1) return invocation.words[1];
  throw UserError("command line",
                  fmt::format("`lathe table {}` needs the name of a table: NAME of NAME.npz and NAME.json",
                              invocation.words.front()));
}

std::string choices_of(const table::Table& table, std::size_t candidate) {
  std::vector<std::pair<std::string, std::string>> choices;
  const parameter::Assignment& assignment = table.assignment(candidate);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (assignment[i] == parameter::kInactive) continue;
    const parameter::Parameter& each = table.space().parameters()[i];
    choices.emplace_back(each.name, parameter::to_string(parameter::choice(each.distribution, assignment[i])));
  }
  return report::choices_text(choices);
}

std::string widths_of(const table::Table& table, std::size_t candidate) {
  const std::size_t layers = table.contents().layers.size();
  const auto first = table.contents().widths.begin() + static_cast<std::ptrdiff_t>(candidate * layers);
  return fmt::format("{}", fmt::join(first, first + static_cast<std::ptrdiff_t>(layers), "-"));
}

std::string bits_of(const table::Table& table, std::size_t candidate) {
  const std::size_t layers = table.contents().layers.size();
  std::string text;
  for (std::size_t i = candidate * layers; i < (candidate + 1) * layers; ++i) {
    const float weight = table.contents().weight_bits[i], input = table.contents().data_bits[i];
    const std::string bits = (weight < kFloatBits ? fmt::format("w{:.4g}", weight) : "") +
                             (input < kFloatBits ? fmt::format("a{:.4g}", input) : "");
    text += (text.empty() ? "" : " ") + (bits.empty() ? "float" : bits);
  }
  return text;
}

std::string candidates_table(const table::Table& table, const std::vector<std::size_t>& candidates,
                             const std::vector<table::Objective>& objectives, const report::TableStyle& style) {
  std::vector<report::TableColumn> columns{
      {.title = "candidate", .alignment = report::Alignment::kRight, .narrowest = 0}};
  for (const table::Objective& objective : objectives) {
    columns.push_back({.title = objective.name, .alignment = report::Alignment::kRight, .narrowest = 0});
    const bool varies = table.contents().metrics.contains(objective.name) && table.seeds() > 1;
    if (varies) columns.push_back({.title = "error", .alignment = report::Alignment::kRight, .narrowest = 0});
  }
  columns.insert(columns.end(), {{.title = "widths"}, {.title = "bits"}, {.title = "choices"}});
  report::Table rows(columns);
  for (const std::size_t candidate : candidates) {
    std::vector<std::string> cells{fmt::format("{}", candidate)};
    for (const table::Objective& objective : objectives) {
      const table::Mean mean = table.mean(candidate, objective.name);
      cells.push_back(number_cell(mean));
      const bool varies = table.contents().metrics.contains(objective.name) && table.seeds() > 1;
      if (varies) cells.push_back(report::number_text(mean.standard_error, 2));
    }
    cells.insert(cells.end(), {widths_of(table, candidate), bits_of(table, candidate), choices_of(table, candidate)});
    rows.add_row(std::move(cells));
  }
  return rows.to_string(style);
}

Json candidate_json(const table::Table& table, std::size_t candidate) {
  Json json{{"candidate", candidate}, {"choices", Json::object()}, {"layers", Json::array()}};
  const parameter::Assignment& assignment = table.assignment(candidate);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (assignment[i] == parameter::kInactive) continue;
    const parameter::Parameter& each = table.space().parameters()[i];
    json["choices"][each.name] = scalar(parameter::choice(each.distribution, assignment[i]));
  }
  const table::Contents& contents = table.contents();
  for (std::size_t layer = 0; layer < contents.layers.size(); ++layer) {
    const std::size_t at = candidate * contents.layers.size() + layer;
    json["layers"].push_back({{"name", contents.layers[layer]},
                              {"width", contents.widths[at]},
                              {"weight_bits", contents.weight_bits[at]},
                              {"data_bits", contents.data_bits[at]}});
  }
  json["costs"] = Json::object();
  for (const auto& [name, values] : contents.costs) json["costs"][name] = finite(values[candidate]);
  json["metrics"] = Json::object();
  for (const auto& [name, values] : contents.metrics) {
    const table::Mean mean = table.metric(candidate, name);
    Json seeds = Json::array();
    for (std::size_t seed = 0; seed < table.seeds(); ++seed)
      seeds.push_back(finite(table.metric(candidate, seed, name)));
    json["metrics"][name] = {
        {"mean", finite(mean.mean)}, {"standard_error", finite(mean.standard_error)}, {"seeds", seeds}};
  }
  return json;
}

ExitCode show_table(const Invocation& invocation) {
  const table::Table table = table::Table::load(table_name(invocation));
  const std::vector<table::Objective> objectives = app::objectives_by(table, invocation.text("--by"));
  if (invocation.json) {
    print(dump_json(table_json(table, objectives, front_of(invocation, table)), 2) + '\n');
    return ExitCode::kSuccess;
  }
  const table::Facts& facts = table.contents().facts;
  print(fmt::format("{}: {} candidates x {} seeds x {} epochs, made by {} {}\n", facts.model, table.candidates(),
                    table.seeds(), table.epochs(), facts.backend, facts.target));
  print(fmt::format("{}: {} training, {} validation rows\n", facts.source, facts.train_rows, facts.validation_rows));
  if (!facts.notice.empty()) print(facts.notice + '\n');
  std::vector<std::size_t> front = front_of(invocation, table);
  app::sort_by(table, objectives.front(), front);
  print(fmt::format("\nThe front, {} of {} candidates ({}; means over the seeds):\n{}", front.size(),
                    table.candidates(), objectives_text(objectives),
                    candidates_table(table, front, objectives, report::style_for(kStandardOutput))));
  return ExitCode::kSuccess;
}

}  // namespace lathe::cli
