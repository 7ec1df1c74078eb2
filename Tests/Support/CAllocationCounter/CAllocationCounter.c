#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

// In the program itself thread-local storage is a fixed offset from the thread pointer: reading it never allocates.
static _Thread_local bool is_armed;
static _Thread_local struct cac_counts counts;

void cac_arm(void) {
    counts = (struct cac_counts){0, 0};
    is_armed = true;
}

struct cac_counts cac_disarm(void) {
    is_armed = false;
    return counts;
}

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)

bool cac_is_available(void) { return false; }

#else

bool cac_is_available(void) { return true; }

// glibc's own entries, exported for this purpose.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static void count_allocation(void) {
    if (is_armed) counts.allocations++;
}

void *malloc(size_t size) {
    count_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_allocation();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    count_allocation();
    return __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(memory, total);
}

void *memalign(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    int saved = errno;
    void *result = memalign(alignment, size);
    errno = saved;
    if (result == NULL) return ENOMEM;
    *memory = result;
    return 0;
}

void *valloc(size_t size) { return memalign((size_t)sysconf(_SC_PAGESIZE), size); }

void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return memalign(page, (size + page - 1) / page * page);
}

void free(void *memory) {
    if (is_armed && memory != NULL) counts.frees++;
    __libc_free(memory);
}

#endif
