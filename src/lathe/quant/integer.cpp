#include "lathe/quant/integer.h"
