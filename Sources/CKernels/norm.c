// N rows, C columns

#include "Rows.h"

/// The sum of x[i] (or of (x[i] - shift)^2), float32 blocks added in float64.
CK_INLINE double sum_of(const float *x, int64_t n) {
#pragma clang fp reassociate(on)
    double total = 0;
    for (int64_t start = 0; start < n; start += 1024) {
        int64_t end = ck_min(n, start + 1024);
        float block = 0;
        for (int64_t i = start; i < end; i++) block += x[i];
        total += (double)block;
    }
    return total;
}

CK_INLINE double sum_of_squares(const float *x, float shift, int64_t n) {
#pragma clang fp reassociate(on) contract(fast)
    double total = 0;
    for (int64_t start = 0; start < n; start += 1024) {
        int64_t end = ck_min(n, start + 1024);
        float block = 0;
        for (int64_t i = start; i < end; i++) block += (x[i] - shift) * (x[i] - shift);
        total += (double)block;
    }
    return total;
}

CK_CLONES void ck_norm(const ck_norm_rows *norm, double epsilon, int64_t first, int64_t end, float *scratch) {
#pragma clang fp contract(fast)
    int64_t n = norm->columns;
    for (int64_t row = first; row < end; row++) {
        const float *x = ck_read_row(norm->x, norm->x_type, row * norm->x_stride, n, scratch);
        float *y = ck_result_row(norm->y, norm->y_type, row * norm->y_stride, scratch + n);
        float mean = norm->mean ? (float)(sum_of(x, n) / (double)n) : 0.0f;
        float inverse = (float)(1.0 / sqrt(sum_of_squares(x, mean, n) / (double)n + epsilon));
        const float *weight = norm->weight, *bias = norm->bias;
        if (bias) {
            CK_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
        } else {
            CK_VECTORIZE for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse * weight[i];
        }
        ck_write_row(norm->y, norm->y_type, row * norm->y_stride, n, y);
        norm->inverse[row * norm->inverse_stride] = inverse;
        if (norm->mean) norm->mean[row * norm->mean_stride] = mean;
    }
}

// dx = added + inverse (g - mean(g) - xhat mean(g xhat)), g = weight dy, xhat = (x - mean) inverse; no mean(g) for an
// RMS norm.
CK_CLONES void ck_norm_backward(const ck_norm_rows *norm, const void *dy, int32_t dy_type, int64_t dy_stride,
                                float *dweight, float *dbias, int64_t first, int64_t end, float *scratch) {
#pragma clang fp reassociate(on) contract(fast)
    int64_t n = norm->columns;
    for (int64_t row = first; row < end; row++) {
        const float *x = ck_read_row(norm->x, norm->x_type, row * norm->x_stride, n, scratch);
        const float *g = ck_read_row(dy, dy_type, row * dy_stride, n, scratch + n);
        const float *weight = norm->weight;
        float mean = norm->mean ? norm->mean[row * norm->mean_stride] : 0.0f;
        float inverse = norm->inverse[row * norm->inverse_stride];
        if (dweight) {
            CK_VECTORIZE for (int64_t i = 0; i < n; i++) dweight[i] += g[i] * (x[i] - mean) * inverse;
        }
        if (dbias) {
            CK_VECTORIZE for (int64_t i = 0; i < n; i++) dbias[i] += g[i];
        }
        if (!norm->y) continue;
        double plain = 0, inner = 0;
        for (int64_t start = 0; start < n; start += 1024) {
            int64_t stop = ck_min(n, start + 1024);
            float block_plain = 0, block_inner = 0;
            for (int64_t i = start; i < stop; i++) {
                float weighted = g[i] * weight[i];
                block_plain += weighted;
                block_inner += weighted * (x[i] - mean);
            }
            plain += (double)block_plain;
            inner += (double)block_inner;
        }
        float shift = norm->mean ? (float)(plain / (double)n) : 0.0f;
        float slope = (float)(inner / (double)n) * inverse * inverse;
        float *dx = ck_result_row(norm->y, norm->y_type, row * norm->y_stride, scratch + 2 * n);
        if (norm->added) {
            const float *added =
                ck_read_row(norm->added, norm->added_type, row * norm->added_stride, n, scratch + 3 * n);
            CK_VECTORIZE for (int64_t i = 0; i < n; i++)
                dx[i] = added[i] + inverse * (g[i] * weight[i] - shift - (x[i] - mean) * slope);
        } else {
            CK_VECTORIZE for (int64_t i = 0; i < n; i++)
                dx[i] = inverse * (g[i] * weight[i] - shift - (x[i] - mean) * slope);
        }
        ck_write_row(norm->y, norm->y_type, row * norm->y_stride, n, dx);
    }
}
