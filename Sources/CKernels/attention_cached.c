// N tokens, H heads, K key/value heads, G = H / K, D head size, S block size, P blocks

#include "Math.h"
#include "Rows.h"

// Keys of a block lie next to each other for each dim and values of a key next to each other, so that scores and
// weighted sums are both long vectors times one number: nothing is added across lanes, and the order of additions of a
// row depends on its own keys alone. Scores of PIECE keys are held at once; pieces are merged by online softmax (Milakov
// and Gimelshein 2018, arXiv 1805.02867).
enum { S = CK_CACHE_BLOCK, PIECE = CK_CACHE_PIECE, LANES = 16, WIDE = S / LANES, ROWS = 4 };

typedef float lanes __attribute__((ext_vector_type(16)));
typedef float loose_lanes __attribute__((ext_vector_type(16), aligned(4)));
typedef uint16_t loose_halves __attribute__((ext_vector_type(16), aligned(2)));
typedef uint32_t words __attribute__((ext_vector_type(16)));

CK_INLINE void load(lanes *to, const void *x, int32_t type, int64_t at) {
    if (type == CK_FLOAT32) {
        *to = *(const loose_lanes *)((const float *)x + at);
    } else {
        loose_halves halves = *(const loose_halves *)((const uint16_t *)x + at);
        *to = (lanes)(__builtin_convertvector(halves, words) << 16);
    }
}

CK_INLINE float load_one(const void *x, int32_t type, int64_t at) {
    return type == CK_FLOAT32 ? ((const float *)x)[at] : ck_from_bf16(((const uint16_t *)x)[at]);
}

/// Asks for the cache lines of elements [at, at + count).
CK_INLINE void fetch(const void *x, int32_t type, int64_t at, int64_t count) {
    int64_t size = type == CK_FLOAT32 ? 4 : 2;
    for (int64_t byte = 0; byte < count * size; byte += 64) __builtin_prefetch((const char *)x + at * size + byte);
}

/// s[r, 0 ..< S] = sum_i q[r, i] k[i, 0 ..< S]. Meanwhile what is read next is fetched: keys of the next block
/// and the first `seen` values of this one.
CK_INLINE void block_scores(const void *k, int32_t type, int64_t at, const float *q, int64_t d, int rows, float *s,
                            int64_t next_at, const void *v, int64_t v_at, int64_t v_stride, int64_t seen) {
#pragma clang fp contract(fast)
    lanes sums[ROWS][WIDE] = {{0}};
    for (int64_t i = 0; i < d; i++) {
        lanes x[WIDE];
        fetch(k, type, next_at + i * S, S);
        if (i < seen) fetch(v, type, v_at + i * v_stride, d);
#pragma clang loop unroll(full)
        for (int w = 0; w < WIDE; w++) load(&x[w], k, type, at + i * S + w * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
            for (int w = 0; w < WIDE; w++) sums[r][w] += (lanes)(q[r * d + i]) * x[w];
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < WIDE; w++) *(loose_lanes *)(s + r * PIECE + w * LANES) = sums[r][w];
}

/// o[r, 0 ..< width * LANES] += sum_j p[r, j] v[j, ...] for j in [first, end)
CK_INLINE void weighted_sums(const void *v, int32_t type, int64_t at, int64_t stride, const float *p, int64_t first,
                             int64_t end, int rows, int width, float *o, int64_t d) {
#pragma clang fp contract(fast)
    lanes sums[ROWS][WIDE];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) sums[r][w] = *(const loose_lanes *)(o + r * d + w * LANES);
    for (int64_t j = first; j < end; j++) {
        lanes x[WIDE];
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) load(&x[w], v, type, at + j * stride + w * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
            for (int w = 0; w < width; w++) sums[r][w] += (lanes)(p[r * PIECE + j]) * x[w];
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) *(loose_lanes *)(o + r * d + w * LANES) = sums[r][w];
}

/// Calls with a constant number of rows, so that sums stay in registers.
#define BY_ROWS(rows, CALL)                                                                                            \
    switch (rows) {                                                                                                    \
    case 1: CALL(1); break;                                                                                            \
    case 2: CALL(2); break;                                                                                            \
    case 3: CALL(3); break;                                                                                            \
    default: CALL(4); break;                                                                                           \
    }

