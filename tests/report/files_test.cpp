#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/report/front_plot.h"
#include "lathe/report/mase_files.h"
#include "lathe/report/trials_csv.h"
#include "lathe/report/writer.h"
#include "report/sample_study.h"

namespace lathe::report {
namespace {

constexpr const char* kGolden = LATHE_SOURCE_DIR "/tests/report/golden/";

/// Compares with a file of golden/; LATHE_UPDATE_GOLDEN=1 writes it anew.
void expect_golden(const std::string& text, const std::string& name) {
  const std::string path = kGolden + name;
  if (std::getenv("LATHE_UPDATE_GOLDEN") != nullptr) write_text_file_atomically(path, text);
  EXPECT_EQ(text, read_text_file(path)) << path;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "lathe_report_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// Versions change; the layout does not.
std::string without_version(std::string text) {
  const std::size_t start = text.find("\"lathe_version\": \"") + 18;
  return text.replace(start, text.find('"', start) - start, "X");
}

TEST(MaseFiles, HaveTheLayoutThatMaseWrites) {
  expect_golden(best_json(sample_study()), "best.json");
  expect_golden(log_json(sample_study()), "log.json");
  expect_golden(without_version(study_json(sample_study())), "study.json");
}

TEST(MaseFiles, OneObjectiveIsAScalar) {
  StudyRecord study = sample_study();
  study.directions = {Direction::kMaximize};
  study.trials = {study.trials[1]};
  study.trials[0].values = {INFINITY};
  study.best = {0};
  EXPECT_NE(best_json(study).find("\"value\": null"), std::string::npos);
  study.trials[0].values = {0.1 + 0.2};
  EXPECT_NE(best_json(study).find("\"value\": 0.3,"), std::string::npos);
  EXPECT_NE(log_json(study).find("\"value\": 0.3,"), std::string::npos);
  EXPECT_EQ(log_json(study).find("values_0"), std::string::npos);
}

Digest key_of(const std::string& text) {
  Hasher hasher;
  hasher.add_text(text);
  return hasher.finish();
}

TEST(MaseFiles, SavedTrialsComeBack) {
  const Folder folder;
  StudyRecord study = sample_study();
  study.trials[2].key = key_of("a candidate");
  study.trials[2].weights = "trials/trial_2.safetensors";
  write_reports(study, folder.path);
  for (const char* file : {"best.json", "log.json"}) {
    const TrialRecord trial = read_saved_trial(folder.path / file, 2);
    EXPECT_EQ(trial.number, 2);
    EXPECT_EQ(trial.sampled_config, study.trials[2].sampled_config);
    EXPECT_FALSE(trial.untrained);
    EXPECT_EQ(trial.key, study.trials[2].key);
    EXPECT_EQ(trial.weights, study.trials[2].weights);
    EXPECT_EQ(read_saved_trial(folder.path / file, 1).key, Digest{});
  }
  EXPECT_EQ(read_saved_trial(folder.path / "best.json", 1).values, (std::vector{0.6528123457, 8.0}));
  EXPECT_EQ(saved_trial_numbers(folder.path / "best.json"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(std::filesystem::exists(folder.path / "study.json"));
}

TEST(MaseFiles, BadFilesAreNamed) {
  const Folder folder;
  const auto path = folder.path / "best.json";
  const auto message = [&](const std::string& text, std::int64_t number) {
    write_text_file_atomically(path, text);
    return message_of([&] { read_saved_trial(path, number); });
  };
  const std::string name = path.string();
  EXPECT_EQ(message_of([&] { read_saved_trial(path, 0); }), "cannot open " + name + ": No such file or directory");
  EXPECT_EQ(message("{\"0\": ", 0), name + ": is no JSON (it breaks off or goes wrong at byte 6 of 6)");
  EXPECT_EQ(message("{\"0\": 1e400}", 0), name + ": is no JSON (a number is beyond the range of double precision)");
  EXPECT_EQ(message(std::string(100'000, '['), 0), name + ": is no JSON (nested deeper than 256)");
  for (const char* number : {"\"3\"", "-1", "3.5", "18446744073709551615", "null"}) {
    EXPECT_EQ(message(std::string("{\"0\": {\"number\": ") + number + "}}", 0),
              name + ": is no best.json or log.json: entry \"0\" has no trial number");
  }
  EXPECT_EQ(
      message("{\"0\": {\"number\": 3, \"sampled_config\": {\"fc1\": {\"config\": {\"a\": 18446744073709551615}}}}}",
              3),
      name + ": sampled_config of trial 3: fc1.a: 18446744073709551615 is no whole number of this size");
  EXPECT_EQ(message("[1]", 0),
            name + ": is no best.json or log.json: an object with keys \"0\", \"1\", ... is expected");
  EXPECT_EQ(message("{\"schema_version\": 1}", 0),
            name + ": is no best.json or log.json: entry \"schema_version\" has no trial number");
  EXPECT_EQ(message("{}", 0), "--trial: " + name + " holds no trial");
  EXPECT_EQ(message(best_json(sample_study()), 7), "--trial: " + name + " holds no trial 7 (it holds 1, 2)");
  EXPECT_EQ(message("{\"0\": {\"number\": 3, \"key\": \"12ab\"}}", 3), name + ": the key of trial 3 is none: \"12ab\"");
  EXPECT_EQ(message("{\"0\": {\"number\": 3}}", 3), "--trial: trial 3 of " + name + " has no sampled_config");
  EXPECT_EQ(message("{\"0\": {\"number\": 3, \"sampled_config\": {\"fc1\": 3}}}", 3),
            name + ": sampled_config of trial 3: \"fc1\" has no config");
  EXPECT_EQ(message("{\"0\": {\"number\": 3, \"sampled_config\": {\"fc1\": {\"config\": {\"a\": [1]}}}}}", 3),
            name + ": sampled_config of trial 3: fc1.a is no single value");
}

TEST(MaseFiles, UnwritableFolderLeavesNothing) {
  EXPECT_EQ(message_of([] { write_reports(sample_study(), "/proc/none"); }),
            "cannot create /proc/none/log.json: No such file or directory");
}

TEST(ReportWriters, WriteTheFilesThatTheyDeclare) {
  for (const ReportWriter& writer : report_writers()) {
    SCOPED_TRACE(writer.name);
    EXPECT_FALSE(writer.help.empty());
    const std::vector<ReportFile> files = writer.make(sample_study());
    EXPECT_EQ(files.size(), writer.files.size());
    for (const ReportFile& file : files) {
      EXPECT_EQ(std::count(writer.files.begin(), writer.files.end(), file.name), 1) << file.name;
      EXPECT_NE(writer.help.find(file.name), std::string::npos) << file.name;
    }
    const std::vector<ReportFile> again = writer.make(sample_study());
    for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(files[i].text, again[i].text);
  }
}

TEST(ReportWriters, LeaveWhatBelongsToTheStudyAndNothingElse) {
  const Folder folder;
  write_text_file_atomically(folder.path / "settings.toml", "mine");
  write_reports(sample_study(), folder.path);
  EXPECT_NE(reports_in(folder.path).find("best.json, log.json, study.json, trials.csv, front.svg"), std::string::npos);
  EXPECT_EQ(read_text_file(folder.path / "trials.csv"), trials_csv(sample_study()));
  StudyRecord single = sample_study();
  single.objectives.resize(1);
  write_reports(single, folder.path);
  EXPECT_FALSE(std::filesystem::exists(folder.path / "front.svg"));
  EXPECT_EQ(reports_in(folder.path).find("front.svg"), std::string::npos);
  EXPECT_EQ(read_text_file(folder.path / "settings.toml"), "mine");
}

TEST(TrialsCsv, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_line({"a", "b,c", "d\"e", ""}), "a,\"b,c\",\"d\"\"e\",\n");
  EXPECT_EQ(
      trials_csv(sample_study()),
      "number,state,values_0,values_1,accuracy,loss,average_bitwidth,flops,seq_blocks_2/config/channel_multiplier,"
      "widths,bits,seconds,duplicate_of,reason\n"
      "0,COMPLETE,0.5,8,0.5,0.3333333333333333,8,1320,1,16-16-5,8/4 4/2,1.5,,\n"
      "1,COMPLETE,0.65281234567891,8,0.65281234567891,0.3333333333333333,8,1320,2,16-32-5,8/4 4/2,1.5,,\n"
      "2,COMPLETE,0.6,4.5,0.6,0.3333333333333333,4.5,1320,3,16-48-5,8/4 4/2,1.5,,\n"
      "3,FAIL,,,,,,,4,16-64-5,8/4 4/2,1.5,,diverged: loss is not finite at step 12\n"
      "4,COMPLETE,0.65281234567891,8,0.65281234567891,0.3333333333333333,8,1320,2,16-32-5,8/4 4/2,1.5,1,\n");
}

TEST(FrontPlot, DrawsTheFrontOfTheStudy) {
  const auto plot = front_plot(sample_study());
  ASSERT_TRUE(plot.has_value());
  EXPECT_EQ(plot->x_label, "average_bitwidth");
  EXPECT_EQ(plot->y_label, "accuracy");
  ASSERT_EQ(plot->points.size(), 4U);
  EXPECT_TRUE(plot->points[1].front && plot->points[2].front);
  expect_golden(front_svg(*plot), "front.svg");
}

TEST(FrontPlot, CopesWithOddPoints) {
  FrontPlot plot{
      .title = "a < b & c", .x_label = "x", .y_label = "y", .notice = "", .x_minimized = false, .points = {}};
  EXPECT_NE(front_svg(plot).find("a &lt; b &amp; c"), std::string::npos);
  plot.points = {{5, 5, true, "only one", 0.5}, {NAN, 1, false, "", 0}, {1, INFINITY, true, "", 0}};
  const std::string text = front_svg(plot);
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf"), std::string::npos);
  plot.points = {{0, 0, true, "", 0}, {0, 0, true, "", 0}};
  EXPECT_EQ(front_svg(plot).find("nan"), std::string::npos);
  StudyRecord single = sample_study();
  single.objectives.resize(1);
  EXPECT_FALSE(front_plot(single).has_value());
  EXPECT_EQ(message_of([&] { front_plot(single, "energy", "accuracy"); }),
            "no complete trial of study \"jets\" has both energy and accuracy");
}

}  // namespace
}  // namespace lathe::report
