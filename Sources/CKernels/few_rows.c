// M N K matrix dims

#include "Panels.h"

// Products of few rows are bound by the memory that the right side is read from: it is read once, in its own order, and
// what comes next is fetched while a part is multiplied. The sums are added up in the order of panels.c, so a row has
// the same bits here and there.

#if defined(__x86_64__)
// A part of 16 lines is turned into the first-level cache; all rows pass by it. The cache has room for the parts that
// are fetched ahead, and no other keeps them: they are read once.
enum { LINES = 16, PART_WORDS = 64, PARTS_AHEAD = 5, MOST_ROWS = 16 };

/// Words of 16 lines, of which `lines` are there, side by side; zero past the end of a line.
CK_AVX512 void turn(uint32_t *part, const char *x, int64_t stride, int64_t bytes, int64_t lines) {
    for (int64_t p = 0; p * 4 < bytes; p += 16) {
        __m512i r[LINES];
        const char *from = x + p * 4;
        if (lines >= LINES && bytes - p * 4 >= 64) {
            UNROLL for (int i = 0; i < LINES; i++) r[i] = _mm512_loadu_si512(from + i * stride);
        } else {
            __mmask32 present = (__mmask32)((1ull << ck_min(32, bytes / 2 - 2 * p)) - 1);
            UNROLL for (int i = 0; i < LINES; i++)
                r[i] = i < lines ? _mm512_maskz_loadu_epi16(present, from + i * stride) : _mm512_setzero_si512();
        }
        ck_transpose(r);
        UNROLL for (int i = 0; i < LINES; i++) _mm512_store_si512(part + (p + i) * LINES, r[i]);
    }
}

// The sums of ROWS rows start at zero or continue `sums`; they end there, or in c. Rows past the 12th are those of the
// next panel. One line of the part at `ahead` is fetched for each word.
#define ROW(p, i) (i < CK_PANEL_ROWS ? a : next)[(p) * CK_PANEL_ROWS + i % CK_PANEL_ROWS]
#define FEW(NAME, ROWS, TARGET, AS, REPEAT, ADD)                                                                       \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const uint32_t *next, const uint32_t *part,    \
                                                     int64_t depth, int first, float (*sums)[LINES],                   \
                                                     const char *ahead, int64_t stride, const ck_result *to) {         \
        __m512 sum[ROWS];                                                                                              \
        UNROLL for (int i = 0; i < ROWS; i++) sum[i] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(sums[i]);         \
        for (int64_t p = 0; p < depth; p++) {                                                                          \
            _mm_prefetch(ahead + p % LINES * stride + p / LINES * 64, _MM_HINT_NTA);                                   \
            __m512i x = _mm512_load_si512(part + p * LINES);                                                           \
            UNROLL for (int i = 0; i < ROWS; i++) sum[i] = ADD(sum[i], REPEAT(ROW(p, i)), AS(x));                      \
        }                                                                                                              \
        UNROLL for (int i = 0; i < ROWS; i++) {                                                                        \
            if (!to) _mm512_storeu_ps(sums[i], sum[i]);                                                                \
            else if (i < to->rows) ck_store(to, i, 0, sum[i]);                                                         \
        }                                                                                                              \
    }
