#include "lathe/report/trial_record.h"

#include <fmt/format.h>

namespace lathe::report {

std::string to_string(const Scalar& scalar) {
  struct Printer {
    std::string operator()(std::monostate) const { return "NA"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
    std::string operator()(double value) const { return fmt::format("{}", value); }
    std::string operator()(const std::string& value) const { return value; }
  };
  return std::visit(Printer{}, scalar);
}

std::optional<double> find_metric(const Metrics& metrics, const std::string& name) {
  for (const auto& [known, value] : metrics) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace lathe::report
