#include "lathe/engine/schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/engine/shuffle.h"
#include "lathe/engine/train.h"

namespace lathe::engine {
namespace {

template <typename T>
std::string text_of(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "none";
}

// Prints what is not so by default: texts of plain runs stay as they were before there was a choice.
std::string loss_text(const TrainSettings& settings) {
  std::string text;
  if (!settings.loss.plain()) text += fmt::format(" loss={}", settings.loss.to_text());
  if (settings.optimizer.l1 != 0) text += fmt::format(" l1={}", settings.optimizer.l1);
  if (settings.optimizer.l2 != 0) text += fmt::format(" l2={}", settings.optimizer.l2);
  return text;
}

// Options that came later than the texts are printed where they are not usual.
std::string options_text(const TrainSettings& settings) {
  std::string text;
  const std::vector<TrainingOption>& options = training_options().entries();
  for (std::size_t i = 0; i < options.size(); ++i) {
    const TrainingOption& option = options[i];
    const double value = settings.options.at(i);
    if (option.kept_text.empty() && value == option.usual) continue;
    text += fmt::format(" {}=", option.kept_text.empty() ? option.name : option.kept_text);
    text += option.whole ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
  }
  return text;
}

std::string augmentation_text(const TrainSettings& settings) {
  return settings.augmentation.any() ? " " + settings.augmentation.to_text() : std::string();
}

// Says how rows are shuffled: the rule is part of the result.
const char* shuffle_text(const TrainSettings& settings) {
  if (!settings.shuffle) return "false";
  return shuffles_blocks(settings.batch_size) ? "blocks" : "true";
}

// A course never rises: where less is trained with than the minimum, that is its end.
double floor_of(const TrainSettings& settings) {
  return std::min(settings.minimum_learning_rate, settings.learning_rate);
}

}  // namespace

double learning_rate_at(const TrainSettings& settings, std::int64_t step, std::int64_t total) {
  const double peak = settings.learning_rate;
  Course course{.step = step, .total = total};
  const std::vector<TrainingOption>& options = training_options().entries();
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i].rate == nullptr || settings.options.at(i) == options[i].usual) continue;
    if (const auto rate = options[i].rate(settings.options.at(i), peak, course)) return *rate;
  }
  const ScheduleDeclaration& schedule = schedule_named(settings.schedule);
  if (schedule.left == nullptr) return peak;
  const auto span = static_cast<double>(std::max<std::int64_t>(course.total, 1));
  const double done = std::min(static_cast<double>(course.step) / span, 1.0);
  const double floor = floor_of(settings);
  return floor + (peak - floor) * schedule.left(done);
}

std::string TrainSettings::to_text() const {
  return fmt::format(
             "optimizer={} learning_rate={} schedule={} minimum_learning_rate={}{} batch_size={} max_epochs={} "
             "max_steps={} num_samples={} accumulate_grad_batches={} shuffle={} validate_each_epoch={}",
             optimizer_named(optimizer.name).text(optimizer), learning_rate, schedule_named(schedule).name,
             floor_of(*this), options_text(*this), batch_size, max_epochs, text_of(max_steps), text_of(num_samples),
             accumulate_grad_batches, shuffle_text(*this), validate_each_epoch) +
         loss_text(*this) + augmentation_text(*this);
}

std::string to_string(TrainOutcome outcome) {
  switch (outcome) {
    case TrainOutcome::kCompleted: return "completed";
    case TrainOutcome::kDiverged: return "diverged";
    case TrainOutcome::kStopped: return "stopped";
    case TrainOutcome::kTimedOut: return "timed_out";
  }
  throw InternalError("unknown training outcome");
}

}  // namespace lathe::engine
