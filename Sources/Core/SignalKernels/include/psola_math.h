// The complete list of libm calls that the voice converter makes on an audio thread.
//
// Each is pure: no lock, no allocation, no global state but errno, which nobody reads. The two
// swift_attr marks let Swift code compiled with `@_noLocks @_noAllocation` call them.
#ifndef PSOLA_MATH_H
#define PSOLA_MATH_H

#include <math.h>

#if defined(__clang__)
#define PSOLA_REALTIME __attribute__((swift_attr("@_noLocks"))) __attribute__((swift_attr("@_noAllocation")))
#else
#define PSOLA_REALTIME
#endif

PSOLA_REALTIME static inline double psola_exp(double value) { return exp(value); }
PSOLA_REALTIME static inline double psola_log(double value) { return log(value); }
PSOLA_REALTIME static inline double psola_sin(double value) { return sin(value); }
PSOLA_REALTIME static inline double psola_cos(double value) { return cos(value); }
PSOLA_REALTIME static inline double psola_floor(double value) { return floor(value); }
PSOLA_REALTIME static inline double psola_atan2(double y, double x) { return atan2(y, x); }
PSOLA_REALTIME static inline float psola_tanhf(float value) { return tanhf(value); }
PSOLA_REALTIME static inline float psola_sqrtf(float value) { return sqrtf(value); }

#endif
