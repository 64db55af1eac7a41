// B batch, T queries, S keys, H heads, K key/value heads, D head size

#include "Attention.h"
#include "Math.h"
#include "Rows.h"

static const float LOG2_E = 1.44269504f, LN_2 = 0.693147181f;

static const ck_attention_kernels *kernels(const ck_tiled_attention *x) {
#if defined(__x86_64__)
    if (x->level == CK_LEVEL_BFLOAT16) return &ck_attention_bfloat16;
    if (x->level == CK_LEVEL_AVX512) return &ck_attention_avx512;
#endif
    (void)x;
    return &ck_attention_plain;
}

// ---- sizes

static int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// D with zeros up to whole vectors.
static int64_t padded(const ck_tiled_attention *x) { return round_up(x->head_size, 16); }

/// Words of D.
static int64_t depth(const ck_tiled_attention *x) {
    int64_t unit = kernels(x)->unit;
    return (x->head_size + unit - 1) / unit;
}

/// Words of n rows laid out as columns, and as rows.
static int64_t columns_size(const ck_tiled_attention *x, int64_t n) { return round_up(depth(x), 16) * n; }
static int64_t rows_size(const ck_tiled_attention *x, int64_t n) { return n / kernels(x)->unit * padded(x); }

int64_t ck_attention_packed_size(const ck_tiled_attention *x) { return columns_size(x, KEYS) + rows_size(x, KEYS); }

int64_t ck_attention_scratch(const ck_tiled_attention *x, int32_t backward) {
    int64_t panels = 3 * ROWS * KEYS + ROWS * padded(x);
    if (!backward) return columns_size(x, QUERIES) + QUERIES * (padded(x) + 16 + 1) + panels;
    int64_t operands = 2 * (columns_size(x, KEYS) + columns_size(x, QUERIES)) + rows_size(x, KEYS)
                       + 2 * rows_size(x, QUERIES);
    return operands + 2 * QUERIES / kernels(x)->unit * KEYS + 2 * QUERIES + panels + padded(x);
}

// ---- what is visible

/// Keys that query t of sequence b sees: [first, end).
static void visible(const ck_tiled_attention *x, int64_t b, int64_t t, int64_t *first, int64_t *end) {
    int64_t last = (x->query_start ? x->query_start[b * x->query_start_stride] : x->keys - x->queries) + t;
    int64_t from = x->window > 0 ? last - x->window + 1 : 0;
    if (x->document_start)
        from = ck_max(from, x->document_start[b * x->document_strides[0] + t * x->document_strides[1]]);
    *first = ck_max(from, 0);
    *end = ck_min(last + 1, x->keys);
    if (*first >= *end) *first = *end = 0;
}

/// Keys [first, end) of each of `rows` queries from t on, none for the rest of the last panel; returns their union.
static void visible_rows(const ck_tiled_attention *x, int64_t b, int64_t t, int64_t rows, int64_t first[QUERIES],
                         int64_t end[QUERIES], int64_t *from, int64_t *to) {
    *from = x->keys;
    *to = 0;
    for (int64_t r = 0; r < QUERIES; r++) {
        first[r] = end[r] = 0;
        if (r < rows) visible(x, b, t + r, first + r, end + r);
        if (first[r] == end[r]) continue;
        *from = ck_min(*from, first[r]);
        *to = ck_max(*to, end[r]);
    }
}

/// Whether one of queries [t0, t1) sees a key of the block from k0 on.
static int sees(const ck_tiled_attention *x, int64_t b, int64_t t0, int64_t t1, int64_t k0) {
    for (int64_t t = t0; t < t1; t++) {
        int64_t first, end;
        visible(x, b, t, &first, &end);
        if (first < k0 + KEYS && end > k0) return 1;
    }
    return 0;
}

/// What a panel of queries sees of the block of keys from k0 on; 0 when nothing.
static int see_block(const int64_t *first, const int64_t *end, int64_t k0, ck_visible *see) {
    see->from = KEYS;
    see->to = 0;
    for (int r = 0; r < ROWS; r++) {
        int32_t from = (int32_t)ck_min(ck_max(first[r] - k0, 0), KEYS), to = (int32_t)ck_min(end[r] - k0, KEYS);
        if (from >= to) from = to = 0;
        see->first[r] = from;
        see->end[r] = to;
        if (from == to) continue;
        see->from = from < see->from ? from : see->from;
        see->to = to > see->to ? to : see->to;
    }
    see->low = see->from / 32 * 32;
    see->high = (see->to + 31) / 32 * 32;
    return see->from < see->to;
}