#define FEWS(ROWS)                                                                                                     \
    FEW(pairs_##ROWS, ROWS, AVX512_PAIRS, CK_PAIRS, CK_PAIR, _mm512_dpbf16_ps)                                         \
    FEW(floats_##ROWS, ROWS, AVX512, CK_FLOATS, CK_FLOAT, CK_FUSED)
FEWS(4)
FEWS(8)
FEWS(12)
FEWS(16)

typedef void few_function(const uint32_t *a, const uint32_t *next, const uint32_t *part, int64_t depth, int first,
                          float (*sums)[LINES], const char *ahead, int64_t stride, const ck_result *to);

/// The product with lines that lie densely, `bytes` long.
__attribute__((target(AVX512))) static void dense_product(const ck_product *x, const uint32_t *a, const char *b,
                                                          int64_t stride, int64_t bytes) {
    static few_function *const functions[2][4] = {{floats_4, floats_8, floats_12, floats_16},
                                                  {pairs_4, pairs_8, pairs_12, pairs_16}};
    _Alignas(64) uint32_t part[PART_WORDS * LINES];
    _Alignas(64) float sums[CK_FEW_ROWS + MOST_ROWS][LINES];
    int64_t words = (bytes + 3) / 4, size = x->c_type == CK_FLOAT32 ? 4 : 2;
    int64_t parts = (words + PART_WORDS - 1) / PART_WORDS;
    for (int64_t line = 0; line < x->n; line += LINES)
        for (int64_t p = 0; p < words; p += PART_WORDS) {
            int64_t depth = ck_min(PART_WORDS, words - p), rows;
            const char *from = b + line * stride + p * 4;
            int64_t later = p / PART_WORDS + PARTS_AHEAD;
            const char *ahead = b + (line + later / parts * LINES) * stride + later % parts * PART_WORDS * 4;
            turn(part, from, stride, ck_min(PART_WORDS * 4, bytes - p * 4), x->n - line);
            for (int64_t row = 0; row < x->m; row += rows) {
                // Up to 16 rows at a time, but only the last ones come from two panels.
                rows = x->m - row <= MOST_ROWS ? x->m - row : CK_PANEL_ROWS;
                ck_result to = {(char *)x->c + (row * x->ldc + line) * size, x->ldc, rows, x->n - line, x->alpha,
                                x->beta, x->c_type};
                const uint32_t *at = a + (row / CK_PANEL_ROWS * words + p) * CK_PANEL_ROWS;
                functions[x->type == CK_BFLOAT16][(rows - 1) / 4](
                    at, at + words * CK_PANEL_ROWS, part, depth, p == 0, sums + row,
                    row == 0 ? ahead : from, row == 0 ? stride : 0, p + depth == words ? &to : NULL);
            }
        }
}
#endif

void ck_few_rows_product(const ck_product *x, const uint32_t *a, const void *b, int64_t stride, int64_t k_stride,
                         int64_t k) {
    int64_t size = x->type == CK_BFLOAT16 ? 2 : 4, per_word = x->type == CK_BFLOAT16 ? 2 : 1;
    int64_t words = (k + per_word - 1) / per_word;
#if defined(__x86_64__)
    if (k_stride == 1 && words > 0 && ck_has_avx512())
        return dense_product(x, a, (const char *)b, stride * size, k * size);
#endif
    float sums[CK_FEW_ROWS / CK_PANEL_ROWS + 1][CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    uint32_t panel[CK_FEW_DEPTH * CK_PANEL_COLUMNS];
    for (int64_t j = 0; j * CK_PANEL_COLUMNS < x->n; j++) {
        const char *lines = (const char *)b + j * CK_PANEL_COLUMNS * stride * size;
        int64_t count = ck_min(CK_PANEL_COLUMNS, x->n - j * CK_PANEL_COLUMNS);
        for (int64_t p = 0; p < words; p += CK_FEW_DEPTH) {
            int64_t depth = ck_min(CK_FEW_DEPTH, words - p), start = p * per_word;
            ck_pack(panel, CK_PANEL_COLUMNS, lines + start * k_stride * size, x->type, stride, k_stride, count,
                    ck_min(depth * per_word, k - start), 0, depth, 0);
            for (int64_t i = 0; i * CK_PANEL_ROWS < x->m; i++) {
                ck_result to = ck_part(x, i, j);
                ck_tile(a + (i * words + p) * CK_PANEL_ROWS, panel, x->type, to.rows, depth, p == 0, sums[i],
                        p + depth == words ? &to : NULL, (const char *)a, 0);
            }
        }
    }
}
