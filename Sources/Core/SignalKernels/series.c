#include "series.h"

#include "AudioThreadCalls.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

double csk_sin_pi(double x) {
    double whole = round(x * 2);
    double rest = (x - whole / 2) * pi;
    switch ((long)fmod(whole, 4)) {
    case 0: return sin(rest);
    case 1:
    case -3: return cos(rest);
    case 2:
    case -2: return -sin(rest);
    default: return -cos(rest);
    }
}

void csk_cosine_series(const double *coefficients, long count, double start, double step, double *values,
                       long value_count) {
    // Clenshaw's recurrence, eight points at a time so that its long chain of additions fills the pipeline.
    enum { width = 8 };
    for (long first = 0; first < value_count; first += width) {
        double twice_cosine[width], later[width] = {0}, latest[width] = {0};
        for (long lane = 0; lane < width; lane++)
            twice_cosine[lane] = 2 * csk_sin_pi(0.5 - 2 * (start + (double)(first + lane) * step));
        for (long k = count - 1; k > 0; k--) {
            for (long lane = 0; lane < width; lane++) {
                double next = coefficients[k] + twice_cosine[lane] * latest[lane] - later[lane];
                later[lane] = latest[lane];
                latest[lane] = next;
            }
        }
        for (long lane = 0; lane < width && first + lane < value_count; lane++) {
            double constant = count > 0 ? coefficients[0] : 0;
            values[first + lane] = constant + twice_cosine[lane] / 2 * latest[lane] - later[lane];
        }
    }
}

double csk_exp10(double x) { return pow(10, x); }

double csk_log10(double x) { return log10(x); }

double csk_square_root(double x) { return sqrt(x); }
