// B batch, T queries, S keys, H heads, K key/value heads, D head size

#include "Check.h"

typedef struct { int64_t b, t, s, h, k, d, window; int starts, documents; } shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 1, 1, 0, 0, 0},      {2, 1, 37, 6, 2, 16, 0, 0, 0},   {2, 3, 20, 2, 1, 5, 7, 1, 0},
    {1, 4, 4, 3, 3, 8, 0, 0, 1},      {1, 5, 5, 2, 2, 7, 0, 0, 0},     {2, 17, 33, 4, 2, 12, 0, 1, 0},
    {1, 130, 130, 3, 1, 16, 0, 0, 1}, {1, 129, 300, 2, 2, 9, 70, 0, 0}, {1, 140, 300, 2, 1, 64, 100, 1, 1},
    {1, 0, 5, 1, 1, 4, 0, 0, 0},      {1, 300, 300, 2, 1, 33, 0, 0, 0}, {1, 193, 193, 1, 1, 17, 40, 0, 1},
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

/// Everything in one place: arrays as float32 or bfloat16, and what is expected of the results.
typedef struct {
    const shape *of;
    int32_t type;
    int64_t q_strides[3], k_strides[3], v_strides[3], out_strides[3], sums_strides[2][3];
    int64_t spaces[4], sums_spaces[2];
    void *q, *k, *v, *dout;
    int32_t *starts, *documents;
    double *out, *lse, *dq, *dk, *dv;
} problem;

static int64_t padded(int64_t size) { return (size + 15) / 16 * 16; }

/// Adds what query t of head h gives to the expected results.
static void attend(problem *x, int64_t b, int64_t h, int64_t t) {
    const shape *of = x->of;
    int64_t kv = h / (of->h / of->k), row = at(x->q_strides, b, t, h), d = of->d;
    int64_t end = (of->starts ? x->starts[b] : of->s - of->t) + t + 1, first = 0;
    if (of->window && end - of->window > first) first = end - of->window;
    if (of->documents && x->documents[b * of->t + t] > first) first = x->documents[b * of->t + t];
    if (end > of->s) end = of->s;
    double *p = doubles(of->s), *ds = doubles(of->s), top = -INFINITY, total = 0, delta = 0;
    for (int64_t j = first; j < end; j++) {
        for (int64_t i = 0; i < d; i++)
            p[j] += 0.3 * get(x->q, x->type, row + i) * get(x->k, x->type, at(x->k_strides, b, j, kv) + i);
        top = fmax(top, p[j]);
    }
    for (int64_t j = first; j < end; j++) total += p[j] = exp(p[j] - top);
    x->lse[(b * of->h + h) * of->t + t] = top + log(total);
    double *out = x->out + at(x->out_strides, b, t, h);
    for (int64_t i = 0; i < d; i++) out[i] = 0;
    for (int64_t j = first; j < end; j++) {
        p[j] /= total;
        for (int64_t i = 0; i < d; i++) {
            double v = get(x->v, x->type, at(x->v_strides, b, j, kv) + i);
            out[i] += p[j] * v;
            ds[j] += get(x->dout, x->type, row + i) * v;
        }
        delta += p[j] * ds[j];
    }
    double *dq = x->dq + at(x->sums_strides[0], b, t, h);
    for (int64_t j = first; j < end; j++) {
        double slope = 0.3 * p[j] * (ds[j] - delta);
        double *dk = x->dk + at(x->sums_strides[1], b, j, kv), *dv = x->dv + at(x->sums_strides[1], b, j, kv);
        for (int64_t i = 0; i < d; i++) {
            dq[i] += slope * get(x->k, x->type, at(x->k_strides, b, j, kv) + i);
            dk[i] += slope * get(x->q, x->type, row + i);
            dv[i] += p[j] * get(x->dout, x->type, row + i);
        }
    }
}

