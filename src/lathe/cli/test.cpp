#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/cli/backends.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/inputs.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

struct TestRun {
  StartingPoint start;
  std::shared_ptr<const data::Dataset> dataset;
  std::shared_ptr<const engine::Backend> backend;
  engine::EvaluationResult result;
};

TestRun evaluate(const Invocation& invocation) {
  const config::Settings& settings = invocation.settings;
  TestRun run;
  run.dataset = load_data(settings);
  const data::Samples& test = run.dataset->test;
  if (test.rows() == 0) throw DataError(run.dataset->fingerprint.path, "the data set has no test rows");
  run.start = starting_point(invocation, *run.dataset);
  run.backend = engine::choose_backend(backends(), settings.backend, settings.accelerator, run.start.graph);
  log::info("Testing model '{}' on back end {} {}...", run.start.graph.name, run.backend->name(),
            run.backend->target());
  const auto session =
      run.backend->make_session(run.start.graph, {.batch_size = settings.batch_size, .training = false});
  session->load(*run.start.state);
  run.result = session->evaluate(test, 0, test.rows());
  if (!std::isfinite(run.result.loss()))
    throw DataError(run.start.weights_origin, "its weights give outputs that are not finite");
  log::info("Testing is completed");
  return run;
}

double class_accuracy(const engine::EvaluationResult& result, std::size_t index) {
  return static_cast<double>(result.class_correct[index]) / static_cast<double>(result.class_rows[index]);
}

Json json_of(const TestRun& run, const config::Settings& settings) {
  const data::Fingerprint& data = run.dataset->fingerprint;
  Json json = {{"schema_version", 1},
               {"model", run.start.graph.name},
               {"weights", run.start.weights_origin},
               {"dataset", data.dataset},
               {"data_source", data.source},
               {"data_fingerprint", data.hash},
               {"notice", data.notice},
               {"seed", settings.seed},
               {"backend", run.backend->name()},
               {"target", run.backend->target()},
               {"test_rows", run.result.rows},
               {"test_loss", run.result.loss()},
               {"test_accuracy", run.result.accuracy()},
               {"test_macro_accuracy", run.result.macro_accuracy()}};
  for (std::size_t c = 0; c < run.result.class_rows.size(); ++c) {
    if (run.result.class_rows[c] > 0)
      json["class_accuracy"][run.dataset->class_names.at(c)] = class_accuracy(run.result, c);
  }
  return json;
}

void print_result(const TestRun& run) {
  using enum report::Alignment;
  report::Table table(
      {{"test", kLeft}, {"loss", kRight}, {"accuracy", kRight}, {"macro accuracy", kRight}, {"rows", kRight}});
  table.add_row({run.start.graph.name, report::number_text(run.result.loss()),
                 report::number_text(run.result.accuracy()), report::number_text(run.result.macro_accuracy()),
                 report::count_text(run.result.rows)});
  report::Table classes({{"class", kLeft}, {"accuracy", kRight}, {"rows", kRight}, {"predicted", kRight}});
  for (std::size_t c = 0; c < run.result.class_rows.size(); ++c) {
    const bool present = run.result.class_rows[c] > 0;
    classes.add_row({run.dataset->class_names.at(c), present ? report::number_text(class_accuracy(run.result, c)) : "-",
                     report::count_text(run.result.class_rows[c]), report::count_text(run.result.class_predicted[c])});
  }
  const report::TableStyle style = report::style_for(kStandardOutput);
  print(fmt::format("\n{}\n{}", table.to_string(style), classes.to_string(style)));
  const std::string& notice = run.dataset->fingerprint.notice;
  if (!notice.empty()) print(fmt::format("\n{}\n", notice));
}

ExitCode run_test(const Invocation& invocation) {
  if (weights_to_load(invocation).empty())
    throw UserError("--load", "is missing: lathe test evaluates trained weights (training_ckpts/best.safetensors)");
  const TestRun run = evaluate(invocation);
  if (invocation.json)
    print(fmt::format("{}\n", json_of(run, invocation.settings).dump(2)));
  else
    print_result(run);
  return ExitCode::kSuccess;
}

}  // namespace

Command test_command() {
  return {.name = "test",
          .summary = "evaluate trained weights on the test rows",
          .description =
              "Evaluates the weights of --load on the test rows of DATASET: loss, accuracy (over all rows), "
              "macro accuracy (mean over classes) and the accuracy of each class. A lathe checkpoint brings its "
              "network along; for a plain safetensors state dict name its MODEL.",
          .examples = {{"lathe test jsc-tiny jets --load lathe_output/run/training_ckpts/best.safetensors",
                        "scores a checkpoint"}},
          .flags = from_flags(),
          .takes_model = true,
          .takes_dataset = true,
          .needs_dataset = true,
          .shows_settings = true,
          .run = run_test};
}

}  // namespace lathe::cli
