#include "lathe/storage/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::storage {

void check_end(const Trial& trial) {
  LATHE_CHECK(trial.state != TrialState::kRunning && trial.state != TrialState::kWaiting, "trial {} ends as {}",
              trial.number, to_string(trial.state));
}

void check_values(const Trial& trial, std::size_t objectives) {
  const bool none = trial.values.empty();
  const bool all = trial.values.size() == objectives;
  const bool allowed = trial.state == TrialState::kComplete ? all
                       : trial.state == TrialState::kPruned ? none || all
                                                            : none;
  LATHE_CHECK(allowed, "trial {} ends as {} with {} values of {} objectives", trial.number, to_string(trial.state),
              trial.values.size(), objectives);
  const bool has_nan = std::any_of(trial.values.begin(), trial.values.end(), [](double v) { return std::isnan(v); });
  LATHE_CHECK(!has_nan, "trial {} ends as {} with a NaN", trial.number, to_string(trial.state));
}

void throw_taken_name(const std::string& place, const std::string& name) {
  throw UserError(fmt::format("{} already holds a study named \"{}\"; choose another name or file", place, name));
}

void throw_absent_study(const std::string& kind, const std::string& place) {
  throw SystemError("write the " + kind, place, "the study is not there; it was deleted");
}

}  // namespace lathe::storage
