// M N K matrix dims

#include "Panels.h"

// Products of few rows are bound by the memory that the right side is read from: it is read once, in its own order.
// The sums are added up in the order of panels.c, so a row has the same bits here and there.

#if defined(__x86_64__)
enum { DIRECT_ROWS = 8 };

// 16 lines are turned in registers and multiplied from there. `lines` of the 32 are there, each `bytes` long; `next`:
// bytes from here to the lines after these.
#define DIRECT(NAME, ROWS, TARGET, AS, REPEAT, ADD)                                                                    \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const char *x, int64_t stride, int64_t bytes,  \
                                                     int64_t lines, int64_t next, const ck_result *to) {               \
        __m512 sum[2][ROWS];                                                                                           \
        UNROLL for (int i = 0; i < ROWS; i++) sum[0][i] = sum[1][i] = _mm512_setzero_ps();                             \
        int64_t whole = lines == CK_PANEL_COLUMNS ? bytes / 64 * 16 : 0, words = (bytes + 3) / 4;                      \
        for (int64_t p = 0; p < whole; p += 16)                                                                        \
            UNROLL for (int g = 0; g < 2; g++) {                                                                       \
                __m512i r[16];                                                                                         \
                const char *from = x + 16 * g * stride + p * 4;                                                        \
                UNROLL for (int i = 0; i < 16; i++) {                                                                  \
                    r[i] = _mm512_loadu_si512(from + i * stride);                                                      \
                    _mm_prefetch(from + i * stride + next, _MM_HINT_T0);                                               \
                }                                                                                                      \
                ck_transpose(r);                                                                                       \
                UNROLL for (int i = 0; i < 16; i++)                                                                    \
                    UNROLL for (int row = 0; row < ROWS; row++)                                                        \
                        sum[g][row] = ADD(sum[g][row], REPEAT(a[(p + i) * CK_PANEL_ROWS + row]), AS(r[i]));            \
            }                                                                                                          \
        for (int64_t p = whole; p < words; p += 16)                                                                    \
            for (int g = 0; g < 2; g++) {                                                                              \
                __m512i r[16];                                                                                         \
                __mmask32 present = (__mmask32)((1ull << ck_min(32, bytes / 2 - 2 * p)) - 1);                          \
                const char *from = x + 16 * g * stride + p * 4;                                                        \
                UNROLL for (int i = 0; i < 16; i++)                                                                    \
                    r[i] = 16 * g + i < lines ? _mm512_maskz_loadu_epi16(present, from + i * stride)                   \
                                              : _mm512_setzero_si512();                                                \
                ck_transpose(r);                                                                                       \
                UNROLL for (int i = 0; i < 16; i++)                                                                    \
                    if (p + i < words)                                                                                 \
                        UNROLL for (int row = 0; row < ROWS; row++)                                                    \
                            sum[g][row] = ADD(sum[g][row], REPEAT(a[(p + i) * CK_PANEL_ROWS + row]), AS(r[i]));        \
            }                                                                                                          \
        UNROLL for (int i = 0; i < ROWS; i++)                                                                          \
            if (i < to->rows) {                                                                                        \
                ck_store(to, i, 0, sum[0][i]);                                                                         \
                ck_store(to, i, 16, sum[1][i]);                                                                        \
            }                                                                                                          \
    }
#define DIRECTS(ROWS)                                                                                                  \
    DIRECT(pairs_##ROWS, ROWS, AVX512_PAIRS, CK_PAIRS, CK_PAIR, _mm512_dpbf16_ps)                                      \
    DIRECT(floats_##ROWS, ROWS, AVX512, CK_FLOATS, CK_FLOAT, CK_FUSED)
DIRECTS(1)
DIRECTS(2)
DIRECTS(4)
DIRECTS(8)

static void direct(int32_t type, const uint32_t *a, const char *lines, int64_t stride, int64_t bytes,
                   int64_t count, const ck_result *to) {
    typedef void function(const uint32_t *a, const char *x, int64_t stride, int64_t bytes, int64_t lines, int64_t next,
                          const ck_result *to);
    static function *const functions[2][4] = {{floats_1, floats_2, floats_4, floats_8},
                                              {pairs_1, pairs_2, pairs_4, pairs_8}};
    int size = to->rows > 4 ? 3 : to->rows > 2 ? 2 : to->rows > 1;
    functions[type == CK_BFLOAT16][size](a, lines, stride, bytes, count, CK_PANEL_COLUMNS * stride, to);
}
#endif

void ck_few_rows_product(const ck_product *x, const uint32_t *a, const void *b, int64_t stride, int64_t k_stride,
                         int64_t k) {
    int64_t size = x->type == CK_BFLOAT16 ? 2 : 4, per_word = x->type == CK_BFLOAT16 ? 2 : 1;
    int64_t words = (k + per_word - 1) / per_word;
    float sums[CK_FEW_ROWS / CK_PANEL_ROWS + 1][CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    uint32_t panel[CK_FEW_DEPTH * CK_PANEL_COLUMNS];
    for (int64_t j = 0; j * CK_PANEL_COLUMNS < x->n; j++) {
        const char *lines = (const char *)b + j * CK_PANEL_COLUMNS * stride * size;
        int64_t count = ck_min(CK_PANEL_COLUMNS, x->n - j * CK_PANEL_COLUMNS);
#if defined(__x86_64__)
        if (x->m <= DIRECT_ROWS && k_stride == 1 && ck_has_avx512()) {
            ck_result to = ck_part(x, 0, j);
            direct(x->type, a, lines, stride * size, k * size, count, &to);
            continue;
        }
#endif
        for (int64_t p = 0; p < words; p += CK_FEW_DEPTH) {
            int64_t depth = ck_min(CK_FEW_DEPTH, words - p), start = p * per_word;
            ck_pack(panel, CK_PANEL_COLUMNS, lines + start * k_stride * size, x->type, stride, k_stride, count,
                    ck_min(depth * per_word, k - start), 0, depth, CK_PANEL_COLUMNS * stride * size);
            for (int64_t i = 0; i * CK_PANEL_ROWS < x->m; i++) {
                ck_result to = ck_part(x, i, j);
                ck_tile(a + (i * words + p) * CK_PANEL_ROWS, panel, x->type, to.rows, depth, p == 0, sums[i],
                        p + depth == words ? &to : NULL, (const char *)a, 0);
            }
        }
    }
}
