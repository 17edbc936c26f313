#include "lathe/engine/loss.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/engine/loss_options.h"

namespace lathe::engine {
namespace {

using data::Task;

std::string some_above_zero(const std::vector<double>& numbers) {
  const bool some = std::any_of(numbers.begin(), numbers.end(), [](double number) { return number > 0; });
  return numbers.empty() || some ? "" : "one weight at least must be above 0";
}

bool is_given(const LossOption& option, const LossSettings& loss) {
  return option.numbers(loss) != option.numbers(LossSettings{});
}

std::string text_of(const LossOption& option, const LossSettings& loss) {
  const std::vector<double> numbers = option.numbers(loss);
  return option.is_list ? fmt::format("[{}]", fmt::join(numbers, ", ")) : fmt::format("{}", numbers.front());
}

std::string problem_of(const LossOption& option, const LossSettings& loss) {
  const std::vector<double> numbers = option.numbers(loss);
  const auto allowed = [&](double number) { return std::isfinite(number) && option.bounds.contains(number); };
  if (!std::all_of(numbers.begin(), numbers.end(), allowed))
    return fmt::format("must be {}{}; got {}", option.is_list ? "finite numbers, " : "", option.bounds.to_string(),
                       fmt::join(numbers, ", "));
  return option.problem == nullptr ? "" : option.problem(numbers);
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

std::span<const float> targets_of(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  const auto outputs = static_cast<std::size_t>(samples.outputs);
  return std::span(samples.targets)
      .subspan(static_cast<std::size_t>(first) * outputs, static_cast<std::size_t>(count) * outputs);
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

const std::vector<LossOption>& loss_options() {
  static const std::vector<LossOption> options = {
      {.name = "label_smoothing",
       .bounds = {.low = 0, .high = 1, .high_open = true},
       .numbers = [](const LossSettings& loss) { return std::vector{loss.label_smoothing}; }},
      {.name = "class_weights",
       .bounds = config::at_least(0),
       .is_list = true,
       .numbers = [](const LossSettings& loss) { return loss.class_weights; },
       .problem = some_above_zero},
      {.name = "huber_delta",
       .bounds = config::above(0),
       .numbers = [](const LossSettings& loss) { return std::vector{loss.delta}; }},
  };
  return options;
}

const LossOption& loss_option(std::string_view name) {
  const auto& options = loss_options();
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const auto& option) { return option.name == name; });
  LATHE_CHECK(found != options.end(), "loss option {}", name);
  return *found;
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
  for (const LossOption& option : loss_options())
    if (declaration != nullptr && reads(*declaration, option.name) && is_given(option, *this))
      options.push_back(fmt::format("{}={}", option.name, text_of(option, *this)));
  return options.empty() ? name : fmt::format("{}({})", name, fmt::join(options, ", "));
}

std::optional<SettingProblem> find_problem(const LossSettings& loss, Task task) {
  const LossDeclaration* declaration = find_loss(loss.name);
  if (declaration == nullptr) return SettingProblem{"loss", loss_declarations().unknown(loss.name)};
  if (declaration->task != task)
    return SettingProblem{"loss", fmt::format("{} belongs to {}; the task is {}, whose losses are {}", loss.name,
                                              task_name(declaration->task), task_name(task), names_of(task))};
  for (const LossOption& option : loss_options()) {
    if (!is_given(option, loss)) continue;
    if (!reads(*declaration, option.name))
      return SettingProblem{option.name, fmt::format("does not belong to the loss {}", loss.name)};
    if (const std::string problem = problem_of(option, loss); !problem.empty())
      return SettingProblem{option.name, problem};
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

std::vector<double> target_means(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  const std::span<const float> targets = targets_of(samples, first, count);
  std::vector<double> means(static_cast<std::size_t>(samples.outputs));
  for (std::size_t i = 0; i < targets.size(); ++i) means[i % means.size()] += targets[i];
  for (double& mean : means) mean /= static_cast<double>(std::max<std::int64_t>(count, 1));
  return means;
}

std::vector<double> target_squares(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  const std::span<const float> targets = targets_of(samples, first, count);
  const std::vector<double> means = target_means(samples, first, count);
  std::vector<double> squares(means.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double distance = targets[i] - means[i % means.size()];
    squares[i % means.size()] += distance * distance;
  }
  return squares;
}

}  // namespace lathe::engine
