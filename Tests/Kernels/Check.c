#include "Check.h"
#include <stdarg.h>

int64_t comparisons, failures;

static char description[512];
static void **blocks;
static int64_t block_count, block_space;
static uint64_t state = 1;

int64_t type_size(int32_t type) { return (const int64_t[TYPES]){4, 2, 8, 4, 1}[type]; }

void *array(int32_t type, int64_t count) {
    if (block_count == block_space) {
        block_space = block_space * 2 + 64;
        blocks = realloc(blocks, (size_t)block_space * sizeof *blocks);
        if (!blocks) abort();
    }
    size_t bytes = (size_t)(count * type_size(type));
    void *block = malloc(bytes);
    if (!block) abort();
    memset(block, 0xA5, bytes);
    return blocks[block_count++] = block;
}

void release(void) {
    for (int64_t i = 0; i < block_count; i++) free(blocks[i]);
    block_count = 0;
}

static uint64_t next(void) { // splitmix64
    uint64_t x = state += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

int64_t dice(int64_t bound) { return (int64_t)(next() % (uint64_t)bound); }

void *numbers(int32_t type, int64_t count, double scale) {
    void *block = array(type, count);
    for (int64_t i = 0; i < count; i++) {
        double uniform = (double)(next() >> 11) * 0x1p-53;
        put(block, type, i, (type == CK_UINT8 ? uniform : 2 * uniform - 1) * scale);
    }
    return block;
}

float *floats(int64_t count, double scale) { return numbers(CK_FLOAT32, count, scale); }

double *doubles(int64_t count) {
    double *block = array(CK_FLOAT64, count);
    for (int64_t i = 0; i < count; i++) block[i] = 0;
    return block;
}

// Not by bits, as the kernels do it: eight bits of the fraction are kept by arithmetic.
static uint16_t bfloat16(double value) {
    float exact = (float)value;
    if (exact == exact && exact != 0 && !isinf(exact)) {
        int exponent;
        frexpf(exact, &exponent);
        int shift = 8 - (exponent < -125 ? -125 : exponent);
        exact = (float)ldexp(nearbyint(ldexp((double)exact, shift)), -shift);
    }
    uint32_t bits;
    memcpy(&bits, &exact, 4);
    return (uint16_t)(bits >> 16 | (exact != exact ? 0x40 : 0));
}

double get(const void *array, int32_t type, int64_t index) {
    switch (type) {
        case CK_FLOAT32: return (double)((const float *)array)[index];
        case CK_FLOAT64: return ((const double *)array)[index];
        case CK_INT32: return ((const int32_t *)array)[index];
        case CK_UINT8: return ((const uint8_t *)array)[index];
        default: {
            uint32_t bits = (uint32_t)((const uint16_t *)array)[index] << 16;
            float value;
            memcpy(&value, &bits, 4);
            return (double)value;
        }
    }
}

void put(void *array, int32_t type, int64_t index, double value) {
    switch (type) {
        case CK_FLOAT32: ((float *)array)[index] = (float)value; break;
        case CK_FLOAT64: ((double *)array)[index] = value; break;
        case CK_INT32: ((int32_t *)array)[index] = (int32_t)value; break;
        case CK_UINT8: ((uint8_t *)array)[index] = (uint8_t)(int32_t)value; break;
        default: ((uint16_t *)array)[index] = bfloat16(value);
    }
}

double rounded(int32_t type, double value) {
    uint64_t storage;
    put(&storage, type, 0, value);
    return get(&storage, type, 0);
}

double *widened(const void *from, int32_t type, int64_t count) {
    double *to = doubles(count);
    for (int64_t i = 0; i < count; i++) to[i] = get(from, type, i);
    return to;
}

void describe(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(description, sizeof description, format, arguments);
    va_end(arguments);
}

static void fail(const char *what, int64_t index, double found, double expected) {
    failures++;
    if (failures <= 20)
        fprintf(stderr, "error: %s: %s[%lld] is %.9g, expected %.9g\n", description, what, (long long)index, found,
                expected);
}

void near(const char *what, int64_t index, double found, double expected, double tolerance, double scale) {
    comparisons++;
    if (found == expected || (isnan(found) && isnan(expected))) return;
    if (fabs(found - expected) <= tolerance * fmax(fabs(expected), scale)) return;
    fail(what, index, found, expected);
}

void all_near(const char *what, const void *found, int32_t type, int64_t count, const double *expected,
              double tolerance, double scale) {
    for (int64_t i = 0; i < count; i++) near(what, i, get(found, type, i), expected[i], tolerance, scale);
}

void expect(const char *what, int condition) {
    comparisons++;
    if (!condition) fail(what, 0, 0, 1);
}
