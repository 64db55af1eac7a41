#include "Attention.h"
#include "Math.h"

// For CPUs without AVX-512: words are float32, loops are the compiler's to vectorise.

CK_INLINE float number(const void *x, int32_t type, int64_t i) {
    return type == CK_FLOAT32 ? ((const float *)x)[i] : ck_from_bf16(((const uint16_t *)x)[i]);
}

CK_CLONES static void pack_columns(uint32_t *y, int64_t ld, const void *x, int32_t type, int64_t stride, int64_t rows,
                                   int64_t size) {
    float *to = (float *)y;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < size; i++) to[i * ld + r] = number(x, type, r * stride + i);
    for (int64_t r = rows; r % 16; r++)
        for (int64_t i = 0; i < size; i++) to[i * ld + r] = 0;
}

CK_CLONES static void pack_rows(uint32_t *y, int64_t width, const void *x, int32_t type, int64_t stride, int64_t rows,
                                int64_t size) {
    float *to = (float *)y;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < size; i++) to[r * width + i] = number(x, type, r * stride + i);
        for (int64_t i = size; i < width; i++) to[r * width + i] = 0;
    }
    for (int64_t r = rows; r % ROWS; r++)
        for (int64_t i = 0; i < width; i++) to[r * width + i] = 0;
}

typedef float lanes __attribute__((vector_size(32)));
#define UNROLL _Pragma("clang loop unroll(full)")

/// 6 rows by 16 columns at a time stay in registers.
CK_INLINE void product(const float *a, int64_t row, int64_t step, const float *b, int64_t ldb, int64_t depth, int64_t n,
                       const float *factors, int32_t accumulate, float *c, int64_t ldc) {
#pragma clang fp contract(fast)
    for (int64_t j = 0; j < n; j += 16)
        for (int64_t i = 0; i < ROWS; i += 6) {
            lanes sums[6][2] = {0};
            if (accumulate)
                UNROLL for (int l = 0; l < 6; l++) {
                    memcpy(sums[l], c + (i + l) * ldc + j, sizeof sums[l]);
                    UNROLL for (int m = 0; m < 2; m++) sums[l][m] *= factors ? factors[i + l] : 1.0f;
                }
            for (int64_t p = 0; p < depth; p++) {
                lanes y[2];
                memcpy(y, b + p * ldb + j, sizeof y);
                UNROLL for (int l = 0; l < 6; l++)
                    UNROLL for (int m = 0; m < 2; m++) sums[l][m] += a[(i + l) * row + p * step] * y[m];
            }
            UNROLL for (int l = 0; l < 6; l++) memcpy(c + (i + l) * ldc + j, sums[l], sizeof sums[l]);
        }
}

CK_CLONES static void columns(const uint32_t *a, int64_t step, const uint32_t *b, int64_t ldb, int64_t depth, int64_t n,
                              int32_t accumulate, float *c, int64_t ldc) {
    product((const float *)a, 1, step, (const float *)b, ldb, depth, n, NULL, accumulate, c, ldc);
}

CK_CLONES static void rows(const uint32_t *a, const uint32_t *b, int64_t ldb, int64_t depth, int64_t n,
                           const float *factors, float *c, int64_t ldc) {
    product((const float *)a, KEYS, 1, (const float *)b, ldb, depth, n, factors, 1, c, ldc);
}

CK_INLINE float power(float x) { return ck_exp(x * 0.693147181f); }

CK_CLONES static void softmax(float *s, const ck_visible *see, float scale, float *top, float *total, float *factors,
                              uint32_t *p) {
#pragma clang fp contract(fast)
    for (int r = 0; r < ROWS; r++) {
        const float *row = s + r * KEYS;
        float *to = (float *)p + r * KEYS, lanes[16], largest = top[r];
        for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
        int32_t first = see->first[r], end = see->end[r], v = first;
        for (; v + 16 <= end; v += 16)
            for (int l = 0; l < 16; l++) lanes[l] = row[v + l] > lanes[l] ? row[v + l] : lanes[l];
        for (; v < end; v++) lanes[0] = row[v] > lanes[0] ? row[v] : lanes[0];
        for (int l = 0; l < 16; l++) largest = lanes[l] * scale > largest ? lanes[l] * scale : largest;
        // Equal tops, also none so far (-inf), leave sums as they are.
        factors[r] = largest == top[r] ? 1.0f : power(top[r] - largest);
        top[r] = largest;
        for (int l = 0; l < 16; l++) total[16 * r + l] *= factors[r];
        for (v = see->low; v < see->high; v += 16)
            for (int l = 0; l < 16; l++) {
                float weight = power(row[v + l] * scale - largest);
                weight = ((v + l >= first) & (v + l < end)) ? weight : 0.0f;
                to[v + l] = weight;
                total[16 * r + l] += weight;
            }
    }
}

CK_CLONES static void gradient(const float *s, const float *dp, const ck_visible *see, float log2_scale, float scale,
                               const float *lse, const float *delta, uint32_t *weights, uint32_t *ds,
                               uint32_t *ds_rows) {
#pragma clang fp contract(fast)
    (void)ds_rows;
    int32_t low = see->low > 0 ? see->low - 16 : 0, high = see->high < KEYS ? see->high + 16 : KEYS;
    for (int r = 0; r < ROWS; r++) {
        float *to = (float *)weights + r * KEYS, *to_ds = (float *)ds + r * KEYS;
        for (int32_t v = low; v < high; v++) to[v] = to_ds[v] = 0;
        for (int32_t v = see->first[r]; v < see->end[r]; v++) {
            float weight = power(s[r * KEYS + v] * log2_scale - lse[r]);
            to[v] = weight;
            to_ds[v] = weight * scale * (dp[r * KEYS + v] - delta[r]);
        }
    }
}

const ck_attention_kernels ck_attention_plain = {1, pack_columns, pack_rows, columns, rows, softmax, gradient};
