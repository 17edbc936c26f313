#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "lathe/engine/backend.h"

namespace lathe::backend {

/// Returns the folders in which the program looks for the plugin: its own, and the installed libraries'.
std::vector<std::filesystem::path> torch_plugin_folders();

/// Makes the `torch` back end on the first CUDA device (accelerator `gpu`): libtorch, loaded when the first network
/// asks for it. Nothing is loaded where there is no NVIDIA driver. The plugin liblathe_backend_torch.so calls functions
/// of the program that loads it, which must export them (CMake: ENABLE_EXPORTS). What is missing is a refusal that says
/// so.
std::shared_ptr<const engine::Backend> make_torch_gpu_backend(
    std::vector<std::filesystem::path> plugin_folders = torch_plugin_folders());
/// The same on the processor: to build and test without a GPU, chosen by name only.
std::shared_ptr<const engine::Backend> make_torch_cpu_backend(
    std::vector<std::filesystem::path> plugin_folders = torch_plugin_folders());

}  // namespace lathe::backend
