#include "lathe/engine/loss.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

using data::Task;

// An option of LossSettings: whether it has another value than the default, whether that is allowed, and its text.
struct Option {
  std::string name;
  bool (*given)(const LossSettings&);
  std::string (*problem)(const LossSettings&);
  std::string (*text)(const LossSettings&);
};

std::string class_weights_problem(const LossSettings& loss) {
  const auto& weights = loss.class_weights;
  const bool allowed = std::all_of(weights.begin(), weights.end(), [](double w) { return std::isfinite(w) && w >= 0; });
  if (!allowed) return fmt::format("must be finite numbers, at least 0; got {}", fmt::join(weights, ", "));
  const bool some = std::any_of(weights.begin(), weights.end(), [](double w) { return w > 0; });
  return weights.empty() || some ? "" : "one weight at least must be above 0";
}

const std::vector<Option>& option_list() {
  static const std::vector<Option> kOptions = {
      {"label_smoothing", [](const LossSettings& loss) { return loss.label_smoothing != 0; },
       [](const LossSettings& loss) {
         const bool allowed = loss.label_smoothing >= 0 && loss.label_smoothing < 1;
         return allowed ? std::string() : fmt::format("must be in [0, 1); got {}", loss.label_smoothing);
       },
       [](const LossSettings& loss) { return fmt::format("{}", loss.label_smoothing); }},
      {"class_weights", [](const LossSettings& loss) { return !loss.class_weights.empty(); }, class_weights_problem,
       [](const LossSettings& loss) { return fmt::format("[{}]", fmt::join(loss.class_weights, ", ")); }},
      {"huber_delta", [](const LossSettings& loss) { return loss.delta != 1; },
       [](const LossSettings& loss) {
         const bool allowed = std::isfinite(loss.delta) && loss.delta > 0;
         return allowed ? std::string() : fmt::format("must be above 0; got {}", loss.delta);
       },
       [](const LossSettings& loss) { return fmt::format("{}", loss.delta); }}};
  return kOptions;
}

bool reads(const LossDeclaration& declaration, const std::string& option) {
  return std::find(declaration.options.begin(), declaration.options.end(), option) != declaration.options.end();
}

