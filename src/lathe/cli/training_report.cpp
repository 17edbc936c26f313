#include "lathe/cli/training_report.h"

#include <fmt/format.h>

#include "lathe/app/scores.h"
#include "lathe/app/training_json.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;

// Prints the figures of the best and the last state.
std::string score_table(const app::TrainingJob& job, const app::TrainingResult& result) {
  using enum report::Alignment;
  const std::vector<app::Score>& columns = app::scores(*job.dataset);
  std::vector<report::TableColumn> titles = {{"validation", kLeft}};
  for (const app::Score& score : columns) titles.push_back({score.title(), kRight});
  titles.push_back({"rows", kRight});
  report::Table table(std::move(titles));
  const auto add = [&](const std::string& name, const std::optional<engine::EvaluationResult>& evaluation) {
    if (!evaluation) return;
    std::vector<std::string> cells = {name};
    for (const app::Score& score : columns) cells.push_back(report::number_text(score.read(*evaluation)));
    cells.push_back(report::count_text(evaluation->rows));
    table.add_row(std::move(cells));
  };
  add("best", result.best);
  add("last", result.last);
  add("last, on test rows", result.test);
  return table.empty() ? std::string() : fmt::format("\n{}", table.to_string(report::style_for(kStandardOutput)));
}

}  // namespace

std::string training_text(const app::TrainingJob& job, const app::TrainingResult& result) {
  const engine::TrainReport& report = result.report;
  std::string text =
      fmt::format("\nTraining {}{}: {} of {} steps, {} samples in {} s ({} samples/s, back end {} {})\n",
                  engine::to_string(report.outcome), report.reason.empty() ? "" : fmt::format(" ({})", report.reason),
                  report::count_text(report.steps), report::count_text(report.total_steps),
                  report::count_text(report.samples), report::number_text(report.wall_seconds),
                  report::count_text(static_cast<long long>(app::samples_per_second(report))), job.backend->name(),
                  job.backend->target());
  text += score_table(job, result);
  if (!job.dataset->fingerprint.notice.empty()) text += fmt::format("\n{}\n", job.dataset->fingerprint.notice);
  text += fmt::format("\nWritten to {}/: {}history.csv\n", job.folder.string(),
                      result.files_written ? "best.safetensors, last.safetensors, " : "");
  if (job.publish) {
    text += fmt::format("(copies in {}/)\n", app::TrainingFiles::copies_in(job.project).best.parent_path().string());
  }
  return text;
}

ExitCode exit_code_of(engine::TrainOutcome outcome) {
  if (outcome == engine::TrainOutcome::kDiverged) return ExitCode::kNoResult;
  return outcome == engine::TrainOutcome::kStopped ? ExitCode::kInterrupted : ExitCode::kSuccess;
}

}  // namespace lathe::cli
