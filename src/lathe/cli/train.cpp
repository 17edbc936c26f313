#include "lathe/app/train.h"

#include <fmt/format.h>

#include "lathe/app/train_trial.h"
#include "lathe/app/training_json.h"
#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/train_trial.h"
#include "lathe/cli/training_report.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

constexpr int kStandardOutput = 1;

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
  if (invocation.settings.weights == app::kWeightsOfTrial) {
    throw UserError("weights", "\"trial\" needs --from STUDY --trial N");
  }
  app::TrainingJob job = app::ready_training(invocation, invocation.has("--resume"));
  const auto begun = [&] {
    catch_interrupts();
    if (invocation.talkative()) print(model_summary(job.graph, report::style_for(kStandardOutput)));
  };
  const app::TrainingResult result = app::train_network(invocation, job, {.stop = &interrupt_token(), .begun = begun});
  if (invocation.json)
    print(fmt::format("{}\n", dump_json(app::training_json(job, result), 2)));
  else
    print(training_text(job, result));
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
