#include "CWebSocketKernels.h"

#include <string.h>

// 64 bytes in the compiler's vectors: it makes of them what the target has (4 of SSE2 or NEON, 2 of AVX2).
typedef uint32_t block __attribute__((vector_size(64)));

// memcpy of a constant size is how C says "unaligned load": it compiles to one.
static inline __attribute__((always_inline)) void mask(uint8_t *target, const uint8_t *source, size_t count,
                                                       uint32_t key) {
    size_t index = 0;
    block wide = (block){} + key;
    for (; index + 128 <= count; index += 128) {
        block first, second;
        memcpy(&first, source + index, 64);
        memcpy(&second, source + index + 64, 64);
        first ^= wide;
        second ^= wide;
        memcpy(target + index, &first, 64);
        memcpy(target + index + 64, &second, 64);
    }
    uint64_t twice = (uint64_t)key << 32 | key;
    for (; index + 8 <= count; index += 8) {
        uint64_t word;
        memcpy(&word, source + index, 8);
        word ^= twice;
        memcpy(target + index, &word, 8);
    }
    uint8_t bytes[4];
    memcpy(bytes, &key, 4);
    for (; index < count; index++) target[index] = source[index] ^ bytes[index & 3];
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void mask_avx2(uint8_t *target, const uint8_t *source, size_t count,
                                                      uint32_t key) {
    mask(target, source, count, key);
}
#endif

void cws_mask(uint8_t *target, const uint8_t *source, size_t count, uint32_t key) {
#if defined(__x86_64__)
    // One load and test; the runtime has asked the processor at its start.
    if (__builtin_cpu_supports("avx2")) {
        mask_avx2(target, source, count, key);
        return;
    }
#endif
    mask(target, source, count, key);
}
