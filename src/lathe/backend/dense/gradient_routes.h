#pragma once

#include "lathe/backend/dense/program.h"
#include "lathe/backend/dense/stage_reads.h"

namespace lathe::backend::dense {

/// Completes a program whose segments are cut and whose values have slots: where the gradient of each stage's output
/// lies, where the stage writes that of its input, and the transfers behind it.
///
/// A gradient lies in one of a few tile buffers that are used again, as few as are alive at a time (two in a chain), or
/// in the tile's own memory when segments that run at other times contribute to it. Gradients of a value that several
/// stages read are added up in a fixed order: from its last reader in the program to its first, within one sum from the
/// first operand to the last; a batch norm counts as the last reader of the segment before it.
void route_gradients(Program& program, const StageReads& reads);

}  // namespace lathe::backend::dense
