// M N K matrix dims

#include "Kernel.h"

// Both sides are first laid out in panels of 32-bit words along K: a float32, or a pair of bfloat16 for the CPU's
// pairwise dot product. 12 x 32 sums stay in registers over a fixed length of K, so a result depends on its own row and
// column alone, whatever M, N and the number of threads.

enum { PANELS = 8, DEPTH = 1024 };

#if defined(__x86_64__)
#include <immintrin.h>

int32_t ck_has_bfloat16(void) { return ck_has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// `first`: the sums start at zero, else they are continued.
#define TILE(NAME, TARGET, VECTOR, LOAD, REPEAT, ADD)                                                                  \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const uint32_t *b, int64_t depth, int first,   \
                                                     float *sums) {                                                    \
        __m512 sum[CK_PANEL_ROWS][2];                                                                                  \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_PANEL_ROWS; i++) {                                   \
            float *at = sums + i * CK_PANEL_COLUMNS;                                                                   \
            sum[i][0] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(at);                                             \
            sum[i][1] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(at + 16);                                        \
        }                                                                                                              \
        for (int64_t p = 0; p < depth; p++) {                                                                          \
            VECTOR b0 = LOAD(b + p * CK_PANEL_COLUMNS), b1 = LOAD(b + p * CK_PANEL_COLUMNS + 16);                      \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_PANEL_ROWS; i++) {                               \
                VECTOR x = REPEAT(a[p * CK_PANEL_ROWS + i]);                                                           \
                sum[i][0] = ADD(sum[i][0], x, b0);                                                                     \
                sum[i][1] = ADD(sum[i][1], x, b1);                                                                     \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_PANEL_ROWS; i++) {                                   \
            float *at = sums + i * CK_PANEL_COLUMNS;                                                                   \
            _mm512_storeu_ps(at, sum[i][0]);                                                                           \
            _mm512_storeu_ps(at + 16, sum[i][1]);                                                                      \
        }                                                                                                              \
    }

#define LOAD_PAIRS(x) (__m512bh) _mm512_loadu_si512(x)
#define REPEAT_PAIR(x) (__m512bh) _mm512_set1_epi32((int32_t)(x))
#define LOAD_FLOATS(x) _mm512_castsi512_ps(_mm512_loadu_si512(x))
#define REPEAT_FLOAT(x) _mm512_castsi512_ps(_mm512_set1_epi32((int32_t)(x)))
#define MULTIPLY_ADD(sum, x, y) _mm512_fmadd_ps(x, y, sum)

TILE(tile_bfloat16, "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16", __m512bh, LOAD_PAIRS, REPEAT_PAIR,
     _mm512_dpbf16_ps)
TILE(tile_float32, "avx512f,avx512bw,avx512vl,avx512dq", __m512, LOAD_FLOATS, REPEAT_FLOAT, MULTIPLY_ADD)
#else
int32_t ck_has_bfloat16(void) { return 0; }

#define TILE(NAME, PRODUCT)                                                                                            \
    static void NAME(const uint32_t *a, const uint32_t *b, int64_t depth, int first, float *sums) {                    \
        if (first) memset(sums, 0, CK_PANEL_ROWS * CK_PANEL_COLUMNS * sizeof(float));                                  \
        for (int64_t p = 0; p < depth; p++)                                                                            \
            for (int i = 0; i < CK_PANEL_ROWS; i++)                                                                    \
                for (int j = 0; j < CK_PANEL_COLUMNS; j++) {                                                           \
                    uint32_t x = a[p * CK_PANEL_ROWS + i], y = b[p * CK_PANEL_COLUMNS + j];                            \
                    sums[i * CK_PANEL_COLUMNS + j] += PRODUCT;                                                         \
                }                                                                                                      \
    }
TILE(tile_bfloat16,
     ck_float(x << 16) * ck_float(y << 16) + ck_float(x & 0xffff0000u) * ck_float(y & 0xffff0000u))
TILE(tile_float32, ck_float(x) * ck_float(y))
#endif

#define PACK(PAIR, ODD)                                                                                                \
    for (int64_t p = 0; p < k / 2; p++)                                                                                \
        for (int64_t w = 0; w < count; w++) panel[p * width + w] = PAIR;                                               \
    if (k % 2)                                                                                                         \
        for (int64_t w = 0; w < count; w++) panel[k / 2 * width + w] = ODD;

