#include "conformance/targets.h"

#include <set>

#include "hwy/targets.h"
#include "lathe/backend/dense/program.h"

namespace lathe::conformance {

void for_each_target(const std::function<void(const std::string&)>& body) {
  std::set<std::string> seen;
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t left = supported; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & ~(left - 1));
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    const std::string target = backend::dense::best_kernels().target;
    if (seen.insert(target).second) body(target);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace lathe::conformance
