#include "lathe/app/training_json.h"

#include <nlohmann/json.hpp>

#include "lathe/app/scores.h"

namespace lathe::app {
namespace {

using Json = nlohmann::ordered_json;

void add_scores(Json& json, const std::string& prefix, const data::Dataset& dataset,
                const std::optional<engine::EvaluationResult>& result) {
  for (const Score& score : scores(dataset)) {
    json[prefix + score.name] = result ? Json(score.read(*result)) : Json(nullptr);
  }
}

}  // namespace

double samples_per_second(const engine::TrainReport& report) {
  return report.wall_seconds > 0 ? static_cast<double>(report.samples) / report.wall_seconds : 0;
}

Json training_json(const TrainingJob& job, const TrainingResult& result) {
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
  if (result.test) add_scores(json, "test_", *job.dataset, result.test);
  json["paths"] = {
      {"project", job.project.string()}, {"folder", job.folder.string()}, {"history", files.history.string()}};
  if (result.files_written) {
    json["paths"]["best"] = files.best.string();
    json["paths"]["last"] = files.last.string();
  }
  return json;
}

}  // namespace lathe::app