std::string names_of(Task task) {
  std::vector<std::string> names;
  for (const LossDeclaration& declaration : loss_declarations())
    if (declaration.task == task) names.push_back(declaration.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const Registry<LossDeclaration>& loss_declarations() {
  static const Registry<LossDeclaration> registry(
      "loss", {
                  {.name = "cross_entropy",
                   .aliases = {},
                   .task = Task::kClassification,
                   .description = "-log softmax(o)[y] in nat, torch.nn.CrossEntropyLoss",
                   .options = {"label_smoothing", "class_weights"}},
                  {.name = "mean_squared_error",
                   .aliases = {"mse"},
                   .task = Task::kRegression,
                   .description = "mean over the outputs of (o - t)^2, torch.nn.MSELoss",
                   .options = {}},
                  {.name = "mean_absolute_error",
                   .aliases = {"mae"},
                   .task = Task::kRegression,
                   .description = "mean over the outputs of |o - t|, torch.nn.L1Loss",
                   .options = {}},
                  {.name = "huber",
                   .aliases = {},
                   .task = Task::kRegression,
                   .description =
                       "mean over the outputs of d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), d = o - t, "
                       "torch.nn.HuberLoss",
                   .options = {"huber_delta"}},
              });
  return registry;
}

const LossDeclaration* find_loss(std::string_view name) { return loss_declarations().find(name); }

LossSettings resolved(LossSettings loss, Task task) {
  const LossDeclaration* declaration = find_loss(loss.name);
  if (declaration != nullptr) loss.name = declaration->name;
  if (loss.name == "auto") loss.name = default_loss(task);
  return loss;
}

std::string default_loss(Task task) { return task == Task::kRegression ? "mean_squared_error" : "cross_entropy"; }

std::string LossSettings::to_text() const {
  const LossDeclaration* declaration = find_loss(name);
  std::vector<std::string> options;
  for (const Option& option : option_list())
    if (declaration != nullptr && reads(*declaration, option.name) && option.given(*this))
      options.push_back(fmt::format("{}={}", option.name, option.text(*this)));
  return options.empty() ? name : fmt::format("{}({})", name, fmt::join(options, ", "));
}

std::optional<SettingProblem> find_problem(const LossSettings& loss, Task task) {
  const LossDeclaration* declaration = find_loss(loss.name);
  if (declaration == nullptr) return SettingProblem{"loss", loss_declarations().unknown(loss.name)};
  if (declaration->task != task)
    return SettingProblem{"loss", fmt::format("{} belongs to {}; the task is {}, whose losses are {}", loss.name,
                                              task_name(declaration->task), task_name(task), names_of(task))};
  for (const Option& option : option_list()) {
    if (!option.given(loss)) continue;
    if (!reads(*declaration, option.name))
      return SettingProblem{option.name, fmt::format("does not belong to the loss {}", loss.name)};
    if (const std::string problem = option.problem(loss); !problem.empty()) return SettingProblem{option.name, problem};
  }
  return std::nullopt;
}

std::optional<SettingProblem> find_problem(const LossSettings& loss, const data::Dataset& dataset) {
  if (auto problem = find_problem(loss, dataset.task)) return problem;
  const auto weights = static_cast<std::int64_t>(loss.class_weights.size());
  if (weights == 0 || weights == dataset.classes) return std::nullopt;
  return SettingProblem{"class_weights",
                        fmt::format("has {} weights; data set {} has {} classes ({})", weights, dataset.name,
                                    dataset.classes, fmt::join(dataset.preprocessing.class_names, ", "))};
}

void check_rows(const LossSettings& loss, const data::Samples& samples, std::int64_t outputs) {
  const LossDeclaration* declaration = find_loss(loss.name);
  LATHE_CHECK(declaration != nullptr, "loss {}", loss.name);
  const std::int64_t expected = declaration->task == Task::kRegression ? outputs : 0;
  LATHE_CHECK(samples.outputs == expected, "loss {} of {} outputs, {} targets a row", loss.name, outputs,
              samples.outputs);
  LATHE_CHECK(loss.class_weights.empty() || loss.class_weights.size() == static_cast<std::size_t>(outputs),
              "{} class weights, {} outputs", loss.class_weights.size(), outputs);
}

double loss_weight(const LossSettings& loss, const data::Samples& samples, std::span<const std::uint32_t> rows) {
  const auto positions = static_cast<std::size_t>(samples.positions);
  if (loss.class_weights.empty()) return static_cast<double>(rows.size() * positions);
  std::vector<std::int64_t> class_rows(loss.class_weights.size());
  for (const std::uint32_t row : rows)
    for (const std::int32_t label : std::span(samples.labels).subspan(row * positions, positions))
      ++class_rows.at(static_cast<std::size_t>(label));
  return *loss_weight(loss, class_rows);
}

std::optional<double> loss_weight(const LossSettings& loss, std::span<const std::int64_t> class_rows) {
  if (loss.class_weights.empty()) return std::nullopt;
  double sum = 0;
  for (std::size_t c = 0; c < class_rows.size(); ++c) sum += static_cast<double>(class_rows[c]) * loss.class_weights[c];
  return sum;
}

std::vector<double> target_squares(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  const auto outputs = static_cast<std::size_t>(samples.outputs);
  const std::span<const float> targets =
      std::span(samples.targets)
          .subspan(static_cast<std::size_t>(first) * outputs, static_cast<std::size_t>(count) * outputs);
  std::vector<double> means(outputs), squares(outputs);
  for (std::size_t i = 0; i < targets.size(); ++i) means[i % outputs] += targets[i];
  for (double& mean : means) mean /= static_cast<double>(std::max<std::int64_t>(count, 1));
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double distance = targets[i] - means[i % outputs];
    squares[i % outputs] += distance * distance;
  }
  return squares;
}

}  // namespace lathe::engine
