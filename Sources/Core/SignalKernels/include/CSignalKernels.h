#include "psola_math.h"
