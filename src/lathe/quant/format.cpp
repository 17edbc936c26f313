#include "lathe/quant/format.h"
