// V vocabulary

#include "Math.h"
#include "Rows.h"

enum { CHUNK = 1024 };

CK_CLONES void ck_token_scores(const void *logits, int32_t type, int64_t n, int32_t target, float cap, float *results) {
#pragma clang fp reassociate(on) contract(fast)
    float chunk[CHUNK];
    // The cap is increasing, so the largest capped logit is the cap of the largest.
    float lanes[16];
    for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
    for (int64_t start = 0; start < n; start += CHUNK) {
        int64_t count = ck_min(CHUNK, n - start), i = 0;
        const float *z = ck_read_row(logits, type, start, count, chunk);
        for (; i + 16 <= count; i += 16)
            for (int l = 0; l < 16; l++) lanes[l] = z[i + l] > lanes[l] ? z[i + l] : lanes[l];
        for (; i < count; i++) lanes[0] = z[i] > lanes[0] ? z[i] : lanes[0];
    }
    for (int l = 1; l < 16; l++) lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    float scale = cap > 0.0f ? 1.0f / cap : 1.0f;
    float top = cap > 0.0f ? cap * ck_tanh(lanes[0] * scale) : lanes[0];
    // Everything is relative to the largest logit, so that nothing cancels.
    double total = 0, weighted = 0, plain = 0;
    for (int64_t start = 0; start < n; start += CHUNK) {
        int64_t count = ck_min(CHUNK, n - start);
        const float *z = ck_read_row(logits, type, start, count, chunk);
        if (cap > 0.0f) {
            CK_VECTORIZE for (int64_t i = 0; i < count; i++) chunk[i] = cap * ck_tanh(z[i] * scale);
            z = chunk;
        }
        float block_total = 0, block_weighted = 0, block_plain = 0;
        for (int64_t i = 0; i < count; i++) {
            float s = z[i] - top;
            float e = ck_exp(s);
            block_total += e;
            // A logit of minus infinity has no weight.
            block_weighted += e > 0.0f ? e * s : 0.0f;
            block_plain += s;
        }
        total += (double)block_total;
        weighted += (double)block_weighted;
        plain += (double)block_plain;
    }
    double log_total = log(total);
    float own = 0;
    if (target >= 0) {
        own = *ck_read_row(logits, type, target, 1, chunk);
        if (cap > 0.0f) own = cap * ck_tanh(own * scale);
    }
    results[0] = target >= 0 ? (float)((double)(own - top) - log_total) : 0.0f;
    results[1] = (float)((double)top + log_total);
    results[2] = (float)(plain / (double)n - log_total);
    results[3] = (float)(log_total - weighted / total);
}

CK_CLONES void ck_token_scores_backward(void *logits, int32_t type, int64_t n, int32_t target, float cap,
                                        float log_sum_exp, float entropy, const float *gradients) {
#pragma clang fp contract(fast)
    float chunk[CHUNK], bounded[CHUNK];
    float own = target >= 0 ? gradients[0] : 0.0f;
    float of_softmax = gradients[1] - own - gradients[2], constant = gradients[2] / (float)n;
    float of_entropy = gradients[3], scale = cap > 0.0f ? 1.0f / cap : 1.0f;
    for (int64_t start = 0; start < n; start += CHUNK) {
        int64_t count = ck_min(CHUNK, n - start);
        const float *z = ck_read_row(logits, type, start, count, chunk);
        float *dz = ck_result_row(logits, type, start, chunk);
        if (cap > 0.0f) {
            CK_VECTORIZE for (int64_t i = 0; i < count; i++) bounded[i] = ck_tanh(z[i] * scale);
        }
        int has_target = target >= start && target < start + count;
        if (cap > 0.0f) {
            CK_VECTORIZE for (int64_t i = 0; i < count; i++) {
                float log_s = cap * bounded[i] - log_sum_exp, s = ck_exp(log_s);
                float inner = s > 0.0f ? s * (of_softmax - of_entropy * (log_s + entropy)) : 0.0f;
                dz[i] = (inner + constant) * (1.0f - bounded[i] * bounded[i]);
            }
            if (has_target) dz[target - start] += own * (1.0f - bounded[target - start] * bounded[target - start]);
        } else {
            CK_VECTORIZE for (int64_t i = 0; i < count; i++) {
                float log_s = z[i] - log_sum_exp, s = ck_exp(log_s);
                dz[i] = (s > 0.0f ? s * (of_softmax - of_entropy * (log_s + entropy)) : 0.0f) + constant;
            }
            if (has_target) dz[target - start] += own;
        }
        ck_write_row(logits, type, start, count, dz);
    }
}
