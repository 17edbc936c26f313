#include <fmt/format.h>

#include <cmath>
#include <iostream>

#include "lathe/app/device.h"
#include "lathe/app/inputs.h"
#include "lathe/app/network.h"
#include "lathe/app/scores.h"
#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/trial_flags.h"
#include "lathe/recipe/checks.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

struct TestRun {
  app::StartingPoint start;
  std::shared_ptr<const data::Dataset> dataset;
  std::shared_ptr<const engine::Backend> backend;
  engine::EvaluationResult result;
};

TestRun evaluate(const Invocation& invocation) {
  const recipe::Settings& settings = invocation.settings;
  const engine::LossSettings loss = recipe::read_loss(settings);
  TestRun run;
  run.dataset =
      app::load_data(settings, {.preprocessing = app::trained_preprocessing(invocation)}, invocation.progress);
  const data::Samples& test = run.dataset->test;
  if (test.rows() == 0) throw DataError(run.dataset->fingerprint.path, "the data set has no test rows");
  run.start = app::starting_point(invocation, *run.dataset);
  recipe::check_loss(loss, *run.dataset, settings);
  run.backend = app::choose_backend(settings, run.start.graph, loss);
  const auto threads = static_cast<int>(settings.threads);
  const engine::Precision precision = engine::precision_of(settings.trainer_precision);
  log::info("Testing model '{}' on back end {}...", run.start.graph.name,
            app::device_text(*run.backend, threads, precision));
  const auto session = run.backend
                           ->compile(run.start.graph, {.batch_size = settings.training.batch_size,
                                                       .training = false,
                                                       .loss = loss,
                                                       .threads = threads,
                                                       .precision = precision})
                           ->make_session();
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

double per_row(const std::vector<double>& sums, const engine::EvaluationResult& result, std::size_t index) {
  return sums.at(index) / static_cast<double>(result.rows);
}

// The errors of one target, the last two in the unit of the data.
struct TargetErrors {
  double r2, mse, mae, rmse_in_units, mae_in_units;
};

TargetErrors errors_of(const data::Target& target, const engine::EvaluationResult& result, std::size_t index) {
  const double mse = per_row(result.squared_errors, result, index);
  const double mae = per_row(result.absolute_errors, result, index);
  return {result.r2(index), mse, mae, target.deviation * std::sqrt(mse), target.deviation * mae};
}

Json json_of(const data::Target& target, const engine::EvaluationResult& result, std::size_t index) {
  const TargetErrors errors = errors_of(target, result, index);
  return {{"r2", errors.r2},
          {"mse", errors.mse},
          {"mae", errors.mae},
          {"mean", target.mean},
          {"deviation", target.deviation},
          {"rmse_in_units", errors.rmse_in_units},
          {"mae_in_units", errors.mae_in_units}};
}

Json json_of(const TestRun& run, const recipe::Settings& settings) {
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
               {"accelerator", run.backend->accelerator()},
               {"test_rows", run.result.rows}};
  for (const app::Score& score : app::scores(*run.dataset)) json["test_" + score.name] = score.read(run.result);
  for (std::size_t i = 0; i < run.dataset->preprocessing.targets.size(); ++i)
    json["targets"][run.dataset->preprocessing.targets[i].name] =
        json_of(run.dataset->preprocessing.targets[i], run.result, i);
  for (std::size_t c = 0; c < run.result.class_rows.size(); ++c) {
    if (run.result.class_rows[c] > 0)
      json["class_accuracy"][run.dataset->preprocessing.class_names.at(c)] = class_accuracy(run.result, c);
  }
  return json;
}

report::Table score_table(const TestRun& run) {
  using enum report::Alignment;
  std::vector<report::TableColumn> titles = {{"test", kLeft}};
  std::vector<std::string> cells = {run.start.graph.name};
  for (const app::Score& score : app::scores(*run.dataset)) {
    titles.push_back({score.title(), kRight});
    cells.push_back(report::number_text(score.read(run.result)));
  }
  titles.push_back({"rows", kRight});
  cells.push_back(report::count_text(run.result.rows));
  report::Table table(std::move(titles));
  table.add_row(std::move(cells));
  return table;
}

report::Table class_table(const TestRun& run) {
  using enum report::Alignment;
  report::Table classes({{"class", kLeft}, {"accuracy", kRight}, {"rows", kRight}, {"predicted", kRight}});
  for (std::size_t c = 0; c < run.result.class_rows.size(); ++c) {
    const bool present = run.result.class_rows[c] > 0;
    classes.add_row({run.dataset->preprocessing.class_names.at(c),
                     present ? report::number_text(class_accuracy(run.result, c)) : "-",
                     report::count_text(run.result.class_rows[c]), report::count_text(run.result.class_predicted[c])});
  }
  return classes;
}

report::Table target_table(const TestRun& run) {
  using enum report::Alignment;
  report::Table table({{"target", kLeft},
                       {"r2", kRight},
                       {"mse", kRight},
                       {"mae", kRight},
                       {"rmse in its unit", kRight},
                       {"mae in its unit", kRight}});
  for (std::size_t i = 0; i < run.dataset->preprocessing.targets.size(); ++i) {
    const TargetErrors errors = errors_of(run.dataset->preprocessing.targets[i], run.result, i);
    std::vector<std::string> cells = {run.dataset->preprocessing.targets[i].name};
    for (const double value : {errors.r2, errors.mse, errors.mae, errors.rmse_in_units, errors.mae_in_units})
      cells.push_back(report::number_text(value));
    table.add_row(std::move(cells));
  }
  return table;
}

void print_result(const TestRun& run) {
  const report::TableStyle style = report::style_for(kStandardOutput);
  print(fmt::format("\n{}", score_table(run).to_string(style)));
  if (run.result.regression())
    print("\n" + target_table(run).to_string(style));
  else if (run.dataset->train.positions == 1)
    print("\n" + class_table(run).to_string(style));
  const std::string& notice = run.dataset->fingerprint.notice;
  if (!notice.empty()) print(fmt::format("\n{}\n", notice));
}

ExitCode run_test(const Invocation& invocation) {
  const bool onnx = invocation.settings.model.ends_with(".onnx");
  if (invocation.weights_to_load().empty() && !onnx)
    throw UserError("--load", "is missing: lathe test evaluates trained weights (training_ckpts/best.safetensors)");
  const TestRun run = evaluate(invocation);
  if (invocation.json)
    print(fmt::format("{}\n", dump_json(json_of(run, invocation.settings), 2)));
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
              "macro accuracy (mean over classes) and the accuracy of each class; for regression the loss, r2 (share "
              "of the "
              "variance explained), mse and mae, and those of each target also in its own unit. A lathe checkpoint "
              "brings its "
              "network along, and so does an ONNX file, as --load or as MODEL; for a plain state dict (safetensors, "
              "PyTorch's .pt, Lightning's .ckpt) name its MODEL.",
          .examples = {{"lathe test jsc-tiny jets --load lathe_output/run/training_ckpts/best.safetensors",
                        "scores a checkpoint"}},
          .flags = trial_flags(),
          .takes_model = true,
          .takes_dataset = true,
          .needs_dataset = true,
          .shows_settings = true,
          .takes_trial = true,
          .run = run_test};
}

}  // namespace lathe::cli
