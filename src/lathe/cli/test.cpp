#include "lathe/app/test.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/app/scores.h"
#include "lathe/base/json.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/trial_flags.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

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

Json json_of(const app::TestResult& run, const recipe::Settings& settings) {
  const data::Fingerprint& data = run.dataset->fingerprint;
  Json json = {{"schema_version", 1},
               {"model", run.network.graph.name},
               {"weights", run.network.weights_origin},
               {"dataset", data.dataset},
               {"data_source", data.source},
               {"data_fingerprint", data.hash},
               {"notice", data.notice},
               {"seed", settings.seed},
               {"backend", run.backend->name()},
               {"target", run.backend->target()},
               {"accelerator", run.backend->accelerator()},
               {"test_rows", run.evaluation.rows}};
  for (const app::Score& score : app::scores(*run.dataset)) json["test_" + score.name] = score.read(run.evaluation);
  for (std::size_t i = 0; i < run.dataset->preprocessing.targets.size(); ++i)
    json["targets"][run.dataset->preprocessing.targets[i].name] =
        json_of(run.dataset->preprocessing.targets[i], run.evaluation, i);
  for (std::size_t c = 0; c < run.evaluation.class_rows.size(); ++c) {
    if (run.evaluation.class_rows[c] > 0)
      json["class_accuracy"][run.dataset->preprocessing.class_names.at(c)] = class_accuracy(run.evaluation, c);
  }
  return json;
}

report::Table score_table(const app::TestResult& run) {
  using enum report::Alignment;
  std::vector<report::TableColumn> titles = {{"test", kLeft}};
  std::vector<std::string> cells = {run.network.graph.name};
  for (const app::Score& score : app::scores(*run.dataset)) {
    titles.push_back({score.title(), kRight});
    cells.push_back(report::number_text(score.read(run.evaluation)));
  }
  titles.push_back({"rows", kRight});
  cells.push_back(report::count_text(run.evaluation.rows));
  report::Table table(std::move(titles));
  table.add_row(std::move(cells));
  return table;
}

report::Table class_table(const app::TestResult& run) {
  using enum report::Alignment;
  report::Table classes({{"class", kLeft}, {"accuracy", kRight}, {"rows", kRight}, {"predicted", kRight}});
  for (std::size_t c = 0; c < run.evaluation.class_rows.size(); ++c) {
    const bool present = run.evaluation.class_rows[c] > 0;
    classes.add_row({run.dataset->preprocessing.class_names.at(c),
                     present ? report::number_text(class_accuracy(run.evaluation, c)) : "-",
                     report::count_text(run.evaluation.class_rows[c]),
                     report::count_text(run.evaluation.class_predicted[c])});
  }
  return classes;
}

report::Table target_table(const app::TestResult& run) {
  using enum report::Alignment;
  report::Table table({{"target", kLeft},
                       {"r2", kRight},
                       {"mse", kRight},
                       {"mae", kRight},
                       {"rmse in its unit", kRight},
                       {"mae in its unit", kRight}});
  for (std::size_t i = 0; i < run.dataset->preprocessing.targets.size(); ++i) {
    const TargetErrors errors = errors_of(run.dataset->preprocessing.targets[i], run.evaluation, i);
    std::vector<std::string> cells = {run.dataset->preprocessing.targets[i].name};
    for (const double value : {errors.r2, errors.mse, errors.mae, errors.rmse_in_units, errors.mae_in_units})
      cells.push_back(report::number_text(value));
    table.add_row(std::move(cells));
  }
  return table;
}

void print_result(const app::TestResult& run) {
  const report::TableStyle style = report::style_for(kStandardOutput);
  print(fmt::format("\n{}", score_table(run).to_string(style)));
  if (run.evaluation.regression())
    print("\n" + target_table(run).to_string(style));
  else if (run.dataset->train.positions == 1)
    print("\n" + class_table(run).to_string(style));
  const std::string& notice = run.dataset->fingerprint.notice;
  if (!notice.empty()) print(fmt::format("\n{}\n", notice));
}

ExitCode run_test(const Invocation& invocation) {
  const app::TestResult run = app::test_network(invocation);
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
