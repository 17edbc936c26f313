#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/report/trial_record.h"

/// The files that a finished study gets in its folder. To add one: docs/adding/report.md.
namespace lathe::report {

/// Holds a file of a report.
struct ReportFile {
  std::string name;  ///< in the study's folder
  std::string text;
};

/// Declares a report of a study: what makes one or several files of what was found.
struct ReportWriter {
  std::string name;                ///< `trials`
  std::vector<std::string> files;  ///< every file that it may write, as they are named to people
  std::string help;                ///< those files in a sentence: `trials.csv (every trial, for spreadsheets)`
  /// Makes the files, in the order in which they are written; one of `files` that is absent is not there afterwards.
  /// Equal records give equal texts.
  std::vector<ReportFile> (*make)(const StudyRecord& study);
};

/// Lists the reports in the order in which they are written.
const Registry<ReportWriter>& report_writers();

/// Writes every report of a study into a folder that exists, each file whole or not at all. Throws SystemError.
void write_reports(const StudyRecord& study, const std::filesystem::path& folder);

/// Names the files of reports that are in a folder: `best.json, log.json, study.json, trials.csv, front.svg`.
std::string reports_in(const std::filesystem::path& folder);

/// Names what a study's folder gets, for descriptions: the `help` of every report.
std::string reports_help();

}  // namespace lathe::report
