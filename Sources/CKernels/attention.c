// B batch, T queries, S keys, H heads, K key/value heads, G = H / K, D head size

#include "Math.h"

// Queries and keys are taken in blocks of 128: scores of a block stay in the second-level cache, and the products on
// them run at most of the library's speed.
enum { BLOCK = 128 };

/// Keys that query t of sequence b sees: [first, end).
CK_INLINE void visible(const ck_attention *x, int64_t b, int64_t t, int64_t *first, int64_t *end) {
    int64_t last = (x->query_start ? x->query_start[b * x->query_start_stride] : x->keys - x->queries) + t;
    int64_t from = x->window > 0 ? last - x->window + 1 : 0;
    if (x->document_start)
        from = ck_max(from, x->document_start[b * x->document_strides[0] + t * x->document_strides[1]]);
    *first = ck_max(from, 0);
    *end = ck_min(last + 1, x->keys);
}

/// The largest of s[first ..< end].
CK_INLINE float largest(const float *s, int64_t first, int64_t end) {
    float lanes[16];
    for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
    int64_t j = first;
    for (; j + 16 <= end; j += 16)
        for (int l = 0; l < 16; l++) lanes[l] = s[j + l] > lanes[l] ? s[j + l] : lanes[l];
    for (; j < end; j++) lanes[0] = s[j] > lanes[0] ? s[j] : lanes[0];
    for (int l = 1; l < 16; l++) lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    return lanes[0];
}

/// s[j] = exp(s[j] - shift) for j in [first, end) and 0 for the rest of [0, n); returns the sum.
CK_INLINE float exponentials(float *s, int64_t n, int64_t first, int64_t end, float shift) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t j = 0; j < first; j++) s[j] = 0;
    for (int64_t j = first; j < end; j++) {
        float p = ck_exp(s[j] - shift);
        s[j] = p;
        sum += p;
    }
    for (int64_t j = end; j < n; j++) s[j] = 0;
    return sum;
}

