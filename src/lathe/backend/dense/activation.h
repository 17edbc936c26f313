#pragma once

#include <cstdint>

namespace lathe::backend::dense {

/// The activations in the order of ir::activations(); those without a stage of their own run as StageKind::kActivation.
enum class Activation : std::uint8_t {
#define ENTRY(Formula) Formula,
#include "lathe/ir/activations/builtin.def"
#undef ENTRY
};

}  // namespace lathe::backend::dense