CK_CLONES void ck_pack_pairs(uint32_t *restrict panel, int64_t width, const uint16_t *restrict x, int64_t stride,
                             int64_t k_stride, int64_t count, int64_t k) {
    int64_t pairs = (k + 1) / 2;
    if (count < width) memset(panel, 0, (size_t)(pairs * width) * sizeof(uint32_t));
#define AT(w, p) (uint32_t)x[(w) * stride + (p) * k_stride]
    if (k_stride == 1) {
        PACK((uint32_t)x[w * stride + 2 * p] | (uint32_t)x[w * stride + 2 * p + 1] << 16, AT(w, k - 1))
    } else if (stride == 1) {
        PACK((uint32_t)x[w + 2 * p * k_stride] | (uint32_t)x[w + (2 * p + 1) * k_stride] << 16, AT(w, k - 1))
    } else {
        PACK(AT(w, 2 * p) | AT(w, 2 * p + 1) << 16, AT(w, k - 1))
    }
#undef AT
}

CK_CLONES void ck_pack_floats(uint32_t *restrict panel, int64_t width, const float *restrict x, int64_t stride,
                              int64_t k_stride, int64_t count, int64_t k) {
    const uint32_t *from = (const uint32_t *)x;
    if (count < width) memset(panel, 0, (size_t)(k * width) * sizeof(uint32_t));
    if (stride == 1)
        for (int64_t p = 0; p < k; p++)
            for (int64_t w = 0; w < count; w++) panel[p * width + w] = from[w + p * k_stride];
    else
        for (int64_t p = 0; p < k; p++)
            for (int64_t w = 0; w < count; w++) panel[p * width + w] = from[w * stride + p * k_stride];
}

CK_CLONES static void finish(const float *sums, int64_t rows, int64_t columns, float alpha, float beta, void *c,
                             int32_t c_type, int64_t ldc) {
    for (int64_t i = 0; i < rows; i++) {
        const float *from = sums + i * CK_PANEL_COLUMNS;
        if (c_type == CK_FLOAT32) {
            float *to = (float *)c + i * ldc;
            if (beta == 0.0f)
                for (int64_t j = 0; j < columns; j++) to[j] = alpha * from[j];
            else
                for (int64_t j = 0; j < columns; j++) to[j] = alpha * from[j] + beta * to[j];
        } else {
            uint16_t *to = (uint16_t *)c + i * ldc;
            if (beta == 0.0f)
                for (int64_t j = 0; j < columns; j++) to[j] = ck_to_bf16(alpha * from[j]);
            else
                for (int64_t j = 0; j < columns; j++) to[j] = ck_to_bf16(alpha * from[j] + beta * ck_from_bf16(to[j]));
        }
    }
}

void ck_panel_product(const uint32_t *a, const uint32_t *b, int32_t type, int64_t m, int64_t n, int64_t words,
                      float alpha, float beta, void *c, int32_t c_type, int64_t ldc) {
    int64_t size = c_type == CK_FLOAT32 ? 4 : 2;
    float sums[PANELS * PANELS][CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    // A length of both sides that the second-level cache holds, then the next.
    for (int64_t p = 0; p < words; p += DEPTH)
        for (int64_t j = 0; j * CK_PANEL_COLUMNS < n; j++)
            for (int64_t i = 0; i * CK_PANEL_ROWS < m; i++) {
                const uint32_t *left = a + (i * words + p) * CK_PANEL_ROWS;
                const uint32_t *right = b + (j * words + p) * CK_PANEL_COLUMNS;
                int64_t depth = ck_min(DEPTH, words - p);
                if (type == CK_BFLOAT16)
                    tile_bfloat16(left, right, depth, p == 0, sums[j * PANELS + i]);
                else
                    tile_float32(left, right, depth, p == 0, sums[j * PANELS + i]);
            }
    for (int64_t j = 0; j * CK_PANEL_COLUMNS < n; j++)
        for (int64_t i = 0; i * CK_PANEL_ROWS < m; i++) {
            int64_t row = i * CK_PANEL_ROWS, column = j * CK_PANEL_COLUMNS;
            finish(sums[j * PANELS + i], ck_min(CK_PANEL_ROWS, m - row), ck_min(CK_PANEL_COLUMNS, n - column), alpha,
                   beta, (char *)c + (row * ldc + column) * size, c_type, ldc);
        }
}
