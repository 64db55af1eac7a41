// M N K matrix dims

#include "Check.h"

#if defined(__x86_64__)
enum { X86_64 = 1 };
#else
enum { X86_64 = 0 };
#endif

static const int32_t real[] = {CK_FLOAT32, CK_BFLOAT16};

/// alpha * dot + beta * old, where beta 0 does not read what was there.
static double result(double alpha, double dot, double beta, double old) {
    return alpha * dot + (beta == 0 ? 0 : beta * old);
}

/// Where line i of panels begins, in words.
static int64_t start_of(int64_t i, int64_t width, int64_t words) { return i / width * words * width + i % width; }

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

void test_pack(void) {
    for (int64_t t = 0; t < COUNT(real); t++)
        EACH(width, CK_PANEL_ROWS, CK_PANEL_COLUMNS)
            EACH(lines, 0, 1, 5, width, width + 1, 3 * width)
                EACH(k, 0, 1, 2, 7, 64, 131)
                    for (int layout = 0; layout < 3; layout++) {
                        // Dense lines, dense columns, neither.
                        int32_t type = real[t];
                        int64_t stride = (const int64_t[]){k + 3, 1, 2}[layout];
                        int64_t k_stride = (const int64_t[]){1, lines + 1, 2 * lines + 3}[layout];
                        int64_t parts = type == CK_BFLOAT16 ? 2 : 1, words = (k + parts - 1) / parts;
                        int64_t space = lines && k ? (lines - 1) * stride + (k - 1) * k_stride + 1 : 0;
                        int64_t panels = (lines + width - 1) / width;
                        describe("ck_pack type %d, %lld lines in panels of %lld, %lld long, layout %d", type,
                                 (long long)lines, (long long)width, (long long)k, layout);
                        void *x = numbers(type, space, 3), *packed = array(CK_INT32, panels * words * width);
                        // In two parts, as threads share a long side.
                        int64_t middle = words / 2 / 16 * 16;
                        ck_pack(packed, width, x, type, stride, k_stride, lines, k, middle, words, 64);
                        ck_pack(packed, width, x, type, stride, k_stride, lines, k, 0, middle, 64);
                        for (int64_t p = 0; p < words * parts; p++)
                            for (int64_t w = 0; w < panels * width; w++) {
                                int64_t word = start_of(w, width, words) + p / parts * width;
                                near("panel", word, get(packed, type, word * parts + p % parts),
                                     w < lines && p < k ? get(x, type, w * stride + p * k_stride) : 0, 0, 0);
                            }
                        release();
                    }
}

/// Products of panels, and the same with b as it lies, its rows or its columns dense: all give the same bits.
void test_panel_product(void) {
    for (int64_t types = 0; types < 4; types++)
        EACH(m, 1, 2, 3, 5, 9, 12, 13, CK_FEW_ROWS, 8 * CK_PANEL_ROWS, 190)
            EACH(n, 1, 31, 33, 8 * CK_PANEL_COLUMNS)
                EACH(k, 1, 2, 33, 1100)
                    EACH(beta, 0, 2) {
                        int32_t type = real[types % 2], c_type = real[types / 2];
                        if (k * m * n > 300000 && beta) continue;
                        // On x86-64 there is one path, for CPUs that have it.
                        if (X86_64 && !(type == CK_BFLOAT16 ? ck_has_bfloat16() : ck_has_avx512())) continue;
                        int64_t parts = type == CK_BFLOAT16 ? 2 : 1, words = (k + parts - 1) / parts;
                        if (m > ck_panel_lines(words)) continue;
                        int64_t ldc = n + 2, space = (m - 1) * ldc + n;
                        describe("ck_panel_product type %d to %d, %lld x %lld x %lld, beta %lld", type, c_type,
                                 (long long)m, (long long)n, (long long)k, (long long)beta);
                        void *a = numbers(type, m * k, 1), *b = numbers(type, n * k, 1);
                        void *c = numbers(c_type, space, 1), *few = array(c_type, space);
                        // What is not read may be anything.
                        for (int64_t i = 0; i < m * n && !beta; i++) put(c, c_type, i / n * ldc + i % n, NAN);
                        memcpy(few, c, (size_t)(space * type_size(c_type)));
                        void *turned = array(type, n * (k + 1));
                        double *old = widened(c, c_type, space);
                        for (int64_t i = 0; i < n * (k + 1); i++)
                            put(turned, type, i, i % (k + 1) < k ? get(b, type, i % (k + 1) * n + i / (k + 1)) : NAN);
                        double *expected = widened(c, c_type, space);
                        double *left = widened(a, type, m * k), *right = widened(b, type, n * k);
                        for (int64_t i = 0; i < m; i++)
                            for (int64_t j = 0; j < n; j++) {
                                double dot = 0;
                                for (int64_t p = 0; p < k; p++) dot += left[i * k + p] * right[p * n + j];
                                expected[i * ldc + j] = result(0.5, dot, (double)beta, expected[i * ldc + j]);
                            }
                        void *a_panels = array(CK_INT32, (m + CK_PANEL_ROWS - 1) / CK_PANEL_ROWS * CK_PANEL_ROWS
                                                             * words);
                        void *b_panels = array(CK_INT32, (n + CK_PANEL_COLUMNS - 1) / CK_PANEL_COLUMNS
                                                             * CK_PANEL_COLUMNS * words);
                        ck_pack(a_panels, CK_PANEL_ROWS, a, type, k, 1, m, k, 0, words, 0);
                        ck_pack(b_panels, CK_PANEL_COLUMNS, b, type, 1, n, n, k, 0, words, 0);
                        ck_product product = {m, n, type, c_type, 0.5f, (float)beta, c, ldc};
                        ck_lines lines = {a, m, k, k, 1}, none = {0};
                        void *scratch = array(CK_INT32, ck_panel_scratch(n, words));
                        ck_panel_product(&product, &lines, b_panels, scratch, beta ? &none : &lines);
                        all_near("c", c, c_type, space, expected, rounding(c_type), 60);
                        if (m <= CK_FEW_ROWS) {
                            double *whole = widened(c, c_type, space);
                            product.c = few;
                            ck_few_rows_product(&product, a_panels, b, 1, n, k);
                            all_near("c of few rows", few, c_type, space, whole, 0, 0);
                            for (int64_t i = 0; i < space; i++) put(few, c_type, i, old[i]);
                            ck_few_rows_product(&product, a_panels, turned, k + 1, 1, k);
                            all_near("c of few rows and lines", few, c_type, space, whole, 0, 0);
                        }
                        release();
                    }
}
