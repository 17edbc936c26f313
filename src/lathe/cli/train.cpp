#include <fmt/format.h>

#include "lathe/app/device.h"
#include "lathe/app/inputs.h"
#include "lathe/app/network.h"
#include "lathe/app/project.h"
#include "lathe/app/training.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/train_trial.h"
#include "lathe/cli/training_report.h"
#include "lathe/recipe/checks.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;

app::TrainingJob make_job(const Invocation& invocation) {
  const recipe::Settings& settings = invocation.settings;
  app::TrainingJob job;
  job.settings = recipe::training_of(settings);
  job.dataset = app::load_data(
      settings, {.preprocessing = app::trained_preprocessing(invocation), .keep_classes = false}, invocation.progress);
  app::StartingPoint start = app::starting_point(invocation, *job.dataset);
  job.graph = std::move(start.graph);
  job.state = std::move(start.state);
  recipe::check_loss(job.settings.loss, *job.dataset, settings);
  recipe::check_augmentation(job.settings, *job.dataset, settings);
  job.backend = app::choose_backend(settings, job.graph, job.settings.loss);
  job.threads = static_cast<int>(settings.threads);
  job.precision = engine::precision_of(settings.trainer_precision);
  job.seed = static_cast<std::uint64_t>(settings.seed);
  job.project = app::project_folder(settings);
  job.resume = invocation.has("--resume");
  if (job.resume) job.folder = app::training_to_resume(job, job.graph.name);
  return job;
}

// Makes the project and the folder of the training. Messages go to run.log, too, while the result lives.
std::unique_ptr<log::FileScope> open_project(const Invocation& invocation, app::TrainingJob& job) {
  const std::string document = recipe::resolved_document(invocation.root, invocation.settings);
  make_directories(job.project);
  auto run_log = std::make_unique<log::FileScope>(job.project / "run.log");
  if (!job.resume) {
    job.folder = app::new_training(job.project, job.graph.name, document);
  } else if (app::keep_earlier_training(
                 job.project)) {  // the training to continue may be of an earlier version of lathe
    job.folder = app::training_to_resume(job, job.graph.name);
  }
  app::write_project_settings(job.project, document);
  log::info("Project is {}", job.project.string());
  const data::Fingerprint& data = job.dataset->fingerprint;
  log::debug("data: {} from {}, fingerprint {} {}", data.source, data.path, data.hash, data.notice);
  return run_log;
}

std::vector<Flag> train_flags() {
  return {
      {.names = {"--from"},
       .value_name = "STUDY",
       .help =
           "train a trial of a study by its own settings: a name, NAME@ADDRESS, a study.db, a folder of a study, or "
           "a best.json, log.json or study.json"},
      {.names = {"--trial"}, .value_name = "N", .help = "number of the trial in --from; any, not only the best"},
      {.names = {"--seeds"},
       .value_name = "K",
       .help = "with --from: train K seeds that the study has not seen, and show mean and standard error"},
      {.names = {"--test"}, .value_name = "", .help = "with --from: score the test rows, once, in the end"},
      {.names = {"--storage"}, .value_name = "ADDRESS", .help = "with --from NAME: where the study is kept"},
      {.names = {"--resume"},
       .value_name = "",
       .help = "continue the interrupted run of this network and these settings in the project"}};
}

ExitCode run_train(const Invocation& invocation) {
  if (invocation.has("--from")) return train_trial(invocation);
  for (const char* flag : {"--trial", "--seeds", "--test"}) {
    if (invocation.has(flag)) throw UserError(flag, "needs --from STUDY");
  }
  if (invocation.settings.weights == kWeightsOfTrial) {
    throw UserError("weights", "\"trial\" needs --from STUDY --trial N");
  }
  app::TrainingJob job = make_job(invocation);
  app::check_training(job);
  const auto run_log = open_project(invocation, job);
  if (invocation.talkative()) print(model_summary(job.graph, report::style_for(kStandardOutput)));
  log::info("Training model '{}' on back end {}...", job.graph.name,
            app::device_text(*job.backend, job.threads, job.precision));
  app::advise_threads(*job.backend, 1, job.threads);
  const app::TrainingResult result = train_with_progress(job);
  if (invocation.json)
    print(fmt::format("{}\n", dump_json(training_json(job, result), 2)));
  else
    print(training_text(job, result));
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
          "evaluates it on the validation rows after every epoch. Every training has a folder of its own, "
          "PROJECT/trainings/MODEL: best.safetensors (smallest validation loss), last.safetensors, history.csv and "
          "settings.toml. A second training of the same network becomes MODEL-2; nothing of the first is touched. "
          "PROJECT/training_ckpts has the files of the newest one. The test rows are not touched.\n\n"
          "A model file loads into PyTorch with load_state_dict. --load starts from one: a lathe checkpoint brings "
          "its network along, a plain state dict (safetensors, PyTorch's .pt, Lightning's .ckpt) belongs to MODEL.\n\n"
          "--from STUDY --trial N trains a candidate of a search by its own settings: those that the trial chose, "
          "those of "
          "the study's basic_train for the rest, on the study's data and split. Without flags it gives the bits of the "
          "trial again. It begins from fresh weights, --weights trial from the trial's kept ones; settings that are "
          "typed "
          "replace its own, and the table shows where each comes from.\n\n"
          "Ctrl-C ends the training tidily; --resume continues it and gives the same bits as a run that was never "
          "stopped.",
      .examples = {{"lathe train jsc-tiny jets --max-epochs 5 --learning-rate 1e-2", "trains on the bundled jets"},
                   {"lathe train jsc-tiny jets --max-epochs 5 --learning-rate 1e-2 --resume",
                    "continues the run of the same settings"},
                   {"lathe train --from lathe_output/p/studies/p --trial 3 --seeds 5 --test",
                    "trains trial 3 of a study with five seeds and scores the test rows"}},
      .flags = train_flags(),
      .takes_model = true,
      .takes_dataset = true,
      .needs_dataset = true,
      .shows_settings = true,
      .settings_flag = "--from",
      .run = run_train};
}

}  // namespace lathe::cli
