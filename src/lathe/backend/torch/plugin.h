#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "lathe/backend/torch/device.h"
#include "lathe/engine/backend.h"

/// What the program and the plugin liblathe_backend_torch.so agree on.
namespace lathe::backend::libtorch {

/// Names the function that the plugin exports, of type PluginEntry.
inline constexpr const char* kPluginEntry = "lathe_backend_torch_plugin";

struct Plugin {
  const char* build = "";  ///< what plugin_build returns there
  std::shared_ptr<const engine::Backend> (*make)(DeviceKind) = nullptr;
};
using PluginEntry = const Plugin* (*)();

/// Names what both must share, for they hand each other C++ objects: version, compiler, layout of the types.
inline std::string plugin_build() {
  return fmt::format("lathe {}, compiler {}, layout {}-{}-{}-{}", LATHE_VERSION, __VERSION__,
                     sizeof(engine::SessionSettings), sizeof(engine::EvaluationResult), sizeof(data::Samples),
                     sizeof(ir::Node));
}

}  // namespace lathe::backend::libtorch
