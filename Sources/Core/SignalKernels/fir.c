// Dot products for the resampler. One source in clang's vector extensions, compiled once per instruction set and
// chosen at run time; on aarch64 the plain copy is NEON code already. Strict floating point may not be reordered by
// the compiler, so the sixteen partial sums are spelled out: they are the order in which every copy adds.
#include "fir.h"

#include "AudioThreadCalls.h"

#include <stddef.h>

enum { lanes = 16 };

typedef float vector __attribute__((vector_size(lanes * 4), aligned(4)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE float sum(const vector *v) {
    typedef float half __attribute__((vector_size(lanes * 2)));
    typedef float quarter __attribute__((vector_size(lanes)));
    half a = __builtin_shufflevector(*v, *v, 0, 1, 2, 3, 4, 5, 6, 7) +
             __builtin_shufflevector(*v, *v, 8, 9, 10, 11, 12, 13, 14, 15);
    quarter b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

/// `tile` windows at once: each row of coefficients is loaded once for all, and their sums hide each other's latency.
ALWAYS_INLINE void windows(const float *input, long input_stride, const float *coefficients, long taps, float *out,
                           long out_stride, const int tile) {
    vector sums[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < tile; i++) sums[i] = (vector){0};
    for (long k = 0; k < taps; k += lanes) {
        vector row = *(const vector *)(coefficients + k);
#pragma clang loop unroll(full)
        for (int i = 0; i < tile; i++) sums[i] += row * *(const vector *)(input + i * input_stride + k);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < tile; i++) out[i * out_stride] = sum(&sums[i]);
}

ALWAYS_INLINE void strided(const float *input, long input_stride, const float *coefficients, long taps, float *out,
                           long out_stride, long count, const int tile) {
    long done = 0;
    for (; done + tile <= count; done += tile)
        windows(input + done * input_stride, input_stride, coefficients, taps, out + done * out_stride, out_stride,
                tile);
    for (; done < count; done++)
        windows(input + done * input_stride, input_stride, coefficients, taps, out + done * out_stride, out_stride, 1);
}

ALWAYS_INLINE float between(const float *input, const float *row, long taps, float blend) {
    vector here = {0}, next = {0};
    for (long k = 0; k < taps; k += lanes) {
        vector window = *(const vector *)(input + k);
        here += window * *(const vector *)(row + k);
        next += window * *(const vector *)(row + taps + k);
    }
    // Blended before they are summed: one sum over the lanes instead of two.
    here += blend * (next - here);
    return sum(&here);
}

#define COPY(suffix, attributes, tile)                                                                                 \
    attributes static void strided_##suffix(const float *input, long input_stride, const float *coefficients,          \
                                            long taps, float *out, long out_stride, long count) {                      \
        strided(input, input_stride, coefficients, taps, out, out_stride, count, tile);                                \
    }                                                                                                                  \
    attributes static float between_##suffix(const float *input, const float *row, long taps, float blend) {           \
        return between(input, row, taps, blend);                                                                       \
    }                                                                                                                  \
    static const struct csk_fir copy_##suffix = {#suffix, strided_##suffix, between_##suffix};

#if defined(__x86_64__)
COPY(avx512, __attribute__((target("avx512f,avx512vl,avx2,fma"))), 8)
COPY(avx2, __attribute__((target("avx2,fma"))), 4)
COPY(baseline, , 2)
#else
COPY(baseline, , 4)
#endif

const struct csk_fir *csk_fir_copy(long index) {
    const struct csk_fir *copies[4] = {NULL};
    long count = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        copies[count++] = &copy_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) copies[count++] = &copy_avx2;
#endif
    copies[count++] = &copy_baseline;
    return index >= 0 && index < count ? copies[index] : NULL;
}

const struct csk_fir *csk_fir_best(void) { return csk_fir_copy(0); }

void csk_fir_strided(const struct csk_fir *fir, const float *input, long input_stride, const float *coefficients,
                     long taps, float *out, long out_stride, long count) {
    fir->strided(input, input_stride, coefficients, taps, out, out_stride, count);
}

float csk_fir_between(const struct csk_fir *fir, const float *input, const float *row, long taps, float blend) {
    return fir->between(input, row, taps, blend);
}
