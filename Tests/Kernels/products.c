// M N K matrix dims

#include "Check.h"

static const int32_t real[] = {CK_FLOAT32, CK_BFLOAT16};

/// alpha * dot + beta * old, where beta 0 does not read what was there.
static double result(double alpha, double dot, double beta, double old) {
    return alpha * dot + (beta == 0 ? 0 : beta * old);
}

void test_sgemm_plain(void) {
    for (int layout = 0; layout < 4; layout++)
        EACH(m, 0, 1, 5, 70)
            EACH(n, 0, 1, 63, 65)
                EACH(k, 0, 1, 130)
                    EACH(beta, 0, 2) {
                        int ta = layout & 1, tb = layout >> 1;
                        int64_t lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 1, ldc = n + 3;
                        describe("ck_sgemm_plain %lld x %lld x %lld, layout %d, beta %lld", (long long)m, (long long)n,
                                 (long long)k, layout, (long long)beta);
                        int64_t a_rows = ta ? k : m, b_rows = tb ? n : k, c_space = m ? (m - 1) * ldc + n : 0;
                        float *a = floats(a_rows ? (a_rows - 1) * lda + lda - 2 : 0, 1);
                        float *b = floats(b_rows ? (b_rows - 1) * ldb + ldb - 1 : 0, 1), *c = floats(c_space, 1);
                        double *expected = widened(c, CK_FLOAT32, c_space);
                        for (int64_t i = 0; i < m; i++)
                            for (int64_t j = 0; j < n; j++) {
                                double dot = 0;
                                for (int64_t p = 0; p < k; p++)
                                    dot += (double)a[ta ? p * lda + i : i * lda + p]
                                           * (double)b[tb ? j * ldb + p : p * ldb + j];
                                expected[i * ldc + j] = result(0.5, dot, (double)beta, expected[i * ldc + j]);
                            }
                        ck_sgemm_plain(101, ta ? 112 : 111, tb ? 112 : 111, (int32_t)m, (int32_t)n, (int32_t)k, 0.5f, a,
                                       (int32_t)lda, b, (int32_t)ldb, (float)beta, c, (int32_t)ldc);
                        all_near("c", c, CK_FLOAT32, c_space, expected, 2e-6, 10);
                        release();
                    }
}

void test_dots(void) {
    for (int64_t t = 0; t < COUNT(real); t++)
        EACH(m, 0, 1, 4)
            EACH(n, 0, 1, 33)
                EACH(k, 0, 1, 63, 64, 300)
                    EACH(beta, 0, 2) {
                        int64_t lda = k + 1, ldb = k + 3, ldc = n + 2, c_space = m ? (m - 1) * ldc + n : 0;
                        describe("ck_dots type %d, %lld x %lld x %lld, beta %lld", real[t], (long long)m, (long long)n,
                                 (long long)k, (long long)beta);
                        float *a = floats(m ? (m - 1) * lda + k : 0, 1), *c = floats(c_space, 1);
                        void *b = numbers(real[t], n ? (n - 1) * ldb + k : 0, 1);
                        double *expected = widened(c, CK_FLOAT32, c_space);
                        for (int64_t i = 0; i < m; i++)
                            for (int64_t j = 0; j < n; j++) {
                                double dot = 0;
                                for (int64_t p = 0; p < k; p++)
                                    dot += (double)a[i * lda + p] * get(b, real[t], j * ldb + p);
                                expected[i * ldc + j] = result(0.5, dot, (double)beta, expected[i * ldc + j]);
                            }
                        ck_dots(m, n, k, 0.5f, a, lda, b, real[t], ldb, (float)beta, c, ldc);
                        all_near("c", c, CK_FLOAT32, c_space, expected, 2e-6, 10);
                        release();
                    }
}

