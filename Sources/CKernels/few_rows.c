// M N K matrix dims

#include "Panels.h"

// Products of few rows are bound by the memory that the right side is read from: it is read once, in its own order, and
// what comes next is fetched while a part is multiplied. The sums are added up in the order of panels.c, so a row has
// the same bits here and there.

#if defined(__x86_64__)
// Words of 16 lines are turned, so that a line is a lane; all rows pass by them. What is fetched ahead is as far away as
// the first-level cache has room for, and it is asked for in the order of memory, which is read fastest that way.
enum { LINES = 16, PART_WORDS = 64, DIRECT_ROWS = 4, MOST_ROWS = 16 };

/// Turns 16 words of LINES lines and fetches as many bytes from `ahead` on, one line at each read: more at once than the
/// core can keep track of would be dropped.
CK_AVX512 void turn_words(__m512i r[LINES], const char *x, int64_t stride, const char *ahead) {
    UNROLL for (int i = 0; i < LINES; i++) {
        r[i] = _mm512_loadu_si512(x + i * stride);
        _mm_prefetch(ahead + i * 64, _MM_HINT_T0);
        __asm__ volatile("" ::: "memory");
    }
    ck_transpose(r);
}

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

// Up to ROWS rows of one panel: words go from the lines to the sums without a stop.
#define DIRECT(NAME, ROWS, TARGET, AS, REPEAT, ADD)                                                                    \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const char *x, int64_t stride, int64_t bytes,  \
                                                     const ck_result *to) {                                            \
        __m512 sum[ROWS];                                                                                              \
        UNROLL for (int i = 0; i < ROWS; i++) sum[i] = _mm512_setzero_ps();                                            \
        int64_t words = (bytes + 3) / 4, p = 0;                                                                        \
        for (; to->columns >= LINES && p * 4 + 64 <= bytes; p += LINES) {                                              \
            __m512i r[LINES];                                                                                          \
            turn_words(r, x + p * 4, stride, x + LINES * stride + p * 64);                                             \
            UNROLL for (int w = 0; w < LINES; w++)                                                                     \
                UNROLL for (int i = 0; i < ROWS; i++)                                                                  \
                    sum[i] = ADD(sum[i], REPEAT(a[(p + w) * CK_PANEL_ROWS + i]), AS(r[w]));                            \
        }                                                                                                              \
        while (p < words) {                                                                                            \
            _Alignas(64) uint32_t part[LINES * LINES];                                                                 \
            int64_t end = ck_min(p + LINES, words);                                                                    \
            turn(part, x + p * 4, stride, ck_min(64, bytes - p * 4), to->columns);                                     \
            for (const uint32_t *at = part; p < end; p++, at += LINES)                                                 \
                UNROLL for (int i = 0; i < ROWS; i++)                                                                  \
                    sum[i] = ADD(sum[i], REPEAT(a[p * CK_PANEL_ROWS + i]), AS(_mm512_load_si512(at)));                 \
        }                                                                                                              \
        UNROLL for (int i = 0; i < ROWS; i++)                                                                          \
            if (i < to->rows) ck_store(to, i, 0, sum[i]);                                                              \
    }
#define DIRECTS(ROWS)                                                                                                  \
    DIRECT(direct_pairs_##ROWS, ROWS, AVX512_PAIRS, CK_PAIRS, CK_PAIR, _mm512_dpbf16_ps)                               \
    DIRECT(direct_floats_##ROWS, ROWS, AVX512, CK_FLOATS, CK_FLOAT, CK_FUSED)
DIRECTS(1)
DIRECTS(4)

// The sums of ROWS rows start at zero or continue `sums`; they end there, or in c. Rows past the 12th are those of the
// next panel. `step` bytes further on than the last, 64 bytes from `ahead` on are fetched for each word.
#define ROW(p, i) (i < CK_PANEL_ROWS ? a : next)[(p) * CK_PANEL_ROWS + i % CK_PANEL_ROWS]
#define FEW(NAME, ROWS, TARGET, AS, REPEAT, ADD)                                                                       \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const uint32_t *next, const uint32_t *part,    \
                                                     int64_t depth, int first, float (*sums)[LINES],                   \
                                                     const char *ahead, int64_t step, const ck_result *to) {           \
        __m512 sum[ROWS];                                                                                              \
        UNROLL for (int i = 0; i < ROWS; i++) sum[i] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(sums[i]);         \
        for (int64_t p = 0; p < depth; p++) {                                                                          \
            _mm_prefetch(ahead + p * step, _MM_HINT_T0);                                                               \
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

typedef void direct_function(const uint32_t *a, const char *x, int64_t stride, int64_t bytes, const ck_result *to);
typedef void few_function(const uint32_t *a, const uint32_t *next, const uint32_t *part, int64_t depth, int first,
                          float (*sums)[LINES], const char *ahead, int64_t step, const ck_result *to);

/// What the rows from `row` on write for lines from `line` on.
CK_INLINE ck_result few_result(const ck_product *x, int64_t row, int64_t rows, int64_t line) {
    int64_t size = x->c_type == CK_FLOAT32 ? 4 : 2;
    return (ck_result){(char *)x->c + (row * x->ldc + line) * size, x->ldc,  rows,     x->n - line, x->alpha,
                       x->beta, x->c_type};
}

/// The product with 16 lines that lie densely, `bytes` long, by parts of them in the first-level cache.
__attribute__((target(AVX512))) static void product_by_parts(const ck_product *x, const uint32_t *a, const char *b,
                                                             int64_t stride, int64_t bytes, int64_t line) {
    static few_function *const functions[2][4] = {{floats_4, floats_8, floats_12, floats_16},
                                                  {pairs_4, pairs_8, pairs_12, pairs_16}};
    _Alignas(64) uint32_t part[PART_WORDS * LINES];
    _Alignas(64) float sums[CK_FEW_ROWS + MOST_ROWS][LINES];
    int64_t words = (bytes + 3) / 4;
    for (int64_t p = 0; p < words; p += PART_WORDS) {
        int64_t depth = ck_min(PART_WORDS, words - p), rows;
        turn(part, b + p * 4, stride, ck_min(PART_WORDS * 4, bytes - p * 4), x->n - line);
        for (int64_t row = 0; row < x->m; row += rows) {
            // Up to 16 rows at a time, but only the last ones come from two panels.
            rows = x->m - row <= MOST_ROWS ? x->m - row : CK_PANEL_ROWS;
            ck_result to = few_result(x, row, rows, line);
            const uint32_t *at = a + (row / CK_PANEL_ROWS * words + p) * CK_PANEL_ROWS;
            functions[x->type == CK_BFLOAT16][(rows - 1) / 4](
                at, at + words * CK_PANEL_ROWS, part, depth, p == 0, sums + row, b + LINES * stride + p * 64,
                row == 0 ? 64 : 0, p + depth == words ? &to : NULL);
        }
    }
}

/// The product with lines that lie densely, `bytes` long.
static void dense_product(const ck_product *x, const uint32_t *a, const char *b, int64_t stride, int64_t bytes) {
    static direct_function *const functions[2][2] = {{direct_floats_1, direct_floats_4},
                                                     {direct_pairs_1, direct_pairs_4}};
    for (int64_t line = 0; line < x->n; line += LINES) {
        if (x->m > DIRECT_ROWS) {
            product_by_parts(x, a, b + line * stride, stride, bytes, line);
        } else {
            ck_result to = few_result(x, 0, x->m, line);
            functions[x->type == CK_BFLOAT16][x->m > 1](a, b + line * stride, stride, bytes, &to);
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
