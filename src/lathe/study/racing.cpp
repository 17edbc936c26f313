#include "lathe/study/racing.h"
