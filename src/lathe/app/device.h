#pragma once

#include <memory>
#include <string>

#include "lathe/engine/backend.h"
#include "lathe/recipe/settings.h"

/// Which back end a command computes with, and how that is said to the user.
namespace lathe::app {

/// Chooses the back end that the settings ask for: accelerator, backend, trainer_precision. Throws as
/// engine::choose_backend.
std::shared_ptr<const engine::Backend> choose_backend(const recipe::Settings& settings, const ir::Graph& graph,
                                                      const engine::LossSettings& loss);

/// Prints `onednn AVX2 on cpu, 2 threads`, `torch NVIDIA H200 on gpu, bf16`: threads where they are used and more than
/// one, the precision where it is not float32.
std::string device_text(const engine::Backend& backend, int threads, engine::Precision precision);

/// Says once how the cores of this machine are used where a back end takes several threads: too few of them by
/// `trials` at a time with `threads` each, or too many.
void advise_threads(const engine::Backend& backend, std::int64_t trials, std::int64_t threads);

}  // namespace lathe::app
