#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/base/registry.h"
#include "lathe/data/dataset.h"

/// The losses: what is minimised, as a value, and the list of those that there are.
namespace lathe::engine {

/// Says which loss a session computes, for training and evaluation alike. Formulas as torch.nn with reduction = mean.
struct LossSettings {
  std::string name = "cross_entropy";
  /// cross_entropy: share of the target that is spread evenly over all classes, in [0, 1).
  double label_smoothing = 0;
  /// cross_entropy: one weight per class, at least 0; empty: all 1. The mean is the weighted one: the sum of
  /// weight * loss divided by the sum of the weights of the rows' labels.
  std::vector<double> class_weights = {};
  double delta = 1;  ///< huber: where the square turns into a line, above 0

  /// Tells whether this is cross entropy without options.
  bool plain() const { return *this == LossSettings{}; }
  /// Prints the loss with the options it reads, canonically: `huber(huber_delta=0.5)` (part of the candidate key).
  std::string to_text() const;
  bool operator==(const LossSettings&) const = default;
};

/// Declares a loss. One entry in loss.cpp each; its arithmetic is a kernel per back end.
struct LossDeclaration {
  std::string name;
  std::vector<std::string> aliases;
  data::Task task = data::Task::kClassification;
  std::string description;           ///< of one row with outputs o and targets t, or label y
  std::vector<std::string> options;  ///< those of loss_options that it reads
};

const Registry<LossDeclaration>& loss_declarations();
/// Finds a loss by name or alias; null when there is none.
const LossDeclaration* find_loss(std::string_view name);
/// Returns the loss of a task when none is named: cross_entropy, mean_squared_error.
std::string default_loss(data::Task task);

/// Returns the loss with the name that all spellings share: the usual one of the task for `auto`; unknown names stay.
LossSettings resolved(LossSettings loss, data::Task task);

/// Checks a loss for a task: its name, its options, and options that it does not read. nullopt: all is well.
std::optional<SettingProblem> find_problem(const LossSettings& loss, data::Task task);
/// Checks, further, that there are as many class weights as classes.
std::optional<SettingProblem> find_problem(const LossSettings& loss, const data::Dataset& dataset);

/// Returns what the sum of the losses of `rows` is divided by: their number, or the sum of their classes' weights. The
/// same for every order of the rows.
double loss_weight(const LossSettings& loss, const data::Samples& samples, std::span<const std::uint32_t> rows);
/// Returns the same from the number of rows of each class; nullopt without class weights.
std::optional<double> loss_weight(const LossSettings& loss, std::span<const std::int64_t> class_rows);

/// Returns the mean of each output's targets over the rows [first, first + count).
std::vector<double> target_means(const data::Samples& samples, std::int64_t first, std::int64_t count);
/// Returns, for each output, the sum of (target - mean)^2 over the rows [first, first + count), mean being theirs.
std::vector<double> target_squares(const data::Samples& samples, std::int64_t first, std::int64_t count);

}  // namespace lathe::engine
