#include "lathe/engine/backend.h"
