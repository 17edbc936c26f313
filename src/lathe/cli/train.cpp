#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/device.h"
#include "lathe/cli/inputs.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/network.h"
#include "lathe/cli/project.h"
#include "lathe/cli/scores.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/training.h"
#include "lathe/report/progress.h"
#include "lathe/report/table.h"
#include "lathe/study/loss_keys.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

void add_scores(Json& json, const std::string& prefix, const data::Dataset& dataset,
                const std::optional<engine::EvaluationResult>& result) {
  for (const Score& score : scores(dataset)) {
    json[prefix + score.name] = result ? Json(score.read(*result)) : Json(nullptr);
  }
}

double samples_per_second(const engine::TrainReport& report) {
  return report.wall_seconds > 0 ? static_cast<double>(report.samples) / report.wall_seconds : 0;
}

Json json_of(const TrainingJob& job, const TrainingResult& result) {
  const engine::TrainReport& report = result.report;
  const data::Fingerprint& data = job.dataset->fingerprint;
  const TrainingFiles files(job.folder);
  Json json = {{"schema_version", 1},
               {"model", job.graph.name},
               {"dataset", data.dataset},
               {"data_source", data.source},
               {"data_fingerprint", data.hash},
               {"notice", data.notice},
               {"seed", job.seed},
               {"backend", job.backend->name()},
               {"target", job.backend->target()},
               {"accelerator", job.backend->accelerator()},
               {"threads", job.threads},
               {"precision", engine::to_string(job.precision)},
               {"outcome", engine::to_string(report.outcome)},
               {"reason", report.reason},
               {"steps", report.steps},
               {"planned_steps", report.total_steps},
               {"samples", report.samples},
               {"seconds", report.wall_seconds},
               {"cpu_seconds", report.cpu_seconds},
               {"samples_per_second", samples_per_second(report)}};
  add_scores(json, "validation_", *job.dataset, result.best);
  add_scores(json, "last_validation_", *job.dataset, result.last);
  json["paths"] = {{"project", job.folder.string()}, {"history", files.history.string()}};
  if (result.files_written) {
    json["paths"]["best"] = files.best.string();
    json["paths"]["last"] = files.last.string();
  }
  return json;
}

// Prints the figures of the best and the last state.
std::string score_table(const TrainingJob& job, const TrainingResult& result) {
  using enum report::Alignment;
  const std::vector<Score>& columns = scores(*job.dataset);
  std::vector<report::TableColumn> titles = {{"validation", kLeft}};
  for (const Score& score : columns) titles.push_back({score.title(), kRight});
  titles.push_back({"rows", kRight});
  report::Table table(std::move(titles));
  const auto add = [&](const std::string& name, const std::optional<engine::EvaluationResult>& evaluation) {
    if (!evaluation) return;
    std::vector<std::string> cells = {name};
    for (const Score& score : columns) cells.push_back(report::number_text(score.read(*evaluation)));
    cells.push_back(report::count_text(evaluation->rows));
    table.add_row(std::move(cells));
  };
  add("best", result.best);
  add("last", result.last);
  return table.empty() ? std::string() : fmt::format("\n{}", table.to_string(report::style_for(kStandardOutput)));
}

void print_result(const TrainingJob& job, const TrainingResult& result) {
  const engine::TrainReport& report = result.report;
  std::string text = fmt::format(
      "\nTraining {}{}: {} of {} steps, {} samples in {} s ({} samples/s, back end {} {})\n",
      engine::to_string(report.outcome), report.reason.empty() ? "" : fmt::format(" ({})", report.reason),
      report::count_text(report.steps), report::count_text(report.total_steps), report::count_text(report.samples),
      report::number_text(report.wall_seconds), report::count_text(static_cast<long long>(samples_per_second(report))),
      job.backend->name(), job.backend->target());
  text += score_table(job, result);
  if (!job.dataset->fingerprint.notice.empty()) text += fmt::format("\n{}\n", job.dataset->fingerprint.notice);
  const TrainingFiles files(job.folder);
  if (result.files_written) text += fmt::format("\nBest weights: {}\n", files.best.string());
  print(text + fmt::format("History:      {}\n", files.history.string()));
}

ExitCode exit_code_of(engine::TrainOutcome outcome) {
  if (outcome == engine::TrainOutcome::kDiverged) return ExitCode::kNoResult;
  return outcome == engine::TrainOutcome::kStopped ? ExitCode::kInterrupted : ExitCode::kSuccess;
}

