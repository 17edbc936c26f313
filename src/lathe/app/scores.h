#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"

/// The figures of an evaluation that commands show, by what was learned.
namespace lathe::app {

/// Names a figure and reads it.
struct Score {
  std::string name;  ///< key of JSON: `macro_accuracy`
  double (*read)(const engine::EvaluationResult&);

  /// Returns the heading of a table: `macro accuracy`.
  std::string title() const;
};

/// Lists those of a data set: loss, accuracy and macro_accuracy of classes; loss, perplexity and accuracy of the tokens
/// of a text; loss, r2, mse and mae of targets.
const std::vector<Score>& scores(const data::Dataset& dataset);

}  // namespace lathe::app
