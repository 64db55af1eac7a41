// N tokens, H heads, K key/value heads, D head size, S tokens of a block

#include "Check.h"

enum { S = CK_CACHE_BLOCK, SEQUENCES = 2 };

typedef struct { int64_t first, count, heads, kv_heads, size, window; } shape;

// Tokens [first, first + count) of a sequence over all keys up to their own.
static const shape shapes[] = {
    {0, 1, 1, 1, 1, 0},   {36, 1, 6, 2, 16, 0},    {0, 5, 3, 3, 7, 0},       {60, 9, 2, 1, 33, 7},
    {63, 3, 4, 2, 64, 0}, {700, 2, 2, 2, 80, 600}, {1000, 30, 3, 1, 48, 70}, {511, 2, 5, 1, 100, 0},
};

static void attend(const shape *of, int32_t q_type, int32_t type) {
    describe("cached attention types %d over %d, %lld tokens from %lld, %lld heads over %lld of %lld, window %lld",
             q_type, type, (long long)of->count, (long long)of->first, (long long)of->heads, (long long)of->kv_heads,
             (long long)of->size, (long long)of->window);
    int64_t d = of->size, length = of->first + of->count, per_sequence = (length + S - 1) / S;
    int64_t block_count = per_sequence * SEQUENCES, block_size = S * of->kv_heads * d;
    int64_t q_strides[2] = {of->heads * d + 3, d}, out_strides[2] = {of->heads * (d + 1), d + 1};
    int64_t q_space = (of->count - 1) * q_strides[0] + of->heads * d;
    int64_t out_space = (of->count - 1) * out_strides[0] + (of->heads - 1) * out_strides[1] + d;
    void *q = numbers(q_type, q_space, 2), *out = numbers(q_type, out_space, 2);
    void *keys = numbers(type, block_count * block_size, 1), *values = numbers(type, block_count * block_size, 1);
    // Blocks lie in any order, those of the second sequence among them.
    int32_t *blocks = array(CK_INT32, block_count), *positions = array(CK_INT32, of->count * 2);
    for (int64_t i = 0; i < block_count; i++) blocks[i] = (int32_t)(block_count - 1 - i);
    for (int64_t t = 0; t < of->count; t++) positions[t * 2] = (int32_t)(of->first + t);
    double *expected = widened(out, q_type, out_space), *p = doubles(length);
    for (int64_t t = 0; t < of->count; t++)
        for (int64_t h = 0; h < of->heads; h++) {
            int64_t kv = h / (of->heads / of->kv_heads), end = of->first + t + 1, first = 0;
            if (of->window && end > of->window) first = end - of->window;
            double top = -INFINITY, total = 0;
            for (int64_t j = first; j < end; j++) {
                int64_t block = (blocks[per_sequence + j / S] * of->kv_heads + kv) * d * S;
                p[j] = 0;
                for (int64_t i = 0; i < d; i++)
                    p[j] += 0.3 * get(q, q_type, t * q_strides[0] + h * q_strides[1] + i)
                            * get(keys, type, block + i * S + j % S);
                top = fmax(top, p[j]);
            }
            for (int64_t j = first; j < end; j++) total += p[j] = exp(p[j] - top);
            double *row = expected + t * out_strides[0] + h * out_strides[1];
            for (int64_t i = 0; i < d; i++) {
                row[i] = 0;
                for (int64_t j = first; j < end; j++) {
                    int64_t at = blocks[per_sequence + j / S] * block_size + (j % S * of->kv_heads + kv) * d + i;
                    row[i] += p[j] / total * get(values, type, at);
                }
            }
        }

    ck_cached_attention call = {.q = q, .out = out, .q_type = q_type, .out_type = q_type, .keys = keys,
                                .values = values, .type = type, .heads = of->heads, .kv_heads = of->kv_heads,
                                .head_size = d, .scale = 0.3f, .window = of->window, .positions = positions,
                                .blocks = blocks, .positions_stride = 2, .blocks_stride = per_sequence};
    memcpy(call.q_strides, q_strides, sizeof q_strides);
    memcpy(call.out_strides, out_strides, sizeof out_strides);
    int64_t from = of->window && of->first >= of->window ? (of->first - of->window + 1) / CK_CACHE_PIECE : 0;
    int64_t to = (length - 1) / CK_CACHE_PIECE + 1, partial_size = of->count * of->heads / of->kv_heads * (d + 2);
    float *scratch = floats(ck_cached_attention_scratch(&call, of->count), 1);
    for (int64_t kv = 0; kv < of->kv_heads; kv++)
        ck_cached_attention_tile(&call, 0, of->count, 1, kv, from, to, scratch);
    double tolerance = q_type == CK_BFLOAT16 ? 0x1p-7 : 5e-6;
    all_near("out", out, q_type, out_space, expected, tolerance, 1);

    // Pieces as tasks of their own give the same bits.
    double *whole = widened(out, q_type, out_space);
    for (int64_t kv = 0; kv < of->kv_heads; kv++) {
        float *sums = floats(partial_size, 1), *partial = floats(partial_size, 1);
        for (int64_t piece = from; piece < to; piece++) {
            ck_cached_attention_piece(&call, 0, of->count, 1, kv, piece, piece == from ? sums : partial, scratch);
            if (piece > from) ck_cached_attention_merge(&call, of->count, sums, partial);
        }
        ck_cached_attention_finish(&call, 0, of->count, kv, sums);
    }
    all_near("out by pieces", out, q_type, out_space, whole, 0, 0);
    release();
}

void test_cached_attention(void) {
    const int32_t types[][2] = {{CK_FLOAT32, CK_FLOAT32}, {CK_FLOAT32, CK_BFLOAT16}, {CK_BFLOAT16, CK_BFLOAT16}};
    for (int64_t i = 0; i < COUNT(shapes); i++)
        for (int64_t t = 0; t < COUNT(types); t++) attend(&shapes[i], types[t][0], types[t][1]);
}