// ---- rows

#define AT(array, b, t, h)                                                                                             \
    ((const char *)x->array                                                                                            \
     + ((b) * x->array##_strides[0] + (t) * x->array##_strides[1] + (h) * x->array##_strides[2])                       \
           * (x->array##_type == CK_FLOAT32 ? 4 : 2))
#define SUM_AT(array, b, t, h)                                                                                         \
    (x->array + (b) * x->array##_strides[0] + (t) * x->array##_strides[1] + (h) * x->array##_strides[2])
#define LSE(b, t, h) x->lse[(b) * x->lse_strides[0] + (h) * x->lse_strides[1] + (t) * x->lse_strides[2]]

CK_CLONES static void write_row(void *y, int32_t type, const float *sums, float factor, int64_t n) {
    if (type == CK_FLOAT32)
        for (int64_t i = 0; i < n; i++) ((float *)y)[i] = sums[i] * factor;
    else
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = ck_to_bf16(sums[i] * factor);
}

CK_CLONES static void add_rows(float *y, int64_t ldy, const float *sums, int64_t rows, int64_t n) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i++) y[r * ldy + i] += sums[r * n + i];
}

CK_CLONES static float row_dot(const void *a, int32_t a_type, const void *b, int32_t b_type, int64_t n) {
#pragma clang fp reassociate(on) contract(fast)
    float sum = 0, left[256], right[256];
    for (int64_t i = 0; i < n; i += 256) {
        int64_t part = ck_min(256, n - i);
        const float *u = ck_read_row(a, a_type, i, part, left), *v = ck_read_row(b, b_type, i, part, right);
        for (int64_t j = 0; j < part; j++) sum += u[j] * v[j];
    }
    return sum;
}

// ---- forward

void ck_attention_pack(const ck_tiled_attention *x, int64_t b, int64_t kv, int64_t block, uint32_t *packed) {
    const ck_attention_kernels *with = kernels(x);
    // What lies behind the last query's key may be anything.
    int64_t start = x->query_start ? x->query_start[b * x->query_start_stride] : x->keys - x->queries;
    int64_t k0 = block * KEYS, n = ck_min(KEYS, ck_min(x->keys, start + x->queries) - k0);
    if (n <= 0 || (x->window > 0 && k0 + n <= start - x->window + 1)) return;
    with->pack_columns(packed, KEYS, AT(k, b, k0, kv), x->k_type, x->k_strides[1], n, x->head_size);
    with->pack_rows(packed + columns_size(x, KEYS), padded(x), AT(v, b, k0, kv), x->v_type, x->v_strides[1], n,
                    x->head_size);
}

// Online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867; tiled as in FlashAttention-2, Dao 2023, arXiv
// 2307.08691, algorithm 1): the sums so far are rescaled when a larger score appears. Blocks of keys start at multiples
// of their size, so that a query's sums do not depend on which queries are beside it: what only others see adds zeros.
void ck_attention_block(const ck_tiled_attention *x, int64_t b, int64_t h, int64_t block, const uint32_t *packed,
                        uint32_t *scratch) {
    const ck_attention_kernels *with = kernels(x);
    int64_t width = padded(x), t0 = block * QUERIES, rows = ck_min(QUERIES, x->queries - t0);
    uint32_t *q = scratch, *p = q + columns_size(x, QUERIES);
    float *s = (float *)(p + ROWS * KEYS), *sums = s + ROWS * KEYS, *total = sums + QUERIES * width;
    float *top = total + QUERIES * 16, factors[16];
    int64_t first[QUERIES], end[QUERIES], from, to;
    visible_rows(x, b, t0, rows, first, end, &from, &to);
    with->pack_columns(q, QUERIES, AT(q, b, t0, h), x->q_type, x->q_strides[1], rows, x->head_size);
    memset(sums, 0, (size_t)(QUERIES * (width + 16)) * sizeof(float));
    for (int r = 0; r < QUERIES; r++) top[r] = -INFINITY;
    for (int64_t k0 = from / KEYS * KEYS; k0 < to; k0 += KEYS) {
        const uint32_t *k = packed + k0 / KEYS * ck_attention_packed_size(x), *v = k + columns_size(x, KEYS);
        for (int64_t r = 0; r < rows; r += ROWS) {
            ck_visible see;
            if (!see_block(first + r, end + r, k0, &see)) continue;
            with->columns(q + r, QUERIES, k + see.low, KEYS, depth(x), see.high - see.low, 0, s + see.low, KEYS);
            with->softmax(s, &see, x->scale * LOG2_E, top + r, total + r * 16, factors, p);
            int64_t word = see.from / with->unit, words = (see.to + with->unit - 1) / with->unit - word;
            with->rows(p + word, v + word * width, width, words, width, factors, sums + r * width, width);
        }
    }
    for (int64_t r = 0; r < rows; r++) {
        float sum = 0;
        for (int i = 0; i < 16; i++) sum += total[r * 16 + i];
        write_row((char *)AT(out, b, t0 + r, h), x->out_type, sums + r * width, sum != 0.0f ? 1.0f / sum : 0.0f,
                  x->head_size);
        LSE(b, t0 + r, h) = top[r] * LN_2 + ck_log(sum);
    }
}

// ---- backward

// With p = exp(s - lse), delta = sum(dout * out): dv = p^T dout, ds = scale p * (dout v^T - delta), dq = ds k,
// dk = ds^T q (FlashAttention-2, algorithm 2).
typedef struct {
    const uint32_t *k, *v, *k_rows;
    uint32_t *q, *dout, *q_rows, *dout_rows, *p, *ds, *ds_panel;
    float *s, *dp, *edge, *lse, *delta;
} operands;

/// Adds a product to the first `rows` rows of y, by way of `edge` where they are not a whole panel.
#define ADD_PANEL(y, ldy, rows, PRODUCT)                                                                               \
    {                                                                                                                  \
        int whole = (rows) >= ROWS;                                                                                    \
        float *c = whole ? (y) : at->edge;                                                                             \
        int64_t ldc = whole ? (ldy) : width;                                                                           \
        if (!whole) memset(c, 0, (size_t)(ROWS * width) * sizeof(float));                                              \
        PRODUCT;                                                                                                       \
        if (!whole) add_rows(y, ldy, c, rows, width);                                                                  \
    }

static void prefetch(const void *row, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)row + i, 0, 2);
}

