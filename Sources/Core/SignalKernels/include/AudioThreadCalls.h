// The complete list of foreign calls that audio-thread code may make.
//
// A declaration marked with CSK_AUDIO_THREAD may be called from Swift functions marked `@_noLocks @_noAllocation`; the
// compiler believes the mark and checks nothing behind it. So a function belongs here only if everything it reaches
// neither allocates nor locks nor blocks nor makes a system call. Nothing outside of this file carries the mark.
#ifndef C_SIGNAL_AUDIO_THREAD_CALLS_H
#define C_SIGNAL_AUDIO_THREAD_CALLS_H

#include <math.h>

#if defined(__has_attribute) && __has_attribute(swift_attr)
#define CSK_AUDIO_THREAD __attribute__((swift_attr("@_noLocks"))) __attribute__((swift_attr("@_noAllocation")))
#else
#define CSK_AUDIO_THREAD
#endif

#pragma clang assume_nonnull begin

struct csk_fir;

/// Dot products of one row of coefficients with `count` windows of the input (fir.c).
///
/// out[i * out_stride] = sum over k < taps of coefficients[k] * input[i * input_stride + k]; `taps` a multiple of 16.
/// A result depends on its own window alone, never on `count`. Reads only, writes only `out`.
CSK_AUDIO_THREAD
void csk_fir_strided(const struct csk_fir *fir, const float *input, long input_stride, const float *coefficients,
                     long taps, float *out, long out_stride, long count);

/// Dot product of the input with a row of coefficients that lies `blend` of the way from `row` to the next row, `taps`
/// floats further (fir.c). `taps` is a multiple of 16.
CSK_AUDIO_THREAD
float csk_fir_between(const struct csk_fir *fir, const float *input, const float *row, long taps, float blend);

/// The square root, one instruction (series.c); NaN for negative numbers. Swift's own is not known to be lock-free.
CSK_AUDIO_THREAD
double csk_square_root(double x);

// libm, double and single precision. Pure: no global state but errno, which nobody reads.
CSK_AUDIO_THREAD static inline double csk_exp(double value) { return exp(value); }
CSK_AUDIO_THREAD static inline double csk_log(double value) { return log(value); }
CSK_AUDIO_THREAD static inline double csk_sin(double value) { return sin(value); }
CSK_AUDIO_THREAD static inline double csk_cos(double value) { return cos(value); }
CSK_AUDIO_THREAD static inline double csk_floor(double value) { return floor(value); }
CSK_AUDIO_THREAD static inline double csk_atan2(double y, double x) { return atan2(y, x); }
CSK_AUDIO_THREAD static inline float csk_tanhf(float value) { return tanhf(value); }
CSK_AUDIO_THREAD static inline float csk_sqrtf(float value) { return sqrtf(value); }

#pragma clang assume_nonnull end

#endif
