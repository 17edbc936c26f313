#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/app/tabulate.h"
#include "lathe/base/json.h"
#include "lathe/cli/table_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/table/files.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;
constexpr std::int64_t kDefaultLimit = 20;

// Reads `channel_multiplier=2` words.
std::vector<std::pair<std::string, std::string>> wanted_values(const Invocation& invocation) {
  std::vector<std::pair<std::string, std::string>> values;
  for (std::size_t i = 2; i < invocation.words.size(); ++i) {
    const std::string& word = invocation.words[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      throw UserError("command line", fmt::format("\"{}\": write it as KEY=VALUE", word));
    }
    values.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return values;
}

std::string curves_text(const table::Table& table, std::size_t candidate, const report::TableStyle& style) {
  std::vector<report::TableColumn> columns{{.title = "epoch", .alignment = report::Alignment::kRight, .narrowest = 0}};
  for (const auto& [name, points] : table.contents().curves) {
    columns.push_back({.title = name, .alignment = report::Alignment::kRight, .narrowest = 0});
  }
  report::Table rows(columns);
  for (std::size_t epoch = 0; epoch < table.epochs(); ++epoch) {
    std::vector<std::string> cells{fmt::format("{}", epoch + 1)};
    for (const auto& [name, points] : table.contents().curves) {
      double sum = 0;
      for (std::size_t seed = 0; seed < table.seeds(); ++seed) sum += table.curve(candidate, seed, epoch, name);
      cells.push_back(report::number_text(sum / static_cast<double>(table.seeds()), 5));
    }
    rows.add_row(std::move(cells));
  }
  return rows.to_string(style);
}

std::string numbers_text(const table::Table& table, std::size_t candidate, const report::TableStyle& style) {
  report::Table rows({{.title = "metric", .narrowest = 0},
                      {.title = "mean", .alignment = report::Alignment::kRight, .narrowest = 0},
                      {.title = "error", .alignment = report::Alignment::kRight, .narrowest = 0},
                      {.title = "seeds"}});
  for (const auto& [name, values] : table.contents().metrics) {
    std::string seeds;
    for (std::size_t seed = 0; seed < table.seeds(); ++seed) {
      seeds += (seed == 0 ? "" : " ") + report::number_text(table.metric(candidate, seed, name), 5);
    }
    const table::Mean mean = table.metric(candidate, name);
    rows.add_row({name, report::number_text(mean.mean, 5), report::number_text(mean.standard_error, 2), seeds});
  }
  for (const auto& [name, values] : table.contents().costs) {
    rows.add_row({name, report::number_text(values[candidate], 6)});
  }
  return rows.to_string(style);
}

std::string full_text(const table::Table& table, std::size_t candidate, const report::TableStyle& style) {
  return fmt::format("Candidate {}: {}\nwidths {}, bits {}\n\n{}\nMeans over {} seeds:\n{}", candidate,
                     choices_of(table, candidate), widths_of(table, candidate), bits_of(table, candidate),
                     numbers_text(table, candidate, style), table.seeds(), curves_text(table, candidate, style));
}

Json with_curves(const table::Table& table, std::size_t candidate) {
  Json json = candidate_json(table, candidate);
  for (const auto& [name, points] : table.contents().curves) {
    Json seeds = Json::array();
    for (std::size_t seed = 0; seed < table.seeds(); ++seed) {
      seeds.push_back(Json::array());
      for (std::size_t epoch = 0; epoch < table.epochs(); ++epoch) {
        const double value = table.curve(candidate, seed, epoch, name);
        seeds.back().push_back(std::isfinite(value) ? Json(value) : Json());
      }
    }
    json["curves"][name] = std::move(seeds);
  }
  return json;
}

}  // namespace

ExitCode query_table(const Invocation& invocation) {
  const table::Table table = table::Table::load(table_name(invocation));
  const std::vector<table::Objective> objectives = app::objectives_by(table, invocation.text("--by"));
  std::vector<std::size_t> candidates = app::find_candidates(table, wanted_values(invocation), objectives.front());
  const std::size_t found = candidates.size();
  const std::int64_t limit = invocation.integer("--limit", 0).value_or(invocation.json ? 0 : kDefaultLimit);
  if (limit > 0) candidates.resize(std::min(found, static_cast<std::size_t>(limit)));
  if (invocation.json) {
    Json json{{"schema_version", table::kSchemaVersion},
              {"notice", table.contents().facts.notice},
              {"found", found},
              {"candidates", Json::array()}};
    for (const std::size_t candidate : candidates) json["candidates"].push_back(with_curves(table, candidate));
    print(dump_json(json, 2) + '\n');
    return found == 0 ? ExitCode::kNoResult : ExitCode::kSuccess;
  }
  const report::TableStyle style = report::style_for(kStandardOutput);
  if (found == 0) print("No candidate has these values together: such networks are impossible.\n");
  if (found == 1) print(full_text(table, candidates.front(), style));
  if (found > 1) {
    print(candidates_table(table, candidates, objectives, style));
    if (candidates.size() < found) {
      print(fmt::format("{} of {} candidates, best first by {}; --limit 0 shows all\n", candidates.size(), found,
                        objectives.front().name));
    }
  }
  if (!table.contents().facts.notice.empty()) print('\n' + table.contents().facts.notice + '\n');
  return found == 0 ? ExitCode::kNoResult : ExitCode::kSuccess;
}

}  // namespace lathe::cli
