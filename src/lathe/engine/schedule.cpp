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
  if (step < settings.warmup_steps)
    return peak * static_cast<double>(step) / static_cast<double>(settings.warmup_steps);
  const ScheduleDeclaration& schedule = schedule_named(settings.schedule);
  if (schedule.left == nullptr) return peak;
  const auto span = static_cast<double>(std::max<std::int64_t>(total - settings.warmup_steps, 1));
  const double done = std::min(static_cast<double>(step - settings.warmup_steps) / span, 1.0);
  const double floor = floor_of(settings);
  return floor + (peak - floor) * schedule.left(done);
}

std::string TrainSettings::to_text() const {
  return fmt::format(
             "optimizer={} learning_rate={} schedule={} minimum_learning_rate={} warmup_steps={} batch_size={} "
             "max_epochs={} "
             "max_steps={} num_samples={} accumulate_grad_batches={} shuffle={} validate_each_epoch={}",
             optimizer_named(optimizer.name).text(optimizer), learning_rate, schedule_named(schedule).name,
             floor_of(*this), warmup_steps, batch_size, max_epochs, text_of(max_steps), text_of(num_samples),
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
