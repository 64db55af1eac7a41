// M N K matrix dims

#include "Panels.h"

// Both sides are laid out in panels (pack.c). 12 x 32 sums stay in registers, and each is added up along K one word
// after the other, whatever M, N, the number of threads and the way that the work is cut: a row of the result depends
// on that row and on the right side alone.

enum { PANELS = 8, DEPTH = CK_PANEL_DEPTH };

#if defined(__x86_64__)
int32_t ck_has_bfloat16(void) { return ck_has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// `ahead`: `step` bytes are fetched for each word, so that the next panels of a are near when their turn comes.
// The sums of the first ROWS lines of a panel. They start at zero or continue `sums`; they end there, or in c.
#define TILE(NAME, ROWS, TARGET, VECTOR, AS, REPEAT, ADD)                                                              \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const uint32_t *b, int64_t depth, int first,   \
                                                     float *sums, const ck_result *to, const char *ahead,              \
                                                     int64_t step) {                                                   \
        __m512 sum[ROWS][2];                                                                                           \
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

void ck_panel_product(const ck_product *x, const uint32_t *a, const uint32_t *b, int64_t words,
                      const uint32_t *next) {
    float sums[PANELS * PANELS][CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    // A length of both sides that the caches hold, then the next.
    int64_t columns = (x->n + CK_PANEL_COLUMNS - 1) / CK_PANEL_COLUMNS, step = CK_PANEL_ROWS * 4 / columns;
    for (int64_t p = 0; p < words; p += DEPTH) {
        int64_t depth = ck_min(DEPTH, words - p);
        for (int64_t j = 0; j * CK_PANEL_COLUMNS < x->n; j++)
            for (int64_t i = 0; i * CK_PANEL_ROWS < x->m; i++) {
                ck_result to = ck_part(x, i, j);
                ck_tile(a + (i * words + p) * CK_PANEL_ROWS, b + (j * words + p) * CK_PANEL_COLUMNS, x->type, to.rows,
                     depth, p == 0, sums[j * PANELS + i], p + depth == words ? &to : NULL,
                     (const char *)(next + (i * words + p) * CK_PANEL_ROWS) + j * depth * step, step);
            }
    }
}
