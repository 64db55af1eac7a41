// B batch, T queries, S keys, H heads, K key/value heads, D head size

#include "Check.h"

typedef struct { int64_t b, t, s, h, k, d, window; int starts, documents; } shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 1, 1, 0, 0, 0},      {2, 1, 37, 6, 2, 16, 0, 0, 0},   {2, 3, 20, 2, 1, 5, 7, 1, 0},
    {1, 4, 4, 3, 3, 8, 0, 0, 1},      {1, 5, 5, 2, 2, 7, 0, 0, 0},     {2, 17, 33, 4, 2, 12, 0, 1, 0},
    {1, 130, 130, 3, 1, 16, 0, 0, 1}, {1, 129, 300, 2, 2, 9, 70, 0, 0}, {1, 140, 300, 2, 1, 64, 100, 1, 1},
    {1, 0, 5, 1, 1, 4, 0, 0, 0},      {1, 300, 300, 2, 1, 33, 0, 0, 0},
};

/// Strides of [batch, tokens, heads, head size] with a gap after each token.
static int64_t lay(int64_t strides[3], int64_t batch, int64_t tokens, int64_t heads, int64_t size, int64_t gap) {
    strides[2] = size;
    strides[1] = heads * size + gap;
    strides[0] = tokens * strides[1] + gap;
    return batch && tokens && heads ? (batch - 1) * strides[0] + (tokens - 1) * strides[1] + heads * size : 0;
}

static int64_t at(const int64_t strides[3], int64_t b, int64_t t, int64_t h) {
    return b * strides[0] + t * strides[1] + h * strides[2];
}