CK_INLINE float dot(const float *a, const float *b, int64_t n) {
#pragma clang fp reassociate(on) contract(fast)
    float sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/// Keys that any query of rows [t0, t1) sees, from a multiple of the block on.
CK_INLINE void key_range(const ck_attention *x, int64_t b, int64_t t0, int64_t t1, int64_t *first, int64_t *end) {
    *first = x->keys;
    *end = 0;
    for (int64_t t = t0; t < t1; t++) {
        int64_t from, to;
        visible(x, b, t, &from, &to);
        if (from >= to) continue;
        *first = ck_min(*first, from);
        *end = ck_max(*end, to);
    }
    *first = *first / BLOCK * BLOCK;
}

/// The visible part of keys [k0, k0 + n), relative to k0; empty as (0, 0).
CK_INLINE void in_block(const ck_attention *x, int64_t b, int64_t t, int64_t k0, int64_t n, int64_t *first,
                        int64_t *end) {
    visible(x, b, t, first, end);
    *first = ck_max(*first - k0, 0);
    *end = ck_min(*end - k0, n);
    if (*first >= *end) *first = *end = 0;
}

#define AT(array, b, t, h)                                                                                             \
    (x->array + (b) * x->array##_strides[0] + (t) * x->array##_strides[1] + (h) * x->array##_strides[2])
#define LSE(b, t, h) x->lse[(b) * x->lse_strides[0] + (h) * x->lse_strides[1] + (t) * x->lse_strides[2]]
#define GEMM(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)                                                     \
    x->gemm(101, ta, tb, (int32_t)(m), (int32_t)(n), (int32_t)(k), alpha, a, (int32_t)(lda), b, (int32_t)(ldb), beta,  \
            c, (int32_t)(ldc))
enum { PLAIN = 111, TRANSPOSED = 112 };

int64_t ck_attention_query_blocks(int64_t queries) { return (queries + BLOCK - 1) / BLOCK; }

int64_t ck_attention_scratch(const ck_attention *x) {
    return 2 * BLOCK * BLOCK + BLOCK * x->head_size + 3 * BLOCK + 64;
}

// Online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867; tiled as in FlashAttention, Dao et al. 2022, arXiv
// 2205.14135, algorithm 1): the sums so far are rescaled when a larger score appears.
CK_CLONES void ck_attention_block(const ck_attention *x, int64_t b, int64_t h, int64_t block, float *scratch) {
    int64_t d = x->head_size, kv = h / (x->heads / x->kv_heads);
    int64_t t0 = block * BLOCK, t1 = ck_min(t0 + BLOCK, x->queries), rows = t1 - t0;
    float *scores = scratch, *sums = scores + BLOCK * BLOCK, *top = sums + BLOCK * d, *total = top + BLOCK;
    for (int64_t r = 0; r < rows; r++) top[r] = -INFINITY, total[r] = 0;
    for (int64_t i = 0; i < rows * d; i++) sums[i] = 0;
    int64_t first, end;
    key_range(x, b, t0, t1, &first, &end);
    for (int64_t k0 = first; k0 < end; k0 += BLOCK) {
        int64_t n = ck_min(BLOCK, end - k0);
        GEMM(PLAIN, TRANSPOSED, rows, n, d, x->scale, AT(q, b, t0, h), x->q_strides[1], AT(k, b, k0, kv),
             x->k_strides[1], 0.0f, scores, BLOCK);
        for (int64_t r = 0; r < rows; r++) {
            float *s = scores + r * BLOCK;
            int64_t from, to;
            in_block(x, b, t0 + r, k0, n, &from, &to);
            float new_top = from < to ? largest(s, from, to) : -INFINITY;
            new_top = new_top > top[r] ? new_top : top[r];
            float sum = exponentials(s, n, from, to, new_top);
            if (new_top != top[r]) {
                float factor = ck_exp(top[r] - new_top);
                for (int64_t i = 0; i < d; i++) sums[r * d + i] *= factor;
                total[r] *= factor;
                top[r] = new_top;
            }
            total[r] += sum;
        }
        GEMM(PLAIN, PLAIN, rows, d, n, 1.0f, scores, BLOCK, AT(v, b, k0, kv), x->v_strides[1], 1.0f, sums, d);
    }
    for (int64_t r = 0; r < rows; r++) {
        float *out = AT(out, b, t0 + r, h);
        float inverse = total[r] > 0.0f ? 1.0f / total[r] : 0.0f;
        for (int64_t i = 0; i < d; i++) out[i] = sums[r * d + i] * inverse;
        LSE(b, t0 + r, h) = top[r] + ck_log(total[r]);
    }
}

// With p = exp(s - lse), delta = sum(dout * out): dv = p^T dout, ds = p * (dout v^T - delta), dq = scale ds k,
// dk = scale ds^T q. One call owns a key/value head, so dk and dv are added in one order.
CK_CLONES void ck_attention_backward(const ck_attention *x, int64_t b, int64_t kv, float *scratch) {
    int64_t d = x->head_size, group = x->heads / x->kv_heads;
    float *p = scratch, *ds = p + BLOCK * BLOCK, *delta = ds + BLOCK * BLOCK;
    for (int64_t j = 0; j < x->keys; j++) {
        memset(AT(dk, b, j, kv), 0, (size_t)d * sizeof(float));
        memset(AT(dv, b, j, kv), 0, (size_t)d * sizeof(float));
    }
    for (int64_t h = kv * group; h < (kv + 1) * group; h++) {
        for (int64_t t0 = 0; t0 < x->queries; t0 += BLOCK) {
            int64_t t1 = ck_min(t0 + BLOCK, x->queries), rows = t1 - t0;
            for (int64_t r = 0; r < rows; r++) {
                delta[r] = dot(AT(out, b, t0 + r, h), AT(dout, b, t0 + r, h), d);
                memset(AT(dq, b, t0 + r, h), 0, (size_t)d * sizeof(float));
            }
            int64_t first, end;
            key_range(x, b, t0, t1, &first, &end);
            for (int64_t k0 = first; k0 < end; k0 += BLOCK) {
                int64_t n = ck_min(BLOCK, end - k0);
                GEMM(PLAIN, TRANSPOSED, rows, n, d, x->scale, AT(q, b, t0, h), x->q_strides[1], AT(k, b, k0, kv),
                     x->k_strides[1], 0.0f, p, BLOCK);
                GEMM(PLAIN, TRANSPOSED, rows, n, d, 1.0f, AT(dout, b, t0, h), x->dout_strides[1], AT(v, b, k0, kv),
                     x->v_strides[1], 0.0f, ds, BLOCK);
                for (int64_t r = 0; r < rows; r++) {
                    int64_t from, to;
                    in_block(x, b, t0 + r, k0, n, &from, &to);
                    float lse = LSE(b, t0 + r, h);
                    exponentials(p + r * BLOCK, n, from, to, lse);
                    float *s = ds + r * BLOCK, *weight = p + r * BLOCK, shift = delta[r], scale = x->scale;
                    for (int64_t j = 0; j < n; j++) s[j] = scale * weight[j] * (s[j] - shift);
                }
                GEMM(TRANSPOSED, PLAIN, n, d, rows, 1.0f, p, BLOCK, AT(dout, b, t0, h), x->dout_strides[1], 1.0f,
                     AT(dv, b, k0, kv), x->dv_strides[1]);
                GEMM(TRANSPOSED, PLAIN, n, d, rows, 1.0f, ds, BLOCK, AT(q, b, t0, h), x->q_strides[1], 1.0f,
                     AT(dk, b, k0, kv), x->dk_strides[1]);
                GEMM(PLAIN, PLAIN, rows, d, n, 1.0f, ds, BLOCK, AT(k, b, k0, kv), x->k_strides[1], 1.0f,
                     AT(dq, b, t0, h), x->dq_strides[1]);
            }
        }
    }
}
