#include "lathe/config/field.h"
