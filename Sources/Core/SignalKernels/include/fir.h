// Finite impulse response kernels: which copies exist and which one this processor runs best.
#ifndef C_SIGNAL_FIR_H
#define C_SIGNAL_FIR_H

#pragma clang assume_nonnull begin

/// The copies of the kernels for one instruction set. Constant and valid for the life of the process.
struct csk_fir {
    const char *name;
    void (*strided)(const float *input, long input_stride, const float *coefficients, long taps, float *out,
                    long out_stride, long count);
    float (*between)(const float *input, const float *row, long taps, float blend);
};

/// The best copy this processor can run. Setup only: call it once and keep the pointer.
const struct csk_fir *csk_fir_best(void);

/// The copy number `index` counted from the best, or NULL past the last one: for tests and benchmarks.
const struct csk_fir *_Nullable csk_fir_copy(long index);

#pragma clang assume_nonnull end

#endif