/// Calls for what the next queries bring while these are computed: a row lies far from its neighbours, so the CPU does
/// not see them coming.
static void prefetch_panel(const ck_tiled_attention *x, int64_t b, int64_t h, int64_t t0) {
    for (int64_t t = t0; t < ck_min(t0 + ROWS, x->queries); t++) {
        prefetch(AT(q, b, t, h), x->head_size * (x->q_type == CK_FLOAT32 ? 4 : 2));
        prefetch(AT(out, b, t, h), x->head_size * (x->out_type == CK_FLOAT32 ? 4 : 2));
        prefetch(AT(dout, b, t, h), x->head_size * (x->dout_type == CK_FLOAT32 ? 4 : 2));
        prefetch(SUM_AT(dq, b, t, h), x->head_size * 4);
    }
}

/// Queries [t0, t0 + QUERIES) of head h against the keys from k0 on; those of head `next_h` from `next` on follow.
static void backward_rows(const ck_tiled_attention *x, const ck_attention_kernels *with, const operands *at, int64_t b,
                          int64_t kv, int64_t h, int64_t k0, int64_t t0, int64_t next_h, int64_t next) {
    int64_t width = padded(x), unit = with->unit, rows = ck_min(QUERIES, x->queries - t0);
    int64_t first[QUERIES], end[QUERIES], from, to;
    visible_rows(x, b, t0, rows, first, end, &from, &to);
    if (to <= k0 || from >= k0 + KEYS) return;
    with->pack_columns(at->q, QUERIES, AT(q, b, t0, h), x->q_type, x->q_strides[1], rows, x->head_size);
    with->pack_columns(at->dout, QUERIES, AT(dout, b, t0, h), x->dout_type, x->dout_strides[1], rows, x->head_size);
    with->pack_rows(at->q_rows, width, AT(q, b, t0, h), x->q_type, x->q_strides[1], rows, x->head_size);
    with->pack_rows(at->dout_rows, width, AT(dout, b, t0, h), x->dout_type, x->dout_strides[1], rows, x->head_size);
    for (int64_t r = 0; r < QUERIES; r++) {
        int64_t t = t0 + r;
        at->lse[r] = r < rows ? LSE(b, t, h) * LOG2_E : 0;
        at->delta[r] = r < rows ? row_dot(AT(out, b, t, h), x->out_type, AT(dout, b, t, h), x->dout_type, x->head_size)
                                : 0;
    }
    static const float ones[ROWS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    ck_visible seen[QUERIES / ROWS];
    for (int64_t r = 0; r < QUERIES; r += ROWS) {
        prefetch_panel(x, b, next_h, next + r);
        ck_visible *see = seen + r / ROWS;
        if (!see_block(first + r, end + r, k0, see)) continue;
        int64_t low = see->low, n = see->high - low;
        with->columns(at->q + r, QUERIES, at->k + low, KEYS, depth(x), n, 0, at->s + low, KEYS);
        with->columns(at->dout + r, QUERIES, at->v + low, KEYS, depth(x), n, 0, at->dp + low, KEYS);
        uint32_t *ds = at->ds + r / unit * KEYS, *ds_rows = unit == 1 ? ds : at->ds_panel;
        with->gradient(at->s, at->dp, see, x->scale * LOG2_E, x->scale, at->lse + r, at->delta + r,
                       at->p + r / unit * KEYS, ds, ds_rows);
        int64_t word = see->from / unit, words = (see->to + unit - 1) / unit - word;
        ADD_PANEL(SUM_AT(dq, b, t0 + r, h), x->dq_strides[1], rows - r,
                  with->rows(ds_rows + word, at->k_rows + word * width, width, words, width, ones, c, ldc))
    }
    // Each panel of keys with the runs of panels of queries that see some of it.
    for (int64_t k = 0; k < KEYS && k0 + k < x->keys; k += ROWS)
        for (int64_t r = 0; r < QUERIES; r += ROWS) {
            int64_t start = r;
            for (; r < QUERIES && seen[r / ROWS].from < k + ROWS && seen[r / ROWS].to > k; r += ROWS) continue;
            if (r == start) continue;
            int64_t word = start / unit, words = (r - start) / unit;
            ADD_PANEL(SUM_AT(dv, b, k0 + k, kv), x->dv_strides[1], x->keys - k0 - k,
                      with->columns(at->p + word * KEYS + k, KEYS, at->dout_rows + word * width, width, words, width, 1,
                                    c, ldc))
            ADD_PANEL(SUM_AT(dk, b, k0 + k, kv), x->dk_strides[1], x->keys - k0 - k,
                      with->columns(at->ds + word * KEYS + k, KEYS, at->q_rows + word * width, width, words, width, 1,
                                    c, ldc))
        }
}

void ck_attention_backward(const ck_tiled_attention *x, int64_t b, int64_t kv, int64_t key_block, int64_t query_block,
                           uint32_t *scratch) {
    const ck_attention_kernels *with = kernels(x);
    int64_t width = padded(x), group = x->heads / x->kv_heads, k0 = key_block * KEYS;
    int64_t n = ck_min(KEYS, x->keys - k0), t0 = query_block * KEYS, t1 = ck_min(t0 + KEYS, x->queries);
    if (!sees(x, b, t0, t1, k0)) return;
    uint32_t *k = scratch, *v = k + columns_size(x, KEYS), *k_rows = v + columns_size(x, KEYS);
    operands at = {.k = k, .v = v, .k_rows = k_rows};
    at.q = k_rows + rows_size(x, KEYS);
    at.dout = at.q + columns_size(x, QUERIES);
    at.q_rows = at.dout + columns_size(x, QUERIES);
    at.dout_rows = at.q_rows + rows_size(x, QUERIES);
    at.p = at.dout_rows + rows_size(x, QUERIES);
    at.ds = at.p + QUERIES / with->unit * KEYS;
    at.ds_panel = at.ds + QUERIES / with->unit * KEYS;
    at.s = (float *)(at.ds_panel + ROWS * KEYS);
    at.dp = at.s + ROWS * KEYS;
    at.edge = at.dp + ROWS * KEYS;
    at.lse = at.edge + ROWS * width;
    at.delta = at.lse + QUERIES;
    with->pack_columns(k, KEYS, AT(k, b, k0, kv), x->k_type, x->k_strides[1], n, x->head_size);
    with->pack_columns(v, KEYS, AT(v, b, k0, kv), x->v_type, x->v_strides[1], n, x->head_size);
    with->pack_rows(k_rows, width, AT(k, b, k0, kv), x->k_type, x->k_strides[1], n, x->head_size);
    for (int64_t h = kv * group; h < (kv + 1) * group; h++)
        for (int64_t t = t0; t < t1; t += QUERIES) {
            int last = t + QUERIES >= t1, none = last && h + 1 == (kv + 1) * group;
            backward_rows(x, with, &at, b, kv, h, k0, t, last ? h + 1 : h, none ? x->queries : last ? t0 : t + QUERIES);
        }
}
