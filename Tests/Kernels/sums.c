// N rows, C columns

#include "Check.h"

void test_sum_row(void) {
    for (int32_t type = 0; type < TYPES; type++)
        EACH(stride, 1, 3)
            EACH(n, 0, 1, 31, 2048, 2049, 5000) {
                describe("ck_sum_row type %d, %lld of stride %lld", type, (long long)n, (long long)stride);
                void *x = numbers(type, n ? (n - 1) * stride + 1 : 0, 100);
                double sum = 0, size = 1;
                for (int64_t i = 0; i < n; i++) sum += get(x, type, i * stride), size += fabs(get(x, type, i * stride));
                near("sum", 0, ck_sum_row(x, type, stride, n), sum, type == CK_FLOAT64 ? 1e-14 : 1e-6, size);
                release();
            }
}

void test_sum_columns(void) {
    for (int32_t type = 0; type < TYPES; type++)
        EACH(turned, 0, 1)
            EACH(rows, 0, 1, 63, 64, 130)
                EACH(columns, 0, 1, 17, 256, 259) {
                    describe("ck_sum_columns type %d, %lld x %lld%s", type, (long long)rows, (long long)columns,
                             turned ? ", turned" : "");
                    int64_t row = turned ? 1 : columns + 2, column = turned ? rows + 3 : 1;
                    void *x = numbers(type, rows && columns ? (rows - 1) * row + (columns - 1) * column + 1 : 0, 100);
                    double *sums = numbers(CK_FLOAT64, columns, 10), *expected = doubles(columns);
                    for (int64_t c = 0; c < columns; c++) {
                        expected[c] = sums[c];
                        for (int64_t r = 0; r < rows; r++) expected[c] += get(x, type, r * row + c * column);
                    }
                    ck_sum_columns(x, type, row, column, rows, columns, sums);
                    all_near("sums", sums, CK_FLOAT64, columns, expected, 1e-6, 100 * (double)(rows + 1));
                    release();
                }
}

void test_store_sums(void) {
    for (int32_t type = 0; type < TYPES; type++)
        EACH(stride, 1, 4)
            EACH(n, 0, 1, 33)
                for (int32_t accumulate = 0; accumulate < 2; accumulate++) {
                    describe("ck_store_sums type %d, %lld of stride %lld%s", type, (long long)n, (long long)stride,
                             accumulate ? ", added" : "");
                    int64_t space = n ? (n - 1) * stride + 1 : 0;
                    void *y = numbers(type, space, 50);
                    double *sums = numbers(CK_FLOAT64, n, 50), *expected = widened(y, type, space);
                    for (int64_t i = 0; i < n; i++) {
                        if (type == CK_UINT8) sums[i] = fabs(sums[i]);
                        expected[i * stride] =
                            rounded(type, (accumulate ? expected[i * stride] : 0) + sums[i]);
                    }
                    ck_store_sums(y, type, stride, sums, n, accumulate);
                    all_near("y", y, type, space, expected, 0, 0);
                    release();
                }
}