/// One side's value at (w, p): the panels are laid out word by word along K.
static void pack(int32_t type) {
    EACH(width, CK_PANEL_ROWS, CK_PANEL_COLUMNS)
        EACH(count, 0, 1, 5, width)
            EACH(k, 0, 1, 2, 7, 64)
                for (int layout = 0; layout < 3; layout++) {
                    int64_t stride = (const int64_t[]){k + 3, 1, 2}[layout];
                    int64_t k_stride = (const int64_t[]){1, width + 1, 2 * width + 3}[layout];
                    int64_t words = type == CK_BFLOAT16 ? (k + 1) / 2 : k;
                    int64_t space = count && k ? (count - 1) * stride + (k - 1) * k_stride + 1 : 0;
                    describe("packing type %d, %lld of %lld, %lld long, layout %d", type, (long long)count,
                             (long long)width, (long long)k, layout);
                    void *x = numbers(type, space, 3), *panel = array(CK_INT32, words * width);
                    if (type == CK_BFLOAT16)
                        ck_pack_pairs(panel, width, x, stride, k_stride, count, k);
                    else
                        ck_pack_floats(panel, width, x, stride, k_stride, count, k);
                    int64_t parts = type == CK_BFLOAT16 ? 2 : 1;
                    for (int64_t p = 0; p < words * parts; p++)
                        for (int64_t w = 0; w < width; w++)
                            near("panel", p * width + w,
                                 get(panel, type, (p / parts * width + w) * parts + p % parts),
                                 w < count && p < k ? get(x, type, w * stride + p * k_stride) : 0, 0, 0);
                    release();
                }
}

void test_pack_pairs(void) { pack(CK_BFLOAT16); }
void test_pack_floats(void) { pack(CK_FLOAT32); }

/// Where row or column i of panels begins, in words.
static int64_t start_of(int64_t i, int64_t width, int64_t words) { return i / width * words * width + i % width; }

void test_panel_product(void) {
    for (int64_t types = 0; types < 4; types++)
        EACH(m, 1, 12, 13, 8 * CK_PANEL_ROWS)
            EACH(n, 1, 31, 33, 8 * CK_PANEL_COLUMNS)
                EACH(k, 1, 2, 33, 2100)
                    EACH(beta, 0, 2) {
                        int32_t type = real[types % 2], c_type = real[types / 2];
                        int64_t parts = type == CK_BFLOAT16 ? 2 : 1, words = (k + parts - 1) / parts;
                        int64_t a_panels = (m + CK_PANEL_ROWS - 1) / CK_PANEL_ROWS;
                        int64_t b_panels = (n + CK_PANEL_COLUMNS - 1) / CK_PANEL_COLUMNS, ldc = n + 2;
                        if (k > 100 && m * n > 100 && beta) continue;
                        describe("ck_panel_product type %d to %d, %lld x %lld x %lld, beta %lld", type, c_type,
                                 (long long)m, (long long)n, (long long)k, (long long)beta);
                        void *a = numbers(type, a_panels * CK_PANEL_ROWS * words * parts, 1);
                        void *b = numbers(type, b_panels * CK_PANEL_COLUMNS * words * parts, 1);
                        int64_t space = (m - 1) * ldc + n;
                        void *c = numbers(c_type, space, 1);
                        double *expected = widened(c, c_type, space);
                        double *left = widened(a, type, a_panels * CK_PANEL_ROWS * words * parts);
                        double *right = widened(b, type, b_panels * CK_PANEL_COLUMNS * words * parts);
                        for (int64_t i = 0; i < m; i++)
                            for (int64_t j = 0; j < n; j++) {
                                const double *x = left + start_of(i, CK_PANEL_ROWS, words) * parts;
                                const double *y = right + start_of(j, CK_PANEL_COLUMNS, words) * parts;
                                double dot = 0;
                                for (int64_t p = 0; p < words; p++)
                                    for (int64_t s = 0; s < parts; s++)
                                        dot += x[p * CK_PANEL_ROWS * parts + s] * y[p * CK_PANEL_COLUMNS * parts + s];
                                expected[i * ldc + j] = result(0.5, dot, (double)beta, expected[i * ldc + j]);
                            }
                        ck_panel_product(a, b, type, m, n, words, 0.5f, (float)beta, c, c_type, ldc);
                        all_near("c", c, c_type, space, expected, rounding(c_type), 20);
                        release();
                    }
}
