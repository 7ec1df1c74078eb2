// Mathematics for setup: not for audio threads, since libm's speed varies with the argument.
#ifndef C_SIGNAL_SERIES_H
#define C_SIGNAL_SERIES_H

#pragma clang assume_nonnull begin

/// sin(pi * x), exact at whole and half numbers.
double csk_sin_pi(double x);

/// values[i] = sum over k < count of coefficients[k] * cos(2 pi k (start + i * step)), for i < value_count.
void csk_cosine_series(const double *coefficients, long count, double start, double step, double *values,
                       long value_count);

/// 10 to the power of x.
double csk_exp10(double x);

/// Decimal logarithm.
double csk_log10(double x);

#pragma clang assume_nonnull end

#endif
