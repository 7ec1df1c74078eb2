// Counts heap calls of the calling thread, for tests that promise there are none. Linked into the test program, its
// malloc family stands in for glibc's and passes every call on.
#ifndef C_ALLOCATION_COUNTER_H
#define C_ALLOCATION_COUNTER_H

#include <stdbool.h>

struct cac_counts {
    /// Calls of malloc, calloc, realloc, reallocarray, aligned_alloc, posix_memalign, memalign, valloc and pvalloc.
    long allocations;
    /// Calls of free with something to free.
    long frees;
};

/// False in sanitizer builds, whose own malloc must stay in place.
bool cac_is_available(void);

/// Starts counting the calling thread's heap calls from zero.
void cac_arm(void);

/// Stops counting and returns what the calling thread did since `cac_arm`.
struct cac_counts cac_disarm(void);

#endif
