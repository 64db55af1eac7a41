// M N K matrix dims

#include "Kernel.h"

// A product of bfloat16 matrices with the CPU's pairwise dot product: 12 x 32 sums stay in registers over all of K, so a
// result depends on its own row and column alone. Both sides are first laid out in panels of pairs along K.

#if defined(__x86_64__)
#include <immintrin.h>

int32_t ck_has_bfloat16(void) { return ck_has_avx512() && __builtin_cpu_supports("avx512bf16"); }

#define DOT_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

DOT_TARGET static void tile(const uint32_t *a, const uint32_t *b, int64_t pairs, float *sums) {
    __m512 sum[CK_PANEL_ROWS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < CK_PANEL_ROWS; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int64_t p = 0; p < pairs; p++) {
        __m512bh b0 = (__m512bh)_mm512_loadu_si512(b + p * CK_PANEL_COLUMNS);
        __m512bh b1 = (__m512bh)_mm512_loadu_si512(b + p * CK_PANEL_COLUMNS + 16);
#pragma clang loop unroll(full)
        for (int i = 0; i < CK_PANEL_ROWS; i++) {
            __m512bh x = (__m512bh)_mm512_set1_epi32((int32_t)a[p * CK_PANEL_ROWS + i]);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < CK_PANEL_ROWS; i++) {
        _mm512_storeu_ps(sums + i * CK_PANEL_COLUMNS, sum[i][0]);
        _mm512_storeu_ps(sums + i * CK_PANEL_COLUMNS + 16, sum[i][1]);
    }
}
#else
int32_t ck_has_bfloat16(void) { return 0; }

static void tile(const uint32_t *a, const uint32_t *b, int64_t pairs, float *sums) {
    memset(sums, 0, CK_PANEL_ROWS * CK_PANEL_COLUMNS * sizeof(float));
    for (int64_t p = 0; p < pairs; p++)
        for (int i = 0; i < CK_PANEL_ROWS; i++)
            for (int j = 0; j < CK_PANEL_COLUMNS; j++) {
                uint32_t x = a[p * CK_PANEL_ROWS + i], y = b[p * CK_PANEL_COLUMNS + j];
                sums[i * CK_PANEL_COLUMNS + j] += ck_float(x << 16) * ck_float(y << 16)
                                                  + ck_float(x & 0xffff0000u) * ck_float(y & 0xffff0000u);
            }
}
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

void ck_panel_product(const uint32_t *a, const uint32_t *b, int64_t m, int64_t n, int64_t k, float alpha, float beta,
                      void *c, int32_t c_type, int64_t ldc) {
    int64_t pairs = (k + 1) / 2, size = c_type == CK_FLOAT32 ? 4 : 2;
    float sums[CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    for (int64_t j = 0; j < n; j += CK_PANEL_COLUMNS)
        for (int64_t i = 0; i < m; i += CK_PANEL_ROWS) {
            tile(a + i * pairs, b + j * pairs, pairs, sums);
            finish(sums, ck_min(CK_PANEL_ROWS, m - i), ck_min(CK_PANEL_COLUMNS, n - j), alpha, beta,
                   (char *)c + (i * ldc + j) * size, c_type, ldc);
        }
}
