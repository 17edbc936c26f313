#include "lathe/app/train.h"

#include "lathe/app/device.h"
#include "lathe/app/inputs.h"
#include "lathe/app/network.h"
#include "lathe/app/project.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/recipe/checks.h"

namespace lathe::app {
namespace {

// Makes the folder of a new training, and names that of one to go on with.
void open_folder(const Request& request, TrainingJob& job) {
  const std::string document = recipe::resolved_document(request.root, request.settings);
  if (!job.resume) {
    job.folder = new_training(job.project, job.graph.name, document);
  } else if (keep_earlier_training(job.project)) {  // the training to continue may be of an earlier version of lathe
    job.folder = training_to_resume(job, job.graph.name);
  }
  write_project_settings(job.project, document);
  log::info("Project is {}", job.project.string());
  const data::Fingerprint& data = job.dataset->fingerprint;
  log::debug("data: {} from {}, fingerprint {} {}", data.source, data.path, data.hash, data.notice);
}

}  // namespace

TrainingJob ready_training(const Request& request, bool resume) {
  const recipe::Settings& settings = request.settings;
  TrainingJob job;
  job.settings = recipe::training_of(settings);
  job.dataset =
      load_data(settings, {.preprocessing = trained_preprocessing(request), .keep_classes = false}, request.progress);
  StartingPoint start = starting_point(request, *job.dataset);
  job.graph = std::move(start.graph);
  job.state = std::move(start.state);
  recipe::check_loss(job.settings.loss, *job.dataset, settings);
  recipe::check_augmentation(job.settings, *job.dataset, settings);
  job.backend = choose_backend(settings, job.graph, job.settings.loss);
  job.threads = static_cast<int>(settings.threads);
  job.precision = engine::precision_of(settings.trainer_precision);
  job.seed = static_cast<std::uint64_t>(settings.seed);
  job.project = project_folder(settings);
  job.resume = resume;
  if (job.resume) job.folder = training_to_resume(job, job.graph.name);
  check_training(job);
  return job;
}

TrainingResult train_network(const Request& request, TrainingJob& job, const TrainOptions& options) {
  const engine::StopToken never;
  make_directories(job.project);
  const log::FileScope run_log(job.project / "run.log");
  open_folder(request, job);
  if (options.begun) options.begun();
  log::info("Training model '{}' on back end {}...", job.graph.name,
            device_text(*job.backend, job.threads, job.precision));
  advise_threads(*job.backend, 1, job.threads);
  TrainingResult result = run_training(job, options.stop != nullptr ? *options.stop : never, request.progress);
  log::info("Training is {}", engine::to_string(result.report.outcome));
  return result;
}

}  // namespace lathe::app
