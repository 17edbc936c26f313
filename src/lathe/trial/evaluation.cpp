#include "lathe/trial/evaluation.h"

#include <fmt/format.h>

namespace lathe::trial {

std::string to_string(const Usage& usage) {
  if (usage.accelerator.empty()) return {};
  return fmt::format("{}{}{} on {}", usage.backend, usage.target.empty() ? "" : " ", usage.target, usage.accelerator);
}

}  // namespace lathe::trial
