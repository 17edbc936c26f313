#include "lathe/backend/torch/plugin.h"

#include "lathe/backend/torch/engine.h"

extern "C" __attribute__((visibility("default"))) const lathe::backend::libtorch::Plugin* lathe_backend_torch_plugin() {
  static const std::string build = lathe::backend::libtorch::plugin_build();
  static const lathe::backend::libtorch::Plugin plugin = {build.c_str(),
                                                          lathe::backend::libtorch::make_libtorch_backend};
  return &plugin;
}
