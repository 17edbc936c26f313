#include "lathe/report/trials_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lathe::report {
namespace {

using Names = std::vector<std::string>;

/// Appends names that are not there yet.
template <typename Pairs>
void add_names(Names& names, const Pairs& pairs) {
  for (const auto& [name, value] : pairs) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

std::string choice_of(const TrialRecord& trial, const std::string& name) {
  for (const auto& [known, value] : trial.choices) {
    if (known == name) return value;
  }
  return {};
}

// Names the columns of a race: one mean and three errors per value.
Names standing_columns(std::size_t objectives) {
  Names names{"seeds", "front", "front_probability"};
  for (std::size_t i = 0; i < objectives; ++i) {
    for (const char* name : {"mean", "standard_error", "sampling_error", "total_error"}) {
      names.push_back(objectives == 1 ? name : fmt::format("{}_{}", name, i));
    }
  }
  return names;
}

std::string finite_or_empty(const std::vector<double>& values, std::size_t i) {
  return i < values.size() && std::isfinite(values[i]) ? fmt::format("{}", values[i]) : "";
}

void add_standing(const std::optional<Standing>& standing, std::size_t objectives, Names& cells) {
  if (!standing) {
    cells.resize(cells.size() + standing_columns(objectives).size());
    return;
  }
  cells.insert(cells.end(), {std::to_string(standing->seeds), to_string(standing->membership),
                             fmt::format("{}", standing->front_probability)});
  for (std::size_t i = 0; i < objectives; ++i) {
    for (const auto* values :
         {&standing->means, &standing->standard_errors, &standing->sampling_errors, &standing->total_errors}) {
      cells.push_back(finite_or_empty(*values, i));
    }
  }
}

std::string bytes_or_empty(std::int64_t bytes) { return bytes > 0 ? fmt::format("{}", bytes) : ""; }

std::string number_or_empty(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

}  // namespace

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      line += cells[i];
      continue;
    }
    line += '"';
    for (const char letter : cells[i]) line.append(letter == '"' ? 2 : 1, letter);
    line += '"';
  }
  return line + "\n";
}

std::string trials_csv(const StudyRecord& study) {
  Names software, hardware, choices;
  for (const TrialRecord& trial : study.trials) {
    add_names(software, trial.software_metrics);
    add_names(hardware, trial.hardware_metrics);
    add_names(choices, trial.choices);
  }
  const std::size_t objectives = std::max<std::size_t>(1, study.directions.size());
  Names header{"number", "state"};
  for (std::size_t i = 0; i < objectives; ++i)
    header.push_back(objectives == 1 ? "value" : fmt::format("values_{}", i));
  for (const Names* names : {&software, &hardware, &choices}) header.insert(header.end(), names->begin(), names->end());
  const bool raced = std::any_of(study.trials.begin(), study.trials.end(),
                                 [](const TrialRecord& trial) { return trial.standing.has_value(); });
  if (raced) {
    const Names columns = standing_columns(objectives);
    header.insert(header.end(), columns.begin(), columns.end());
  }
  const bool measured = std::any_of(study.trials.begin(), study.trials.end(),
                                    [](const TrialRecord& trial) { return trial.planned_bytes > 0; });
  for (const char* name : {"widths", "bits", "seconds"}) header.emplace_back(name);
  if (measured) header.insert(header.end(), {"device", "planned_bytes", "peak_bytes"});
  for (const char* name : {"duplicate_of", "reason"}) header.emplace_back(name);

  std::string text = csv_line(header);
  for (const TrialRecord& trial : study.trials) {
    Names cells{std::to_string(trial.number), lathe::to_string(trial.state)};
    for (std::size_t i = 0; i < objectives; ++i) {
      cells.push_back(i < trial.values.size() ? fmt::format("{}", trial.values[i]) : "");
    }
    for (const std::string& name : software)
      cells.push_back(number_or_empty(find_metric(trial.software_metrics, name)));
    for (const std::string& name : hardware)
      cells.push_back(number_or_empty(find_metric(trial.hardware_metrics, name)));
    for (const std::string& name : choices) cells.push_back(choice_of(trial, name));
    if (raced) add_standing(trial.standing, objectives, cells);
    cells.insert(cells.end(), {trial.widths, trial.bits, fmt::format("{}", trial.seconds)});
    if (measured) {
      cells.insert(cells.end(), {trial.device, bytes_or_empty(trial.planned_bytes), bytes_or_empty(trial.peak_bytes)});
    }
    cells.insert(cells.end(), {trial.duplicate_of ? std::to_string(*trial.duplicate_of) : "", trial.reason});
    text += csv_line(cells);
  }
  return text;
}

}  // namespace lathe::report
