#include "lathe/engine/state.h"