/// Makes the arrays and writes what is expected of out, lse and, with `backward`, dq, dk and dv.
static void run(const shape *x, int backward) {
    describe("attention%s of %lld x %lld queries, %lld keys, %lld of %lld heads of %lld, window %lld, starts %d, "
             "documents %d", backward ? " backward" : "", (long long)x->b, (long long)x->t, (long long)x->s,
             (long long)x->h, (long long)x->k, (long long)x->d, (long long)x->window, x->starts, x->documents);
    ck_attention c = {.queries = x->t, .keys = x->s, .heads = x->h, .kv_heads = x->k, .head_size = x->d, .scale = 0.3f,
                      .window = x->window, .gemm = ck_sgemm_plain};
    int64_t queries = lay(c.q_strides, x->b, x->t, x->h, x->d, 3), keys = lay(c.k_strides, x->b, x->s, x->k, x->d, 1);
    int64_t values = lay(c.v_strides, x->b, x->s, x->k, x->d, 5);
    int64_t results = lay(c.out_strides, x->b, x->t, x->h, x->d, 0);
    lay(c.dout_strides, x->b, x->t, x->h, x->d, 3);
    lay(c.dq_strides, x->b, x->t, x->h, x->d, 3);
    lay(c.dk_strides, x->b, x->s, x->k, x->d, 1);
    lay(c.dv_strides, x->b, x->s, x->k, x->d, 5);
    float *q = floats(queries, 1), *k = floats(keys, 1), *v = floats(values, 1), *dout = floats(queries, 1);
    c.lse_strides[0] = x->h * x->t, c.lse_strides[1] = x->t, c.lse_strides[2] = 1;
    c.q = q, c.k = k, c.v = v, c.dout = dout;
    c.out = floats(results, 1), c.dq = floats(queries, 1), c.dk = floats(keys, 1), c.dv = floats(values, 1);
    c.lse = floats(x->b * x->h * x->t, 1);
    int32_t *starts = array(CK_INT32, x->b), *documents = array(CK_INT32, x->b * x->t);
    for (int64_t b = 0; b < x->b; b++) starts[b] = (int32_t)(x->s > x->t + 3 * b ? x->s - x->t - 3 * b : 0);
    for (int64_t i = 0; i < x->b * x->t; i++) documents[i] = (int32_t)(i % x->t / 3 * 3);
    if (x->starts) c.query_start = starts, c.query_start_stride = 1;
    if (x->documents) c.document_start = documents, c.document_strides[0] = x->t, c.document_strides[1] = 1;

    double *out = widened(c.out, CK_FLOAT32, results), *lse = widened(c.lse, CK_FLOAT32, x->b * x->h * x->t);
    double *dq = widened(c.dq, CK_FLOAT32, queries), *dk = widened(c.dk, CK_FLOAT32, keys);
    double *dv = widened(c.dv, CK_FLOAT32, values), *p = doubles(x->s), *ds = doubles(x->s);
    for (int64_t b = 0; b < x->b; b++)
        for (int64_t t = 0; t < x->s; t++)
            for (int64_t i = 0; i < x->k * x->d; i++)
                dk[at(c.dk_strides, b, t, 0) + i] = dv[at(c.dv_strides, b, t, 0) + i] = 0;
    for (int64_t b = 0; b < x->b; b++)
        for (int64_t h = 0; h < x->h; h++)
            for (int64_t t = 0; t < x->t; t++) {
                int64_t kv = h / (x->h / x->k), row = at(c.q_strides, b, t, h), to = at(c.out_strides, b, t, h);
                int64_t end = (x->starts ? starts[b] : x->s - x->t) + t + 1, first = 0;
                if (x->window && end - x->window > first) first = end - x->window;
                if (x->documents && documents[b * x->t + t] > first) first = documents[b * x->t + t];
                if (end > x->s) end = x->s;
                double top = -INFINITY, total = 0, delta = 0;
                for (int64_t j = first; j < end; j++) {
                    p[j] = 0;
                    for (int64_t i = 0; i < x->d; i++)
                        p[j] += (double)q[row + i] * (double)k[at(c.k_strides, b, j, kv) + i];
                    p[j] *= (double)c.scale;
                    top = fmax(top, p[j]);
                }
                for (int64_t j = first; j < end; j++) total += p[j] = exp(p[j] - top);
                lse[b * c.lse_strides[0] + h * c.lse_strides[1] + t] = top + log(total);
                for (int64_t i = 0; i < x->d; i++) out[to + i] = dq[row + i] = 0;
                for (int64_t j = first; j < end; j++) {
                    p[j] /= total, ds[j] = 0;
                    for (int64_t i = 0; i < x->d; i++) {
                        out[to + i] += p[j] * (double)v[at(c.v_strides, b, j, kv) + i];
                        ds[j] += (double)dout[row + i] * (double)v[at(c.v_strides, b, j, kv) + i];
                    }
                    delta += p[j] * ds[j];
                }
                for (int64_t j = first; j < end; j++)
                    for (int64_t i = 0; i < x->d; i++) {
                        double slope = (double)c.scale * p[j] * (ds[j] - delta);
                        dq[row + i] += slope * (double)k[at(c.k_strides, b, j, kv) + i];
                        dk[at(c.dk_strides, b, j, kv) + i] += slope * (double)q[row + i];
                        dv[at(c.dv_strides, b, j, kv) + i] += p[j] * (double)dout[row + i];
                    }
            }

    float *scratch = array(CK_FLOAT32, ck_attention_scratch(&c));
    for (int64_t b = 0; b < x->b; b++)
        for (int64_t h = 0; h < x->h; h++)
            for (int64_t block = 0; block < ck_attention_query_blocks(x->t); block++)
                ck_attention_block(&c, b, h, block, scratch);
    all_near("out", c.out, CK_FLOAT32, results, out, 3e-6, 1);
    all_near("lse", c.lse, CK_FLOAT32, x->b * x->h * x->t, lse, 3e-6, 1);
    if (x->t <= CK_FEW_QUERIES && !backward) {
        memset(c.out, 0, (size_t)results * sizeof(float));
        for (int64_t b = 0; b < x->b; b++)
            for (int64_t kv = 0; kv < x->k; kv++) ck_attention_few(&c, b, kv, scratch);
        all_near("out of few", c.out, CK_FLOAT32, results, out, 3e-6, 1);
        all_near("lse of few", c.lse, CK_FLOAT32, x->b * x->h * x->t, lse, 3e-6, 1);
    }
    if (backward) {
        for (int64_t b = 0; b < x->b; b++)
            for (int64_t kv = 0; kv < x->k; kv++) ck_attention_backward(&c, b, kv, scratch);
        all_near("dq", c.dq, CK_FLOAT32, queries, dq, 1e-5, 1);
        all_near("dk", c.dk, CK_FLOAT32, keys, dk, 1e-5, 1);
        all_near("dv", c.dv, CK_FLOAT32, values, dv, 1e-5, 1);
    }
    release();
}

void test_attention(void) {
    for (int64_t i = 0; i < COUNT(shapes); i++) run(&shapes[i], 0);
}

void test_attention_backward(void) {
    for (int64_t i = 0; i < COUNT(shapes); i++) run(&shapes[i], 1);
}
