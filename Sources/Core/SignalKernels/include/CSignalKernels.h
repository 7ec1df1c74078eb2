// The C side of the signal path: inner loops that want vector registers, and the few functions of libm they are set
// up with. No state, no I/O.
#ifndef C_SIGNAL_KERNELS_H
#define C_SIGNAL_KERNELS_H

#include "AudioThreadCalls.h"
#include "fir.h"
#include "series.h"

#endif