static problem make(const shape *of, int32_t type) {
    problem x = {.of = of, .type = type};
    x.spaces[0] = lay(x.q_strides, of->b, of->t, of->h, of->d, 3);
    x.spaces[1] = lay(x.k_strides, of->b, of->s, of->k, of->d, 1);
    x.spaces[2] = lay(x.v_strides, of->b, of->s, of->k, of->d, 5);
    x.spaces[3] = lay(x.out_strides, of->b, of->t, of->h, of->d, 2);
    x.sums_spaces[0] = lay(x.sums_strides[0], of->b, of->t, of->h, padded(of->d), 0);
    x.sums_spaces[1] = lay(x.sums_strides[1], of->b, of->s, of->k, padded(of->d), 7);
    x.q = numbers(type, x.spaces[0], 1), x.k = numbers(type, x.spaces[1], 1);
    x.v = numbers(type, x.spaces[2], 1), x.dout = numbers(type, x.spaces[0], 1);
    x.starts = array(CK_INT32, of->b), x.documents = array(CK_INT32, of->b * of->t);
    for (int64_t b = 0; b < of->b; b++) x.starts[b] = (int32_t)(of->s > of->t + 3 * b ? of->s - of->t - 3 * b : 0);
    for (int64_t i = 0; i < of->b * of->t; i++) x.documents[i] = (int32_t)(i % of->t / 3 * 3);
    x.out = doubles(x.spaces[3]), x.lse = doubles(of->b * of->h * of->t), x.dq = doubles(x.sums_spaces[0]);
    x.dk = doubles(x.sums_spaces[1]), x.dv = doubles(x.sums_spaces[1]);
    for (int64_t b = 0; b < of->b; b++)
        for (int64_t h = 0; h < of->h; h++)
            for (int64_t t = 0; t < of->t; t++) attend(&x, b, h, t);
    return x;
}

/// Compares heads of results, which have gaps after each token that are not looked at.
static void compare(const char *what, const problem *x, const void *found, int32_t type, const double *expected,
                    double tolerance) {
    for (int64_t b = 0; b < x->of->b; b++)
        for (int64_t t = 0; t < x->of->t; t++)
            for (int64_t i = 0; i < x->of->h * x->of->d; i++) {
                int64_t place = at(x->out_strides, b, t, 0) + i;
                near(what, place, get(found, type, place), expected[place], tolerance, 1);
            }
}

#define STRIDES(call, name, strides) memcpy((call).name##_strides, strides, sizeof (call).name##_strides)

static void run(const shape *of, int32_t type, int32_t level, int backward) {
    describe("attention%s type %d, level %d: %lld x %lld queries, %lld keys, %lld heads over %lld of %lld, window "
             "%lld, starts %d, documents %d", backward ? " backward" : "", type, level, (long long)of->b,
             (long long)of->t, (long long)of->s, (long long)of->h, (long long)of->k, (long long)of->d,
             (long long)of->window, of->starts, of->documents);
    problem x = make(of, type);
    ck_tiled_attention call = {.q = x.q, .k = x.k, .v = x.v, .dout = x.dout, .q_type = type, .k_type = type,
                               .v_type = type, .out_type = type, .dout_type = type, .queries = of->t, .keys = of->s,
                               .heads = of->h, .kv_heads = of->k, .head_size = of->d, .scale = 0.3f,
                               .window = of->window, .level = level};
    const int64_t lse_strides[3] = {of->h * of->t, of->t, 1};
    STRIDES(call, q, x.q_strides), STRIDES(call, k, x.k_strides), STRIDES(call, v, x.v_strides);
    STRIDES(call, out, x.out_strides), STRIDES(call, dout, x.q_strides), STRIDES(call, dq, x.sums_strides[0]);
    STRIDES(call, dk, x.sums_strides[1]), STRIDES(call, dv, x.sums_strides[1]), STRIDES(call, lse, lse_strides);
    if (of->starts) call.query_start = x.starts, call.query_start_stride = 1;
    if (of->documents) call.document_start = x.documents, call.document_strides[0] = of->t;
    if (of->documents) call.document_strides[1] = 1;
    call.out = numbers(type, x.spaces[3], 1), call.lse = floats(of->b * of->h * of->t, 1);

    int64_t key_blocks = (of->s + CK_ATTENTION_KEYS - 1) / CK_ATTENTION_KEYS, size = ck_attention_packed_size(&call);
    uint32_t *scratch = array(CK_INT32, ck_attention_scratch(&call, 0));
    for (int64_t b = 0; b < of->b; b++)
        for (int64_t kv = 0; kv < of->k; kv++) {
            uint32_t *packed = array(CK_INT32, key_blocks * size);
            for (int64_t block = 0; block < key_blocks; block++)
                ck_attention_pack(&call, b, kv, block, packed + block * size);
            for (int64_t h = kv * (of->h / of->k); h < (kv + 1) * (of->h / of->k); h++)
                for (int64_t block = 0; block * CK_ATTENTION_QUERIES < of->t; block++)
                    ck_attention_block(&call, b, h, block, packed, scratch);
        }
    double tolerance = type == CK_BFLOAT16 ? 0x1p-6 : 1e-5;
    compare("out", &x, call.out, type, x.out, tolerance);
    all_near("lse", call.lse, CK_FLOAT32, of->b * of->h * of->t, x.lse, type == CK_BFLOAT16 ? 1e-3 : 5e-6, 1);

    if (backward) {
        call.dq = floats(x.sums_spaces[0], 0), call.dk = floats(x.sums_spaces[1], 0);
        call.dv = floats(x.sums_spaces[1], 0);
        uint32_t *more = array(CK_INT32, ck_attention_scratch(&call, 1));
        for (int64_t b = 0; b < of->b; b++)
            for (int64_t kv = 0; kv < of->k; kv++)
                for (int64_t keys = 0; keys < key_blocks; keys++)
                    for (int64_t queries = 0; queries * CK_ATTENTION_KEYS < of->t; queries++)
                        ck_attention_backward(&call, b, kv, keys, queries, more);
        // Columns past the head size and gaps stay as they were: zero.
        tolerance = type == CK_BFLOAT16 ? 0x1p-5 : 2e-5;
        all_near("dq", call.dq, CK_FLOAT32, x.sums_spaces[0], x.dq, tolerance, 1);
        all_near("dk", call.dk, CK_FLOAT32, x.sums_spaces[1], x.dk, tolerance, 1);
        all_near("dv", call.dv, CK_FLOAT32, x.sums_spaces[1], x.dv, tolerance, 1);
    }
    release();
}

