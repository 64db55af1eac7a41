#include "Kernel.h"

int32_t ck_has_avx512(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd");
#else
    return 0;
#endif
}

enum { BLOCK_N = 64, BLOCK_K = 128 };

CK_CLONES void ck_sgemm_plain(int32_t order, int32_t transpose_a, int32_t transpose_b, int32_t m, int32_t n, int32_t k,
                              float alpha, const float *a, int32_t lda, const float *b, int32_t ldb, float beta,
                              float *c, int32_t ldc) {
    (void)order;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) c[i * ldc + j] = beta == 0.0f ? 0.0f : beta * c[i * ldc + j];
    float packed[BLOCK_K * BLOCK_N];
    for (int64_t j0 = 0; j0 < n; j0 += BLOCK_N) {
        int64_t width = ck_min(BLOCK_N, n - j0);
        for (int64_t p0 = 0; p0 < k; p0 += BLOCK_K) {
            int64_t depth = ck_min(BLOCK_K, k - p0);
            for (int64_t p = 0; p < depth; p++)
                for (int64_t j = 0; j < BLOCK_N; j++)
                    packed[p * BLOCK_N + j] = j >= width            ? 0.0f
                                              : transpose_b == 112 ? b[(j0 + j) * ldb + p0 + p]
                                                                   : b[(p0 + p) * ldb + j0 + j];
            for (int64_t i = 0; i < m; i++) {
                float sums[BLOCK_N] = {0};
                for (int64_t p = 0; p < depth; p++) {
                    float x = transpose_a == 112 ? a[(p0 + p) * lda + i] : a[i * lda + p0 + p];
                    for (int64_t j = 0; j < BLOCK_N; j++) sums[j] += x * packed[p * BLOCK_N + j];
                }
                for (int64_t j = 0; j < width; j++) c[i * ldc + j0 + j] += alpha * sums[j];
            }
        }
    }
}

enum { LANES = 64 };

// The order of additions is fixed: 64 lanes, folded in halves, then the tail.
#define DOT(T, READ)                                                                                                   \
    {                                                                                                                  \
        const T *y = (const T *)b + j * ldb;                                                                           \
        float lanes[LANES] = {0};                                                                                      \
        int64_t p = 0;                                                                                                 \
        for (; p + LANES <= k; p += LANES)                                                                             \
            for (int l = 0; l < LANES; l++) lanes[l] += x[p + l] * READ(y[p + l]);                                     \
        for (int width = LANES / 2; width > 0; width /= 2)                                                             \
            for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];                                              \
        for (; p < k; p++) lanes[0] += x[p] * READ(y[p]);                                                              \
        dot = lanes[0];                                                                                                \
    }
#define SAME(v) (v)

CK_CLONES void ck_dots(int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const void *b,
                       int32_t b_type, int64_t ldb, float beta, float *c, int64_t ldc) {
#pragma clang fp contract(fast)
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < m; i++) {
            const float *x = a + i * lda;
            float dot;
            if (b_type == CK_BFLOAT16) DOT(uint16_t, ck_from_bf16) else DOT(float, SAME)
            float *to = c + i * ldc + j;
            *to = alpha * dot + (beta == 0.0f ? 0.0f : beta * *to);
        }
}
