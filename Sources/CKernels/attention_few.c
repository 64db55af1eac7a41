// B batch, T queries, S keys, H heads, K key/value heads, G = H / K, D head size

#include "Math.h"

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

#define AT(array, b, t, h)                                                                                             \
    (x->array + (b) * x->array##_strides[0] + (t) * x->array##_strides[1] + (h) * x->array##_strides[2])
#define LSE(b, t, h) x->lse[(b) * x->lse_strides[0] + (h) * x->lse_strides[1] + (t) * x->lse_strides[2]]

int64_t ck_attention_few_scratch(const ck_attention *x) {
    return x->queries * (x->heads / x->kv_heads) * x->keys + 64;
}

CK_CLONES void ck_attention_few(const ck_attention *x, int64_t b, int64_t kv, float *scratch) {
#pragma clang fp contract(fast)
    int64_t d = x->head_size, group = x->heads / x->kv_heads, rows = x->queries * group;
    for (int64_t r = 0; r < rows; r++) {
        int64_t t = r / group, h = kv * group + r % group;
        int64_t first, end;
        visible(x, b, t, &first, &end);
        const float *q = AT(q, b, t, h);
        float *s = scratch + r * x->keys;
        for (int64_t j = first; j < end; j++) s[j] = dot(q, AT(k, b, j, kv), d) * x->scale;
        float top = first < end ? largest(s, first, end) : 0.0f;
        float total = exponentials(s + first, ck_max(end - first, 0), 0, ck_max(end - first, 0), top);
        float inverse = total > 0.0f ? 1.0f / total : 0.0f;
        float *out = AT(out, b, t, h);
        for (int64_t i = 0; i < d; i++) out[i] = 0;
        for (int64_t j = first; j < end; j++) {
            float p = s[j] * inverse;
            const float *v = AT(v, b, j, kv);
            for (int64_t i = 0; i < d; i++) out[i] += p * v[i];
        }
        LSE(b, t, h) = top + ck_log(total);
    }
}
