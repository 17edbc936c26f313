#include "lathe/report/compare_files.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "lathe/report/compare_plot.h"
#include "lathe/report/mase_files.h"
#include "lathe/report/trials_csv.h"

namespace lathe::report {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <typename Value>
Json number(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

Json mean_json(const MeanRecord& mean) {
  return {{"mean", number(mean.mean)}, {"standard_error", number(mean.standard_error)}};
}

std::string direction_text(Direction direction) { return direction == Direction::kMaximize ? "maximize" : "minimize"; }

Json run_json(const CompareRunRecord& run) {
  return {{"seed", run.seed},
          {"trials", run.trials.size()},
          {"final", number(run.trials.empty() ? std::nan("") : run.trials.back().curve)},
          {"trials_to_target", number(run.trials_to_target)},
          {"repeated_points", run.repeated_points},
          {"repeated_candidates", run.repeated_candidates},
          {"sampler_seconds", run.sampler_seconds},
          {"evaluation_seconds", run.evaluation_seconds},
          {"wall_seconds", run.sampler_seconds + run.evaluation_seconds}};
}

Json sampler_json(const CompareSamplerRecord& sampler) {
  Json json = {{"sampler", sampler.name},
               {"options", sampler.options},
               {"explanation", sampler.explanation},
               {"final_mean", number(sampler.mean.back())},
               {"final_standard_error", number(sampler.standard_error.back())},
               {"best", number(sampler.best)},
               {"median_trials_to_target", number(sampler.median_to_target)},
               {"runs_that_reach_target", sampler.reached},
               {"trials", mean_json(sampler.trials)},
               {"repeated_points", mean_json(sampler.repeated_points)},
               {"repeated_candidates", mean_json(sampler.repeated_candidates)},
               {"sampler_seconds_per_trial", sampler.sampler_seconds_per_trial},
               {"sampler_seconds", mean_json(sampler.sampler_seconds)},
               {"evaluation_seconds", mean_json(sampler.evaluation_seconds)},
               {"wall_seconds", sampler.sampler_seconds.mean + sampler.evaluation_seconds.mean},
               {"curve",
                {{"mean", numbers(sampler.mean)},
                 {"standard_error", numbers(sampler.standard_error)},
                 {"low", numbers(sampler.low)},
                 {"high", numbers(sampler.high)}}}};
  for (const CompareRunRecord& run : sampler.runs) json["runs"].push_back(run_json(run));
  return json;
}

Json objectives_json(const CompareRecord& record) {
  Json list = Json::array();
  for (const ObjectiveRecord& objective : record.objectives) {
    list.push_back({{"name", objective.name}, {"direction", direction_text(objective.direction)}});
  }
  return list;
}

std::vector<std::string> csv_header(const CompareRecord& record) {
  std::vector<std::string> header{"sampler", "seed", "trial"};
  if (record.single()) {
    header.emplace_back("value");
  } else {
    for (const ObjectiveRecord& objective : record.objectives) header.push_back(objective.name);
  }
  header.insert(header.end(), {record.single() ? "best_so_far" : "hypervolume", "duplicate", "state"});
  return header;
}

}  // namespace

std::string compare_json(const CompareRecord& record) {
  Json json = {{"schema_version", kSchemaVersion},
               {"lathe_version", LATHE_VERSION},
               {"name", record.name},
               {"model", record.model},
               {"dataset", record.dataset},
               {"notice", record.notice},
               {"objectives", objectives_json(record)},
               {"measure", record.single() ? "best_so_far" : "hypervolume"},
               {"value", record.value_name},
               {"direction", direction_text(record.direction())},
               {"reference_point", record.single() ? Json(nullptr) : numbers(record.reference_point)},
               {"n_trials", record.n_trials},
               {"seeds", record.seeds},
               {"planned_seeds", record.planned_seeds},
               {"lag", record.lag},
               {"evaluation_seed", record.evaluation_seed},
               {"reproducible", record.reproducible},
               {"candidates", record.candidates},
               {"incomparable_candidates", record.incomparable_candidates},
               {"whole_space", record.whole_space},
               {"evaluation_seconds", record.evaluation_seconds},
               {"start", number(record.start)},
               {"best", number(record.best)},
               {"target", number(record.target)}};
  for (const CompareSamplerRecord& sampler : record.samplers) json["samplers"].push_back(sampler_json(sampler));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string compare_csv(const CompareRecord& record) {
  const auto text_of = [](double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); };
  std::string text = csv_line(csv_header(record));
  for (const CompareSamplerRecord& sampler : record.samplers) {
    for (const CompareRunRecord& run : sampler.runs) {
      for (std::size_t i = 0; i < run.trials.size(); ++i) {
        const CompareTrialRecord& trial = run.trials[i];
        std::vector<std::string> cells{sampler.name, std::to_string(run.seed), std::to_string(i)};
        for (std::size_t k = 0; k < record.directions.size(); ++k) {
          cells.push_back(k < trial.values.size() ? text_of(trial.values[k]) : "");
        }
        cells.insert(cells.end(), {text_of(trial.curve), trial.duplicate, lathe::to_string(trial.state)});
        text += csv_line(cells);
      }
    }
  }
  return text;
}

void write_comparison(const CompareRecord& record, const std::filesystem::path& folder) {
  write_text_file_atomically(folder / "comparison.json", compare_json(record));
  write_text_file_atomically(folder / "comparison.csv", compare_csv(record));
  write_text_file_atomically(folder / "comparison.svg", compare_svg(record));
}

}  // namespace lathe::report