/// Every shape, type and set of kernels that this CPU runs.
static void run_all(int backward) {
    for (int64_t i = 0; i < COUNT(shapes); i++) {
        run(&shapes[i], CK_FLOAT32, CK_LEVEL_PLAIN, backward);
        run(&shapes[i], CK_BFLOAT16, CK_LEVEL_PLAIN, backward);
        if (!ck_has_avx512()) continue;
        run(&shapes[i], CK_FLOAT32, CK_LEVEL_AVX512, backward);
        run(&shapes[i], CK_BFLOAT16, CK_LEVEL_AVX512, backward);
        if (ck_has_bfloat16()) run(&shapes[i], CK_BFLOAT16, CK_LEVEL_BFLOAT16, backward);
    }
}

void test_attention(void) { run_all(0); }
void test_attention_backward(void) { run_all(1); }

void test_attention_few(void) {
    for (int64_t i = 0; i < COUNT(shapes); i++) {
        const shape *of = &shapes[i];
        if (of->t > CK_FEW_QUERIES) continue;
        describe("ck_attention_few of shape %lld", (long long)i);
        problem x = make(of, CK_FLOAT32);
        ck_attention call = {.q = x.q, .k = x.k, .v = x.v, .queries = of->t, .keys = of->s, .heads = of->h,
                             .kv_heads = of->k, .head_size = of->d, .scale = 0.3f, .window = of->window};
        const int64_t lse_strides[3] = {of->h * of->t, of->t, 1};
        STRIDES(call, q, x.q_strides), STRIDES(call, k, x.k_strides), STRIDES(call, v, x.v_strides);
        STRIDES(call, out, x.out_strides), STRIDES(call, lse, lse_strides);
        if (of->starts) call.query_start = x.starts, call.query_start_stride = 1;
        if (of->documents) call.document_start = x.documents, call.document_strides[0] = of->t;
        if (of->documents) call.document_strides[1] = 1;
        call.out = floats(x.spaces[3], 1), call.lse = floats(of->b * of->h * of->t, 1);
        float *scratch = floats(ck_attention_few_scratch(&call), 1);
        for (int64_t b = 0; b < of->b; b++)
            for (int64_t kv = 0; kv < of->k; kv++) ck_attention_few(&call, b, kv, scratch);
        compare("out", &x, call.out, CK_FLOAT32, x.out, 3e-6);
        all_near("lse", call.lse, CK_FLOAT32, of->b * of->h * of->t, x.lse, 3e-6, 1);
        release();
    }
}
