#pragma once

#include "lathe/engine/backend.h"

namespace lathe::app {

/// Lists the back ends of this program, fastest first; the reference last. The only place that names them.
const engine::BackendList& backends();

}  // namespace lathe::app
