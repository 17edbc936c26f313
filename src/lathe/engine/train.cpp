#include "lathe/engine/train.h"
