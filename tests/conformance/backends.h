#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lathe/engine/backend.h"

namespace lathe::conformance {

/// A back end that is compared with the reference, and how near it must come.
struct TestedBackend {
  std::string name;  ///< of the tests: letters, digits, underscores
  std::shared_ptr<const engine::Backend> backend;
  int threads = 1;
  bool may_refuse = true;            ///< false: refusing a network of op_networks.h is a failure
  double tolerance = 1e-5;           ///< of predictions, losses and running statistics, relative
  double gradient_tolerance = 1e-4;  ///< of gradients and of weights after some steps, relative to a tensor's largest
};

/// Lists the back ends that this build holds. A new one is a line here, with its library in CMakeLists.txt.
const std::vector<TestedBackend>& tested_backends();

}  // namespace lathe::conformance
