#pragma once

#include "lathe/engine/backend.h"

namespace lathe::cli {

/// Lists the back ends of this program, fastest first; the reference last. The only place that names them.
const engine::BackendList& backends();

}  // namespace lathe::cli