CK_INLINE float largest(const float *s, int64_t first, int64_t end) {
    float top[LANES];
    for (int l = 0; l < LANES; l++) top[l] = -INFINITY;
    int64_t j = first;
    for (; j + LANES <= end; j += LANES)
        for (int l = 0; l < LANES; l++) top[l] = s[j + l] > top[l] ? s[j + l] : top[l];
    for (; j < end; j++) top[0] = s[j] > top[0] ? s[j] : top[0];
    for (int l = 1; l < LANES; l++) top[0] = top[l] > top[0] ? top[l] : top[0];
    return top[0];
}

/// s[j] = exp(s[j] - shift), added up in an order that depends on j alone.
CK_INLINE float exponentials(float *s, int64_t first, int64_t end, float shift) {
    float sums[LANES] = {0};
    CK_VECTORIZE for (int64_t j = first; j < end; j++) s[j] = ck_exp(s[j] - shift);
    int64_t j = first;
    for (; j + LANES <= end; j += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += s[j + l];
    for (; j < end; j++) sums[0] += s[j];
    for (int l = 1; l < LANES; l++) sums[0] += sums[l];
    return sums[0];
}

/// The keys of the piece from `start` on that token n sees, [first, end) relative to `start`.
CK_INLINE void visible(const ck_cached_attention *x, int64_t n, int64_t start, int64_t *first, int64_t *end) {
    int64_t last = x->positions[n * x->positions_stride];
    *first = x->window > 0 ? ck_max(last - x->window + 1 - start, 0) : 0;
    *end = ck_max(ck_min(last + 1 - start, PIECE), 0);
    if (*first >= *end) *first = *end = 0;
}

int64_t ck_cached_attention_scratch(const ck_cached_attention *x, int64_t tokens) {
    int64_t rows = tokens * (x->heads / x->kv_heads);
    return rows * (2 * (x->head_size + 2) + x->head_size + PIECE);
}

#define PARTIAL(rows) ((rows) * (x->head_size + 2))

/// Sums [rows, D], then totals [rows] and largest scores [rows].
CK_INLINE void piece_of(const ck_cached_attention *x, int64_t token, int64_t count, int64_t sequence, int64_t kv,
                        int64_t piece, int32_t type, float *partial, float *scratch) {
#pragma clang fp contract(fast)
    int64_t d = x->head_size, group = x->heads / x->kv_heads, rows = count * group, start = piece * PIECE;
    float *q = scratch, *s = q + rows * d, *o = partial, *total = o + rows * d, *top = total + rows;
    int64_t from = PIECE, to = 0;
    for (int64_t t = 0; t < count; t++) {
        int64_t first, end;
        visible(x, token + t, start, &first, &end);
        if (first < end) from = ck_min(from, first), to = ck_max(to, end);
        for (int64_t g = 0; g < group; g++)
            for (int64_t i = 0; i < d; i++) {
                int64_t at = (token + t) * x->q_strides[0] + (kv * group + g) * x->q_strides[1] + i;
                q[(t * group + g) * d + i] = x->scale * load_one(x->q, x->q_type, at);
            }
    }
    memset(o, 0, (size_t)(rows * d) * sizeof(float));
    const int32_t *table = x->blocks + sequence * x->blocks_stride + start / S;
    int64_t stride = x->kv_heads * d;
    // Whoever shares out the work goes from head to head, then to the sequence before.
    int64_t later = kv + 1 < x->kv_heads ? kv + 1 : 0;
    const int32_t *later_table = later > 0 || sequence == 0 ? table : table - x->blocks_stride;
    for (int64_t b = from / S; b * S < to; b++) {
        int64_t at = (table[b] * x->kv_heads + kv) * d * S, v_at = (int64_t)table[b] * S * stride + kv * d;
        int64_t next_at = (b + 1) * S < to ? (table[b + 1] * x->kv_heads + kv) * d * S
                                           : (later_table[from / S] * x->kv_heads + later) * d * S;
        int64_t seen = ck_min(to - b * S, S);
#define CALL(n)                                                                                                        \
    block_scores(x->keys, type, at, q + r * d, d, n, s + r * PIECE + b * S, next_at, x->values, v_at, stride, seen)
        for (int64_t r = 0; r < rows; r += ROWS) BY_ROWS(rows - r, CALL)
#undef CALL
    }
    for (int64_t r = 0; r < rows; r++) {
        float *p = s + r * PIECE;
        int64_t first, end;
        visible(x, token + r / group, start, &first, &end);
        top[r] = first < end ? largest(p, first, end) : -INFINITY;
        total[r] = exponentials(p, first, end, top[r]);
        // What other rows see has no weight in this one.
        for (int64_t j = from; j < ck_min(first, to); j++) p[j] = 0;
        for (int64_t j = ck_max(end, from); j < to; j++) p[j] = 0;
    }
    for (int64_t b = from / S; b * S < to; b++) {
        int64_t at = (int64_t)table[b] * S * stride + kv * d;
        int64_t first = ck_max(from - b * S, 0), end = ck_min(to - b * S, S);
        for (int64_t r = 0; r < rows; r += ROWS) {
            float *p = s + r * PIECE + b * S;
            int64_t i = 0;
#define CALL(n) weighted_sums(x->values, type, at + i, stride, p, first, end, n, WIDE, o + r * d + i, d)
            for (; i + WIDE * LANES <= d; i += WIDE * LANES) BY_ROWS(rows - r, CALL)
#undef CALL
#define CALL(n) weighted_sums(x->values, type, at + i, stride, p, first, end, n, 1, o + r * d + i, d)
            for (; i + LANES <= d; i += LANES) BY_ROWS(rows - r, CALL)
#undef CALL
            for (; i < d; i++)
                for (int64_t n = r; n < ck_min(r + ROWS, rows); n++)
                    for (int64_t j = first; j < end; j++)
                        o[n * d + i] += s[n * PIECE + b * S + j] * load_one(x->values, type, at + j * stride + i);
        }
    }
}

CK_CLONES __attribute__((min_vector_width(512))) void
ck_cached_attention_piece(const ck_cached_attention *x, int64_t token, int64_t count, int64_t sequence, int64_t kv,
                          int64_t piece, float *partial, float *scratch) {
    if (x->type == CK_BFLOAT16)
        piece_of(x, token, count, sequence, kv, piece, CK_BFLOAT16, partial, scratch);
    else
        piece_of(x, token, count, sequence, kv, piece, CK_FLOAT32, partial, scratch);
}

CK_CLONES void ck_cached_attention_merge(const ck_cached_attention *x, int64_t count, float *sums,
                                         const float *partial) {
#pragma clang fp contract(fast)
    int64_t d = x->head_size, rows = count * (x->heads / x->kv_heads);
    float *total = sums + rows * d, *top = total + rows;
    const float *total_b = partial + rows * d, *top_b = total_b + rows;
    for (int64_t r = 0; r < rows; r++) {
        if (total_b[r] == 0.0f) continue;
        int starts = total[r] == 0.0f;
        float new_top = starts || top_b[r] > top[r] ? top_b[r] : top[r];
        float a = starts ? 0.0f : ck_exp(top[r] - new_top), b = ck_exp(top_b[r] - new_top);
        for (int64_t i = 0; i < d; i++) sums[r * d + i] = sums[r * d + i] * a + partial[r * d + i] * b;
        total[r] = total[r] * a + total_b[r] * b;
        top[r] = new_top;
    }
}

CK_CLONES void ck_cached_attention_finish(const ck_cached_attention *x, int64_t token, int64_t count, int64_t kv,
                                          float *sums) {
    int64_t d = x->head_size, group = x->heads / x->kv_heads, rows = count * group;
    for (int64_t r = 0; r < rows; r++) {
        float inverse = 1.0f / sums[rows * d + r], *row = sums + r * d;
        int64_t at = (token + r / group) * x->out_strides[0] + (kv * group + r % group) * x->out_strides[1];
        float *out = ck_result_row(x->out, x->out_type, at, row);
        for (int64_t i = 0; i < d; i++) out[i] = row[i] * inverse;
        ck_write_row(x->out, x->out_type, at, d, row);
    }
}

void ck_cached_attention_tile(const ck_cached_attention *x, int64_t token, int64_t count, int64_t sequence, int64_t kv,
                              int64_t first_piece, int64_t end_piece, float *scratch) {
    int64_t size = PARTIAL(count * (x->heads / x->kv_heads));
    float *sums = scratch, *partial = sums + size, *rest = partial + size;
    ck_cached_attention_piece(x, token, count, sequence, kv, first_piece, sums, rest);
    for (int64_t piece = first_piece + 1; piece < end_piece; piece++) {
        ck_cached_attention_piece(x, token, count, sequence, kv, piece, partial, rest);
        ck_cached_attention_merge(x, count, sums, partial);
    }
    ck_cached_attention_finish(x, token, count, kv, sums);
}
