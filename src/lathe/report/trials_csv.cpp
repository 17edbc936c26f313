#include "lathe/report/trials_csv.h"

#include <fmt/format.h>

#include <algorithm>

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
  for (const char* name : {"widths", "bits", "seconds", "duplicate_of", "reason"}) header.emplace_back(name);

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
    cells.insert(cells.end(), {trial.widths, trial.bits, fmt::format("{}", trial.seconds),
                               trial.duplicate_of ? std::to_string(*trial.duplicate_of) : "", trial.reason});
    text += csv_line(cells);
  }
  return text;
}

}  // namespace lathe::report
