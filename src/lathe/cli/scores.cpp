#include "lathe/cli/scores.h"

#include <algorithm>

namespace lathe::cli {
namespace {

using engine::EvaluationResult;

double loss(const EvaluationResult& result) { return result.loss(); }

}  // namespace

std::string Score::title() const {
  std::string text = name;
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

const std::vector<Score>& scores(data::Task task) {
  static const std::vector<Score> kClasses = {
      {"loss", loss},
      {"accuracy", [](const EvaluationResult& result) { return result.accuracy(); }},
      {"macro_accuracy", [](const EvaluationResult& result) { return result.macro_accuracy(); }}};
  static const std::vector<Score> kTargets = {
      {"loss", loss},
      {"r2", [](const EvaluationResult& result) { return result.r2(); }},
      {"mse", [](const EvaluationResult& result) { return result.mean_squared_error(); }},
      {"mae", [](const EvaluationResult& result) { return result.mean_absolute_error(); }}};
  return task == data::Task::kRegression ? kTargets : kClasses;
}

}  // namespace lathe::cli
