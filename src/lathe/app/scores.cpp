#include "lathe/app/scores.h"

#include <algorithm>
#include <cmath>

namespace lathe::app {
namespace {

using engine::EvaluationResult;

double loss(const EvaluationResult& result) { return result.loss(); }
double accuracy(const EvaluationResult& result) { return result.accuracy(); }

}  // namespace

std::string Score::title() const {
  std::string text = name;
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

const std::vector<Score>& scores(const data::Dataset& dataset) {
  static const std::vector<Score> kClasses = {
      {"loss", loss}, {"accuracy", accuracy}, {"macro_accuracy", [](const EvaluationResult& result) {
                                                 return result.macro_accuracy();
                                               }}};
  static const std::vector<Score> kTargets = {
      {"loss", loss},
      {"r2", [](const EvaluationResult& result) { return result.r2(); }},
      {"mse", [](const EvaluationResult& result) { return result.mean_squared_error(); }},
      {"mae", [](const EvaluationResult& result) { return result.mean_absolute_error(); }}};
  static const std::vector<Score> kTokens = {
      {"loss", loss},
      {"perplexity", [](const EvaluationResult& result) { return std::exp(result.loss()); }},
      {"accuracy", accuracy}};
  if (dataset.task == data::Task::kRegression) return kTargets;
  return dataset.train.positions > 1 ? kTokens : kClasses;
}

}  // namespace lathe::app
