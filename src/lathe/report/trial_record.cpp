#include "lathe/report/trial_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/process_memory.h"

namespace lathe::report {

std::optional<double> find_metric(const Metrics& metrics, const std::string& name) {
  for (const auto& [known, value] : metrics) {
    if (known == name) return value;
  }
  return std::nullopt;
}

MemoryUse largest_memory(const std::vector<TrialRecord>& trials) {
  MemoryUse use;
  for (const TrialRecord& trial : trials) {
    if (trial.planned_bytes > use.planned_bytes) {
      use.planned_bytes = trial.planned_bytes;
      use.number = trial.number;
    }
    use.peak_bytes = std::max(use.peak_bytes, trial.peak_bytes);
  }
  return use;
}

std::string memory_line(const std::vector<TrialRecord>& trials) {
  const MemoryUse use = largest_memory(trials);
  if (use.planned_bytes == 0) return {};
  std::string text = fmt::format("largest plan {} (trial {})", memory_text(use.planned_bytes), use.number);
  if (use.peak_bytes > 0) text += fmt::format(", process at most {}", memory_text(use.peak_bytes));
  return text;
}

std::map<std::size_t, std::int64_t> best_with_equals(const StudyRecord& study) {
  std::vector<std::size_t> order = study.best;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return study.trials[a].number < study.trials[b].number; });
  std::map<std::vector<double>, std::int64_t> first;
  std::map<std::size_t, std::int64_t> equals;
  for (const std::size_t index : order) {
    const TrialRecord& trial = study.trials[index];
    const auto [found, inserted] = first.emplace(trial.standing ? trial.standing->means : trial.values, trial.number);
    if (!inserted) equals[index] = found->second;
  }
  return equals;
}

}  // namespace lathe::report
