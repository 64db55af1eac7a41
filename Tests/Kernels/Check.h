#ifndef KERNELS_CHECK_H
#define KERNELS_CHECK_H

// What the entries of the table share: arrays of exactly the size a kernel may touch, numbers, and comparisons with
// plain double arithmetic. The address sanitizer sees one element too many on either side of an array.

#include "CKernels.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES = 5 };

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))
#define EACH(name, ...)                                                                                                \
    for (int64_t name##_list[] = {__VA_ARGS__}, name##_at = 0, name; name##_at < COUNT(name##_list)                    \
         && ((name = name##_list[name##_at]), 1); name##_at++)

/// Bytes of one element.
int64_t type_size(int32_t type);
/// An array of exactly `count` elements, freed by `release`.
void *array(int32_t type, int64_t count);
/// The same, of numbers that the type holds exactly: in (-scale, scale), or [0, scale) for bytes.
void *numbers(int32_t type, int64_t count, double scale);
float *floats(int64_t count, double scale);
double *doubles(int64_t count);
/// Frees every array made since the last call.
void release(void);

/// A whole number in [0, bound), of a fixed sequence.
int64_t dice(int64_t bound);
double get(const void *array, int32_t type, int64_t index);
void put(void *array, int32_t type, int64_t index, double value);
/// What is left of a value in an array of the type: to nearest even, integers by truncation.
double rounded(int32_t type, double value);
/// The array's numbers.
double *widened(const void *array, int32_t type, int64_t count);

/// Says what runs, for the message of a comparison that fails.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// Fails unless found is expected within tolerance * max(|expected|, scale); equal NaNs and infinities agree.
void near(const char *what, int64_t index, double found, double expected, double tolerance, double scale);
/// Compares every element, so what a kernel has no business to write is seen too.
void all_near(const char *what, const void *found, int32_t type, int64_t count, const double *expected,
              double tolerance, double scale);
void expect(const char *what, int condition);

/// Relative rounding of a float32 or bfloat16 result that was computed in float32 and rounded once.
static inline double rounding(int32_t type) {
    return type == CK_BFLOAT16 ? 0x1.1p-8 : type == CK_FLOAT64 ? 1e-14 : 2e-6;
}

/// Comparisons so far, and of those the ones that failed.
extern int64_t comparisons, failures;

#endif