TrainingResult train_with_progress(const TrainingJob& job) {
  catch_interrupts();
  report::ProgressBar bar({.label = "train"});
  const engine::TrainProgress progress = [&](std::int64_t done, std::int64_t total, const engine::HistoryRow* row) {
    bar.set_total(total);
    bar.set_done(done);
    if (row == nullptr || !row->validation_loss) return;
    if (!row->validation_accuracy)
      bar.set_suffix(fmt::format("val_loss {:.4f}", *row->validation_loss));
    else
      bar.set_suffix(fmt::format("val_acc {:.4f} val_loss {:.4f}", *row->validation_accuracy, *row->validation_loss));
  };
  TrainingResult result = run_training(job, interrupt_token(), progress);
  bar.finish();
  return result;
}

TrainingJob make_job(const Invocation& invocation) {
  const config::Settings& settings = invocation.settings;
  TrainingJob job;
  job.settings = train_settings(settings);
  job.dataset = load_data(settings, {.preprocessing = trained_preprocessing(invocation), .keep_classes = false});
  StartingPoint start = starting_point(invocation, *job.dataset);
  job.graph = std::move(start.graph);
  job.state = std::move(start.state);
  study::check_loss(job.settings.loss, *job.dataset, settings);
  study::check_augmentation(job.settings, *job.dataset, settings);
  job.backend = choose_backend(settings, job.graph, job.settings.loss);
  job.threads = static_cast<int>(settings.threads);
  job.precision = engine::precision_of(settings.trainer_precision);
  job.seed = static_cast<std::uint64_t>(settings.seed);
  job.folder = project_folder(settings);
  job.resume = invocation.has("--resume");
  return job;
}

void open_project(const Invocation& invocation, const TrainingJob& job) {
  if (!job.resume && path_exists(TrainingFiles(job.folder).last))
    log::warning("{} holds an earlier run; its files are replaced", job.folder.string());
  make_directories(job.folder);
  log::log_to_file(job.folder / "run.log");
  write_text_file_atomically(job.folder / "settings.toml",
                             config::resolved_document(invocation.root, invocation.settings));
  log::info("Project is {}", job.folder.string());
  const data::Fingerprint& data = job.dataset->fingerprint;
  log::debug("data: {} from {}, fingerprint {} {}", data.source, data.path, data.hash, data.notice);
}

std::vector<Flag> train_flags() {
  std::vector<Flag> flags = from_flags();
  flags.push_back({.names = {"--resume"}, .value_name = "", .help = "continue the interrupted run of this project"});
  return flags;
}

ExitCode run_train(const Invocation& invocation) {
  const TrainingJob job = make_job(invocation);
  check_training(job);
  open_project(invocation, job);
  if (invocation.talkative()) print(model_summary(job.graph, report::style_for(kStandardOutput)));
  log::info("Training model '{}' on back end {}...", job.graph.name,
            device_text(*job.backend, job.threads, job.precision));
  advise_threads(*job.backend, 1, job.threads);
  const TrainingResult result = train_with_progress(job);
  if (invocation.json)
    print(fmt::format("{}\n", json_of(job, result).dump(2)));
  else
    print_result(job, result);
  log::info("Training is {}", engine::to_string(result.report.outcome));
  return exit_code_of(result.report.outcome);
}

}  // namespace

Command train_command() {
  return {
      .name = "train",
      .summary = "train a network and keep its best and last weights",
      .description =
          "Trains MODEL on DATASET with cross entropy, quantisers in the loop where the network has them, and "
          "evaluates it on the validation rows after every epoch. Writes into the project folder: "
          "training_ckpts/best.safetensors (smallest validation loss), last.safetensors, history.csv, settings.toml "
          "and run.log. The test rows are not touched.\n\n"
          "A model file loads into PyTorch with load_state_dict. --load starts from one: a lathe checkpoint brings "
          "its network along, a plain state dict (safetensors, PyTorch's .pt, Lightning's .ckpt) belongs to MODEL.\n\n"
          "Ctrl-C ends the training tidily; --resume continues it and gives the same bits as a run that was never "
          "stopped.",
      .examples = {{"lathe train jsc-tiny jets --max-epochs 5 --learning-rate 1e-2", "trains on the bundled jets"},
                   {"lathe train jsc-tiny jets --max-epochs 5 --learning-rate 1e-2 --resume",
                    "continues the run of the same settings"}},
      .flags = train_flags(),
      .takes_model = true,
      .takes_dataset = true,
      .needs_dataset = true,
      .shows_settings = true,
      .run = run_train};
}

}  // namespace lathe::cli
