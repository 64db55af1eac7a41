#include "Kernel.h"

#define SAME(x) (x)
#define TO_BF16(x) ck_to_bf16((float)(x))

// Long sums are added in blocks of float32 lanes and then in float64, so the error does not grow with length.
#define SUM_ROW(T, READ, ACCUMULATOR)                                                                                  \
    {                                                                                                                  \
        const T *from = x;                                                                                             \
        double total = 0;                                                                                              \
        for (int64_t start = 0; start < n; start += 2048) {                                                            \
            int64_t end = ck_min(n, start + 2048);                                                                     \
            ACCUMULATOR block = 0;                                                                                     \
            if (stride == 1)                                                                                           \
                for (int64_t i = start; i < end; i++) block += READ(from[i]);                                          \
            else                                                                                                       \
                for (int64_t i = start; i < end; i++) block += READ(from[i * stride]);                                 \
            total += (double)block;                                                                                    \
        }                                                                                                              \
        return total;                                                                                                  \
    }

CK_CLONES double ck_sum_row(const void *x, int32_t type, int64_t stride, int64_t n) {
#pragma clang fp reassociate(on)
    switch (type) {
        case CK_FLOAT32: SUM_ROW(float, SAME, float)
        case CK_BFLOAT16: SUM_ROW(uint16_t, ck_from_bf16, float)
        case CK_FLOAT64: SUM_ROW(double, SAME, double)
        case CK_INT32: SUM_ROW(int32_t, SAME, int64_t)
        default: SUM_ROW(uint8_t, SAME, int64_t)
    }
}

enum { COLUMNS = 256, ROWS = 64 };

#define SUM_COLUMNS(T, READ, ACCUMULATOR)                                                                              \
    for (int64_t c0 = 0; c0 < columns; c0 += COLUMNS) {                                                                \
        int64_t width = ck_min(COLUMNS, columns - c0);                                                                 \
        for (int64_t r0 = 0; r0 < rows; r0 += ROWS) {                                                                  \
            int64_t r1 = ck_min(rows, r0 + ROWS);                                                                      \
            ACCUMULATOR block[COLUMNS] = {0};                                                                          \
            for (int64_t r = r0; r < r1; r++) {                                                                        \
                const T *from = (const T *)x + r * row_stride + c0 * column_stride;                                    \
                if (column_stride == 1)                                                                                \
                    for (int64_t c = 0; c < width; c++) block[c] += READ(from[c]);                                     \
                else                                                                                                   \
                    for (int64_t c = 0; c < width; c++) block[c] += READ(from[c * column_stride]);                     \
            }                                                                                                          \
            for (int64_t c = 0; c < width; c++) sums[c0 + c] += (double)block[c];                                      \
        }                                                                                                              \
    }                                                                                                                  \
    return;

CK_CLONES void ck_sum_columns(const void *x, int32_t type, int64_t row_stride, int64_t column_stride, int64_t rows,
                              int64_t columns, double *sums) {
    switch (type) {
        case CK_FLOAT32: SUM_COLUMNS(float, SAME, float)
        case CK_BFLOAT16: SUM_COLUMNS(uint16_t, ck_from_bf16, float)
        case CK_FLOAT64: SUM_COLUMNS(double, SAME, double)
        case CK_INT32: SUM_COLUMNS(int32_t, SAME, int64_t)
        default: SUM_COLUMNS(uint8_t, SAME, int64_t)
    }
}

#define STORE(T, READ, WRITE)                                                                                          \
    {                                                                                                                  \
        T *to = y;                                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            double old = accumulate ? (double)READ(to[i * stride]) : 0;                                                \
            to[i * stride] = WRITE(old + sums[i]);                                                                     \
        }                                                                                                              \
        break;                                                                                                         \
    }

CK_CLONES void ck_store_sums(void *y, int32_t type, int64_t stride, const double *sums, int64_t n,
                             int32_t accumulate) {
    switch (type) {
        case CK_FLOAT32: STORE(float, SAME, (float))
        case CK_BFLOAT16: STORE(uint16_t, ck_from_bf16, TO_BF16)
        case CK_FLOAT64: STORE(double, SAME, (double))
        case CK_INT32: STORE(int32_t, SAME, (int32_t))
        default: STORE(uint8_t, SAME, (uint8_t)(int32_t))
    }
}
