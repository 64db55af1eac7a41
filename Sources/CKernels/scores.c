// N rows, V vocabulary

#include "Math.h"
#include "Rows.h"
#include <float.h>

enum { CHUNK = 1024 };

/// The largest, at least -FLT_MAX.
CK_INLINE float largest(const float *x, int64_t n) {
    float lanes[16];
    for (int l = 0; l < 16; l++) lanes[l] = -FLT_MAX;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++) lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
    for (; i < n; i++) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (int l = 1; l < 16; l++) lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    return lanes[0];
}

/// tanh(z / cap)
CK_INLINE void bound(const float *z, int64_t n, float scale, float *restrict bounded) {
    for (int64_t i = 0; i < n; i++) bounded[i] = ck_tanh(z[i] * scale);
}

CK_CLONES void ck_logit_sums(const ck_logit_rows *rows, float *sums, int64_t sums_stride, int64_t step, int64_t begin,
                             int64_t end) {
#pragma clang fp reassociate(on) contract(fast)
    float cap = rows->cap, scale = cap > 0.0f ? 1.0f / cap : 1.0f;
    for (int64_t row = begin; row < end; row++) {
        const float *logits = rows->logits + row * rows->stride;
        float chunk[CHUNK], exponentials[CHUNK];
        // The cap is increasing, so the largest capped logit is the cap of the largest.
        float top = largest(logits, rows->columns);
        if (cap > 0.0f) top = cap * ck_tanh(top * scale);
        if (rows->weights) rows->tops[row * rows->tops_stride] = top;
        double total = 0, weighted = 0, plain = 0;
        for (int64_t start = 0; start < rows->columns; start += CHUNK) {
            int64_t count = ck_min(CHUNK, rows->columns - start);
            const float *z = logits + start;
            ck_fetch(z + rows->stride, count * (int64_t)sizeof(float));
            if (cap > 0.0f) {
                bound(z, count, scale, chunk);
                for (int64_t i = 0; i < count; i++) chunk[i] *= cap;
                z = chunk;
            }
            int64_t offset = row * rows->weights_stride + start;
            float *e = rows->weights ? ck_result_row(rows->weights, rows->weights_type, offset, exponentials)
                                     : exponentials;
            CK_VECTORIZE for (int64_t i = 0; i < count; i++) e[i] = ck_exp(z[i] - top);
            if (rows->weights) ck_write_row(rows->weights, rows->weights_type, offset, count, e);
            if (!sums) continue;
            float chunk_total = 0, chunk_weighted = 0, chunk_plain = 0;
            for (int64_t i = 0; i < count; i++) {
                chunk_total += e[i];
                // A logit of minus infinity has no weight.
                chunk_weighted += e[i] > 0.0f ? e[i] * (z[i] - top) : 0.0f;
                chunk_plain += z[i];
            }
            total += (double)chunk_total;
            weighted += (double)chunk_weighted;
            plain += (double)chunk_plain;
        }
        if (!sums) continue;
        // Both sides are brought to the larger of the two largest.
        float *at = sums + row * step;
        double seen = (double)at[0], both = seen > (double)top ? seen : (double)top;
        double a = exp(seen - both), b = exp((double)top - both);
        double seen_total = (double)at[sums_stride], seen_weighted = (double)at[2 * sums_stride];
        at[0] = (float)both;
        at[sums_stride] = (float)(a * seen_total + b * total);
        at[2 * sums_stride] = (float)(a * (seen_weighted + (seen - both) * seen_total)
                                      + b * (weighted + ((double)top - both) * total));
        at[3 * sums_stride] = (float)((double)at[3 * sums_stride] + plain);
        int64_t own = (int64_t)rows->targets[row * rows->target_stride] - rows->first;
        if (own >= 0 && own < rows->columns)
            at[4 * sums_stride] = cap > 0.0f ? cap * ck_tanh(logits[own] * scale) : logits[own];
    }
}

CK_CLONES void ck_logit_gradients(const ck_logit_rows *rows, const ck_logit_gradients_of *of, int64_t begin,
                                  int64_t end) {
#pragma clang fp contract(fast)
    float cap = rows->cap, scale = cap > 0.0f ? 1.0f / cap : 1.0f;
    for (int64_t row = begin; row < end; row++) {
        const float *logits = rows->weights ? NULL : rows->logits + row * rows->stride;
        int64_t target = rows->targets[row * rows->target_stride];
        float value[4];
        for (int k = 0; k < 4; k++) value[k] = of->gradients[k] ? of->gradients[k][row * of->strides[k]] : 0.0f;
        float log_sum_exp = of->log_sum_exp[row * of->log_sum_exp_stride];
        float entropy = of->entropy[row * of->entropy_stride];
        float own = target >= 0 ? value[0] : 0.0f;
        float of_softmax = value[1] - own - value[2], constant = value[2] / (float)of->vocabulary;
        float of_entropy = value[3];
        float shift = rows->weights ? rows->tops[row * rows->tops_stride] - log_sum_exp : 0.0f;
        float factor = ck_exp(shift);
        for (int64_t start = 0; start < rows->columns; start += CHUNK) {
            float chunk[CHUNK], bounded[CHUNK];
            int64_t count = ck_min(CHUNK, rows->columns - start), column = target - rows->first - start;
            int has_target = target >= 0 && column >= 0 && column < count;
            const float *z = rows->weights ? ck_read_row(rows->weights, rows->weights_type,
                                                         row * rows->weights_stride + start, count, bounded)
                                           : logits + start;
            int64_t offset = row * of->stride + start;
            float *dz = ck_result_row(of->dlogits, of->type, offset, chunk);
            if (cap > 0.0f) {
                bound(z, count, scale, bounded);
                CK_VECTORIZE for (int64_t i = 0; i < count; i++) {
                    float log_s = cap * bounded[i] - log_sum_exp, s = ck_exp(log_s);
                    float inner = s > 0.0f ? s * (of_softmax - of_entropy * (log_s + entropy)) : 0.0f;
                    dz[i] = (inner + constant) * (1.0f - bounded[i] * bounded[i]);
                }
                if (has_target) dz[column] += own * (1.0f - bounded[column] * bounded[column]);
            } else {
                if (rows->weights && of_entropy != 0.0f) {
                    CK_VECTORIZE for (int64_t i = 0; i < count; i++) {
                        float log_s = ck_log(z[i]) + shift, s = z[i] * factor;
                        dz[i] = (s > 0.0f ? s * (of_softmax - of_entropy * (log_s + entropy)) : 0.0f) + constant;
                    }
                } else if (rows->weights) {
                    float slope = factor * of_softmax;
                    CK_VECTORIZE for (int64_t i = 0; i < count; i++) dz[i] = z[i] * slope + constant;
                } else if (of_entropy != 0.0f) {
                    CK_VECTORIZE for (int64_t i = 0; i < count; i++) {
                        float log_s = z[i] - log_sum_exp, s = ck_exp(log_s);
                        dz[i] = (s > 0.0f ? s * (of_softmax - of_entropy * (log_s + entropy)) : 0.0f) + constant;
                    }
                } else {
                    CK_VECTORIZE for (int64_t i = 0; i < count; i++)
                        dz[i] = ck_exp(z[i] - log_sum_exp) * of_softmax + constant;
                }
                if (has_target) dz[column] += own;
            }
            ck_write_row(of->dlogits, of->type, offset, count, dz);
        }
    }
}
