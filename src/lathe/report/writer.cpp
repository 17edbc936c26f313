#include "lathe/report/writer.h"

#include <algorithm>

#include "lathe/base/file.h"

namespace lathe::report {

void write_reports(const StudyRecord& study, const std::filesystem::path& folder) {
  for (const ReportWriter& writer : report_writers()) {
    const std::vector<ReportFile> files = writer.make(study);
    for (const ReportFile& file : files) write_text_file_atomically(folder / file.name, file.text);
    for (const std::string& name : writer.files) {
      const auto made = [&](const ReportFile& file) { return file.name == name; };
      if (std::none_of(files.begin(), files.end(), made)) remove_file(folder / name);
    }
  }
}

std::string reports_in(const std::filesystem::path& folder) {
  std::string text;
  for (const ReportWriter& writer : report_writers()) {
    for (const std::string& name : writer.files)
      if (path_exists(folder / name)) text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

std::string reports_help() {
  std::string text;
  for (const ReportWriter& writer : report_writers()) text += (text.empty() ? "" : ", ") + writer.help;
  return text;
}

}  // namespace lathe::report
