#include <fmt/format.h>

#include "lathe/report/writer.h"

namespace lathe::report {
namespace {

std::string objective_names(const StudyRecord& study) {
  std::string names;
  for (const ObjectiveRecord& objective : study.objectives) names += fmt::format(" {} |", objective.name);
  return names;
}

std::string row(const TrialRecord& trial, const StudyRecord& study) {
  std::string values;
  for (const ObjectiveRecord& objective : study.objectives) {
    std::optional<double> value = find_metric(trial.software_metrics, objective.name);
    if (!value) value = find_metric(trial.hardware_metrics, objective.name);
    values += value ? fmt::format(" {} |", *value) : " |";
  }
  return fmt::format("| {} |{} {} | {} |\n", trial.number, values, trial.widths, trial.bits);
}

std::vector<ReportFile> make(const StudyRecord& study) {
  std::string text = fmt::format("# {}\n\n| trial |{} widths | bits |\n", study.name, objective_names(study));
  text += "| --- |";
  for (std::size_t i = 0; i < study.objectives.size() + 2; ++i) text += " --- |";
  text += "\n";
  for (const std::size_t index : study.best) text += row(study.trials.at(index), study);
  return {{"front.md", text}};
}

}  // namespace

// Declares a table of the best trials in Markdown, for READMEs and merge requests.
ReportWriter front_table_writer() {
  return {.name = "front_table",
          .files = {"front.md"},
          .help = "front.md (the best trials as a table for READMEs)",
          .make = make};
}

}  // namespace lathe::report
