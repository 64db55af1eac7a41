// M N K matrix dims

#include "Panels.h"

// Both sides are laid out in panels (pack.c): b beforehand, a on the way. 12 x 32 sums stay in registers, and each is
// added up along K one word after the other, whatever M, N, the number of threads and the way that the work is cut: a
// row of the result depends on that row and on the right side alone.

// Words of a that the second-level cache holds beside what passes; tiles of short products are more of them.
enum { DEPTH = CK_PANEL_DEPTH, LEFT_WORDS = 8 * CK_PANEL_ROWS * DEPTH, PANELS = 16 };

#if defined(__x86_64__)
int32_t ck_has_bfloat16(void) { return ck_has_avx512() && __builtin_cpu_supports("avx512bf16"); }

/// The rows of c that are written in the end: while there is something else to do.
CK_INLINE void fetch_result(const ck_result *to, int64_t rows) {
    int64_t size = to->type == CK_FLOAT32 ? 4 : 2;
    for (int64_t i = 0; i < ck_min(rows, to->rows); i++) {
        const char *row = (const char *)to->c + i * to->ldc * size;
        for (int64_t byte = 0; byte < to->columns * size; byte += 63) __builtin_prefetch(row + byte, 1);
    }
}

// `ahead`: `step` bytes are fetched for each word, so that the next panel of b is near when its turn comes.
// The sums of the first ROWS lines of a panel. They start at zero or continue `sums`; they end there, or in c.
#define TILE(NAME, ROWS, TARGET, VECTOR, AS, REPEAT, ADD)                                                              \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const uint32_t *b, int64_t depth, int first,   \
                                                     float *sums, const ck_result *to, const char *ahead,              \
                                                     int64_t step) {                                                   \
        __m512 sum[ROWS][2];                                                                                           \
        if (to) fetch_result(to, ROWS);                                                                                \
        UNROLL for (int i = 0; i < ROWS; i++) {                                                                        \
            float *at = sums + i * CK_PANEL_COLUMNS;                                                                   \
            sum[i][0] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(at);                                             \
            sum[i][1] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(at + 16);                                        \
        }                                                                                                              \
        for (int64_t p = 0; p < depth; p++) {                                                                          \
            _mm_prefetch(ahead + p * step, _MM_HINT_T1);                                                               \
            VECTOR b0 = AS(_mm512_loadu_si512(b + p * CK_PANEL_COLUMNS));                                              \
            VECTOR b1 = AS(_mm512_loadu_si512(b + p * CK_PANEL_COLUMNS + 16));                                         \
            UNROLL for (int i = 0; i < ROWS; i++) {                                                                    \
                VECTOR x = REPEAT(a[p * CK_PANEL_ROWS + i]);                                                           \
                sum[i][0] = ADD(sum[i][0], x, b0);                                                                     \
                sum[i][1] = ADD(sum[i][1], x, b1);                                                                     \
            }                                                                                                          \
        }                                                                                                              \
        if (!to) {                                                                                                     \
            UNROLL for (int i = 0; i < ROWS; i++) {                                                                    \
                _mm512_storeu_ps(sums + i * CK_PANEL_COLUMNS, sum[i][0]);                                              \
                _mm512_storeu_ps(sums + i * CK_PANEL_COLUMNS + 16, sum[i][1]);                                         \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        UNROLL for (int i = 0; i < ROWS; i++)                                                                          \
            if (i < to->rows) {                                                                                        \
                ck_store(to, i, 0, sum[i][0]);                                                                         \
                ck_store(to, i, 16, sum[i][1]);                                                                        \
            }                                                                                                          \
    }

#define TILES(ROWS)                                                                                                    \
    TILE(pairs_##ROWS, ROWS, AVX512_PAIRS, __m512bh, CK_PAIRS, CK_PAIR, _mm512_dpbf16_ps)                              \
    TILE(floats_##ROWS, ROWS, AVX512, __m512, CK_FLOATS, CK_FLOAT, CK_FUSED)
TILES(1)
TILES(2)
TILES(4)
TILES(8)
TILES(12)

typedef void tile_function(const uint32_t *a, const uint32_t *b, int64_t depth, int first, float *sums,
                           const ck_result *to, const char *ahead, int64_t step);

void ck_tile(const uint32_t *a, const uint32_t *b, int32_t type, int64_t rows, int64_t depth, int first,
                 float *sums, const ck_result *to, const char *ahead, int64_t step) {
    static tile_function *const functions[2][5] = {{floats_1, floats_2, floats_4, floats_8, floats_12},
                                                   {pairs_1, pairs_2, pairs_4, pairs_8, pairs_12}};
    int size = rows > 8 ? 4 : rows > 4 ? 3 : rows > 2 ? 2 : rows > 1;
    functions[type == CK_BFLOAT16][size](a, b, depth, first, sums, to, ahead, step);
}
#else
int32_t ck_has_bfloat16(void) { return 0; }

void ck_tile(const uint32_t *a, const uint32_t *b, int32_t type, int64_t rows, int64_t depth, int first,
                 float *sums, const ck_result *to, const char *ahead, int64_t step) {
    (void)ahead, (void)step;
    if (first) memset(sums, 0, CK_PANEL_ROWS * CK_PANEL_COLUMNS * sizeof(float));
    for (int64_t p = 0; p < depth; p++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < CK_PANEL_COLUMNS; j++) {
                uint32_t x = a[p * CK_PANEL_ROWS + i], y = b[p * CK_PANEL_COLUMNS + j];
                sums[i * CK_PANEL_COLUMNS + j] +=
                    type == CK_FLOAT32 ? ck_float(x) * ck_float(y)
                                       : ck_float(x << 16) * ck_float(y << 16)
                                             + ck_float(x & 0xffff0000u) * ck_float(y & 0xffff0000u);
            }
    if (!to) return;
    for (int64_t i = 0; i < ck_min(rows, to->rows); i++)
        for (int64_t j = 0; j < ck_min(CK_PANEL_COLUMNS, to->columns); j++) {
            float value = to->alpha * sums[i * CK_PANEL_COLUMNS + j];
            int64_t at = i * to->ldc + j;
            if (to->type == CK_FLOAT32) {
                float *c = (float *)to->c + at;
                *c = value + (to->beta == 0.0f ? 0.0f : to->beta * *c);
            } else {
                uint16_t *c = (uint16_t *)to->c + at;
                *c = ck_to_bf16(value + (to->beta == 0.0f ? 0.0f : to->beta * ck_from_bf16(*c)));
            }
        }
}
#endif

/// Fetches share number `share` of `shares` of words [start, end) of lines, before they are packed.
static void fetch_lines(const ck_lines *x, int32_t type, int64_t start, int64_t end, int64_t share, int64_t shares) {
    if (x->count == 0) return;
    int64_t size = type == CK_BFLOAT16 ? 2 : 4, per_word = 4 / size, first = start * per_word;
    int64_t length = ck_min(end * per_word, x->k) - first;
    // Memory is dense along lines or across them.
    int across = x->stride == 1 && x->k_stride != 1;
    int64_t runs = across ? length : x->count, bytes = (across ? x->count : length) * size;
    int64_t stride = (across ? x->k_stride : x->stride) * size;
    const char *from = (const char *)x->x + first * x->k_stride * size;
    for (int64_t run = share * runs / shares; run < (share + 1) * runs / shares; run++) {
        const char *at = from + run * stride, *end_of_run = at + bytes;
        for (at -= (uintptr_t)at % 64; at < end_of_run; at += 64) __builtin_prefetch(at, 0, 2);
    }
}

int64_t ck_panel_lines(int64_t words) {
    return CK_PANEL_ROWS * ck_min(PANELS, LEFT_WORDS / (CK_PANEL_ROWS * ck_max(1, ck_min(words, DEPTH))));
}

int64_t ck_panel_scratch(int64_t n, int64_t words) {
    int64_t columns = (n + CK_PANEL_COLUMNS - 1) / CK_PANEL_COLUMNS * CK_PANEL_COLUMNS;
    return LEFT_WORDS + (words > DEPTH ? ck_panel_lines(words) * columns : CK_PANEL_ROWS * CK_PANEL_COLUMNS);
}

void ck_panel_product(const ck_product *x, const ck_lines *a, const uint32_t *b, uint32_t *scratch,
                      const ck_lines *next) {
    int64_t size = x->type == CK_BFLOAT16 ? 2 : 4, per_word = 4 / size, words = (a->k + per_word - 1) / per_word;
    int64_t rows = (x->m + CK_PANEL_ROWS - 1) / CK_PANEL_ROWS;
    int64_t columns = (x->n + CK_PANEL_COLUMNS - 1) / CK_PANEL_COLUMNS, tiles = rows * columns;
    int64_t step = rows == 0 ? 0 : CK_PANEL_COLUMNS * 4 / rows, tile_size = CK_PANEL_ROWS * CK_PANEL_COLUMNS;
    float *sums = (float *)(scratch + LEFT_WORDS);
    // A length of a is packed into the second-level cache, where it meets that length of all of b, then the next.
    for (int64_t p = 0; p < words; p += DEPTH) {
        int64_t depth = ck_min(DEPTH, words - p), after = p + depth;
        const char *lines = (const char *)a->x + p * per_word * a->k_stride * size;
        ck_pack(scratch, CK_PANEL_ROWS, lines, x->type, a->stride, a->k_stride, a->count,
                ck_min(a->k - p * per_word, depth * per_word), 0, depth, 0);
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t i = tile % rows, j = tile / rows;
            if (after < words) fetch_lines(a, x->type, after, ck_min(after + DEPTH, words), tile, tiles);
            else fetch_lines(next, x->type, 0, ck_min(DEPTH, words), tile, tiles);
            const uint32_t *panel = b + (j * words + p) * CK_PANEL_COLUMNS;
            const uint32_t *ahead = j + 1 < columns ? panel + words * CK_PANEL_COLUMNS
                                    : after < words ? b + after * CK_PANEL_COLUMNS
                                                    : b;
            float *sum = sums + (words > DEPTH ? tile : 0) * tile_size;
            if (p > 0)
                for (int64_t at = 0; at < tile_size; at += 16) __builtin_prefetch(sum + tile_size + at);
            ck_result to = ck_part(x, i, j);
            ck_tile(scratch + i * depth * CK_PANEL_ROWS, panel, x->type, to.rows, depth, p == 0, sum,
                    after == words ? &to : NULL, (const char *)ahead + i * depth * step, step);
        }
    }
}
