#pragma once

#include <string>
#include <vector>

#include "lathe/base/registry.h"

/// The courses of the learning rate, as a list.
namespace lathe::engine {

/// Declares a course of the learning rate after its warm-up: one file in schedules/ and one line of the list there.
struct ScheduleDeclaration {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  /// Returns which share of the way from the minimum to the peak is left after a share `done` of the steps (both in
  /// [0, 1]); null: the rate stays at its peak, and there is no minimum.
  double (*left)(double done) = nullptr;
};

/// Lists the courses.
const Registry<ScheduleDeclaration>& schedules();
/// Finds one by name or alias. Throws UserError (lr_scheduler) with the nearest name.
const ScheduleDeclaration& schedule_named(const std::string& name);

}  // namespace lathe::engine
