#include "lathe/config/value.h"
