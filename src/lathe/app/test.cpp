#include "lathe/app/test.h"

#include <cmath>

#include "lathe/app/device.h"
#include "lathe/app/network.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/recipe/checks.h"

namespace lathe::app {

TestResult test_network(const Request& request) {
  const recipe::Settings& settings = request.settings;
  if (request.weights_to_load().empty() && !settings.model.ends_with(".onnx"))
    throw UserError("--load", "is missing: lathe test evaluates trained weights (training_ckpts/best.safetensors)");
  const engine::LossSettings loss = recipe::read_loss(settings);
  TestResult run;
  run.dataset = load_data(settings, {.preprocessing = trained_preprocessing(request)}, request.progress);
  const data::Samples& test = run.dataset->test;
  if (test.rows() == 0) throw DataError(run.dataset->fingerprint.path, "the data set has no test rows");
  run.network = starting_point(request, *run.dataset);
  recipe::check_loss(loss, *run.dataset, settings);
  run.backend = choose_backend(settings, run.network.graph, loss);
  const auto threads = static_cast<int>(settings.threads);
  const engine::Precision precision = engine::precision_of(settings.trainer_precision);
  log::info("Testing model '{}' on back end {}...", run.network.graph.name,
            device_text(*run.backend, threads, precision));
  const auto session = run.backend
                           ->compile(run.network.graph, {.batch_size = settings.training.batch_size,
                                                         .training = false,
                                                         .loss = loss,
                                                         .threads = threads,
                                                         .precision = precision})
                           ->make_session();
  session->load(*run.network.state);
  run.evaluation = session->evaluate(test, 0, test.rows());
  if (!std::isfinite(run.evaluation.loss()))
    throw DataError(run.network.weights_origin, "its weights give outputs that are not finite");
  log::info("Testing is completed");
  return run;
}

}  // namespace lathe::app
