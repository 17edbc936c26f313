#include "lathe/app/train_trial.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lathe/app/training_json.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/train_trial.h"
#include "lathe/cli/training_report.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

std::string recipe_table(const std::vector<app::RecipeLine>& lines, const report::TableStyle& style) {
  report::Table table({{.title = "Name", .narrowest = 0}, {.title = "Effective"}, {.title = "Source"}});
  for (const app::RecipeLine& line : lines) table.add_row({line.name, line.value, line.source});
  return table.to_string(style);
}

// Says what the trial had beside what came out.
std::string trial_line(const app::TrialTraining& training) {
  std::string values;
  for (const double value : training.trial.trial.values)
    values += fmt::format("{}{:.6g}", values.empty() ? "" : ", ", value);
  return values.empty() ? std::string()
                        : fmt::format("Trial {} had the value{} {}\n", training.trial.trial.number,
                                      training.trial.trial.values.size() == 1 ? "" : "s", values);
}

std::string seeds_text(const app::TrialTraining& training, const app::TrialTrainingResult& result) {
  const std::optional<trial::RepeatSummary>& summary = result.summary;
  using enum report::Alignment;
  report::Table table({{"figure", kLeft}, {"mean", kRight}, {"standard error", kRight}, {"seeds", kRight}});
  if (summary) {
    for (const auto& [name, mean] : summary->means) {
      const auto error = summary->standard_errors.find(name);
      const std::string shown = error == summary->standard_errors.end() ? "-" : report::number_text(error->second);
      table.add_row({name, report::number_text(mean), shown, fmt::format("{}", result.seeds.size())});
    }
  }
  return fmt::format("\n{}{}\nWritten to {}/: seeds.json, seed_{} ...\n",
                     table.to_string(report::style_for(kStandardOutput)), trial_line(training),
                     training.job.folder.string(), training.first_repeat);
}

std::string document(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

void print_one(const Invocation& invocation, const app::TrialTraining& training, const app::SeedTraining& trained) {
  if (!invocation.json) return print(training_text(trained.job, trained.result) + trial_line(training));
  Json json = app::training_json(trained.job, trained.result);
  json.update(app::trial_facts_json(training));
  print(document(json));
}

ExitCode exit_code_of_seeds(const app::TrialTrainingResult& result) {
  ExitCode code = ExitCode::kSuccess;
  for (const app::SeedTraining& seed : result.seeds) {
    const ExitCode ended = exit_code_of(seed.result.report.outcome);
    if (ended != ExitCode::kSuccess) code = ended;
  }
  return code;
}

}  // namespace

ExitCode train_trial(const Invocation& invocation) {
  app::TrialTrainingOptions options{.study = *invocation.text("--from"),
                                    .storage = invocation.text("--storage"),
                                    .trial = invocation.integer("--trial", 0),
                                    .seeds = invocation.integer("--seeds", 1),
                                    .test = invocation.has("--test"),
                                    .resume = invocation.has("--resume"),
                                    .stop = &interrupt_token()};
  catch_interrupts();
  auto training = app::ready_trial_training(invocation, options);
  if (!training) return ExitCode::kInterrupted;
  options.begun = [&] {
    if (!invocation.talkative()) return;
    const report::TableStyle style = report::style_for(kStandardOutput);
    print(recipe_table(training->recipe, style) + "\n" + model_summary(training->job.graph, style));
  };
  const app::TrialTrainingResult result = app::train_trial(invocation, *training, options);
  if (!options.seeds) {
    print_one(invocation, *training, result.seeds.front());
    return exit_code_of_seeds(result);
  }
  print(invocation.json ? document(app::seeds_json(*training, result)) : seeds_text(*training, result));
  return interrupt_token().requested() ? ExitCode::kInterrupted : exit_code_of_seeds(result);
}

}  // namespace lathe::cli
