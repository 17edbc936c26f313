#include "lathe/report/trial_record.h"

namespace lathe::report {

std::optional<double> find_metric(const Metrics& metrics, const std::string& name) {
  for (const auto& [known, value] : metrics) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace lathe::report
