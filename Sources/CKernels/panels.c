// M N K matrix dims

#include "Kernel.h"

// Both sides are laid out in panels (pack.c). 12 x 32 sums stay in registers, and each is added up along K one word
// after the other, whatever M, N, the number of threads and the way that the work is cut: a row of the result depends
// on that row and on the right side alone.

enum { PANELS = 8, DEPTH = CK_PANEL_DEPTH };

/// What a tile does when it has reached the end of K: c = alpha sums + beta c for its first rows and columns.
typedef struct {
    void *c;
    int64_t ldc, rows, columns;
    float alpha, beta;
    int32_t type;
} result;

#if defined(__x86_64__)
#include <immintrin.h>

int32_t ck_has_bfloat16(void) { return ck_has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// `ahead`: `step` bytes are fetched for each word, so that the next panels of a are near when their turn comes.
#define BASE "avx512f,avx512bw,avx512vl,avx512dq"
#define UNROLL _Pragma("clang loop unroll(full)")

/// To nearest, ties to even; NaN stays NaN: as ck_to_bf16.
__attribute__((target(BASE), always_inline)) static inline __m256i to_bf16(__m512 x) {
    __m512i u = _mm512_castps_si512(x), high = _mm512_srli_epi32(u, 16);
    __m512i even = _mm512_and_si512(high, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, even), _mm512_set1_epi32(0x7fff)), 16);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40)));
}

__attribute__((target(BASE), always_inline)) static inline void store(const result *to, int64_t row, int64_t column,
                                                                      __m512 sum) {
    int64_t left = ck_max(ck_min(16, to->columns - column), 0);
    __mmask16 mask = (__mmask16)((1u << left) - 1);
    __m512 value = _mm512_mul_ps(_mm512_set1_ps(to->alpha), sum), beta = _mm512_set1_ps(to->beta);
    if (to->type == CK_FLOAT32) {
        float *at = (float *)to->c + row * to->ldc + column;
        if (to->beta != 0.0f) value = _mm512_fmadd_ps(beta, _mm512_maskz_loadu_ps(mask, at), value);
        _mm512_mask_storeu_ps(at, mask, value);
    } else {
        uint16_t *at = (uint16_t *)to->c + row * to->ldc + column;
        if (to->beta != 0.0f) {
            __m512i old = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, at));
            value = _mm512_fmadd_ps(beta, _mm512_castsi512_ps(_mm512_slli_epi32(old, 16)), value);
        }
        _mm256_mask_storeu_epi16(at, mask, to_bf16(value));
    }
}

// The sums of the first ROWS lines of a panel. They start at zero or continue `sums`; they end there, or in c.
#define TILE(NAME, ROWS, TARGET, VECTOR, LOAD, REPEAT, ADD)                                                            \
    __attribute__((target(TARGET))) static void NAME(const uint32_t *a, const uint32_t *b, int64_t depth, int first,   \
                                                     float *sums, const result *to, const char *ahead,                 \
                                                     int64_t step) {                                                   \
        __m512 sum[ROWS][2];                                                                                           \
        UNROLL for (int i = 0; i < ROWS; i++) {                                                                        \
            float *at = sums + i * CK_PANEL_COLUMNS;                                                                   \
            sum[i][0] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(at);                                             \
            sum[i][1] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(at + 16);                                        \
        }                                                                                                              \
        for (int64_t p = 0; p < depth; p++) {                                                                          \
            _mm_prefetch(ahead + p * step, _MM_HINT_T1);                                                               \
            VECTOR b0 = LOAD(b + p * CK_PANEL_COLUMNS), b1 = LOAD(b + p * CK_PANEL_COLUMNS + 16);                      \
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
                store(to, i, 0, sum[i][0]);                                                                            \
                store(to, i, 16, sum[i][1]);                                                                           \
            }                                                                                                          \
    }

#define LOAD_PAIRS(x) (__m512bh) _mm512_loadu_si512(x)
#define REPEAT_PAIR(x) (__m512bh) _mm512_set1_epi32((int32_t)(x))
#define LOAD_FLOATS(x) _mm512_castsi512_ps(_mm512_loadu_si512(x))
#define REPEAT_FLOAT(x) _mm512_castsi512_ps(_mm512_set1_epi32((int32_t)(x)))
#define MULTIPLY_ADD(sum, x, y) _mm512_fmadd_ps(x, y, sum)
#define TILES(ROWS)                                                                                                    \
    TILE(pairs_##ROWS, ROWS, BASE ",avx512bf16", __m512bh, LOAD_PAIRS, REPEAT_PAIR, _mm512_dpbf16_ps)                  \
    TILE(floats_##ROWS, ROWS, BASE, __m512, LOAD_FLOATS, REPEAT_FLOAT, MULTIPLY_ADD)
TILES(1)
TILES(2)
TILES(4)
TILES(8)
TILES(12)

typedef void tile_function(const uint32_t *a, const uint32_t *b, int64_t depth, int first, float *sums,
                           const result *to, const char *ahead, int64_t step);

static void tile(const uint32_t *a, const uint32_t *b, int32_t type, int64_t rows, int64_t depth, int first,
                 float *sums, const result *to, const char *ahead, int64_t step) {
    static tile_function *const functions[2][5] = {{floats_1, floats_2, floats_4, floats_8, floats_12},
                                                   {pairs_1, pairs_2, pairs_4, pairs_8, pairs_12}};
    int size = rows > 8 ? 4 : rows > 4 ? 3 : rows > 2 ? 2 : rows > 1;
    functions[type == CK_BFLOAT16][size](a, b, depth, first, sums, to, ahead, step);
}
#else
int32_t ck_has_bfloat16(void) { return 0; }

static void tile(const uint32_t *a, const uint32_t *b, int32_t type, int64_t rows, int64_t depth, int first,
                 float *sums, const result *to, const char *ahead, int64_t step) {
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

/// The part of c that tile (i, j) writes.
static result part(const ck_product *x, int64_t i, int64_t j) {
    int64_t row = i * CK_PANEL_ROWS, column = j * CK_PANEL_COLUMNS, size = x->c_type == CK_FLOAT32 ? 4 : 2;
    return (result){(char *)x->c + (row * x->ldc + column) * size,
                    x->ldc,
                    ck_min(CK_PANEL_ROWS, x->m - row),
                    ck_min(CK_PANEL_COLUMNS, x->n - column),
                    x->alpha,
                    x->beta,
                    x->c_type};
}

void ck_panel_product(const ck_product *x, const uint32_t *a, const uint32_t *b, int64_t words,
                      const uint32_t *next) {
    float sums[PANELS * PANELS][CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    // A length of both sides that the caches hold, then the next.
    int64_t columns = (x->n + CK_PANEL_COLUMNS - 1) / CK_PANEL_COLUMNS, step = CK_PANEL_ROWS * 4 / columns;
    for (int64_t p = 0; p < words; p += DEPTH) {
        int64_t depth = ck_min(DEPTH, words - p);
        for (int64_t j = 0; j * CK_PANEL_COLUMNS < x->n; j++)
            for (int64_t i = 0; i * CK_PANEL_ROWS < x->m; i++) {
                result to = part(x, i, j);
                tile(a + (i * words + p) * CK_PANEL_ROWS, b + (j * words + p) * CK_PANEL_COLUMNS, x->type, to.rows,
                     depth, p == 0, sums[j * PANELS + i], p + depth == words ? &to : NULL,
                     (const char *)(next + (i * words + p) * CK_PANEL_ROWS) + j * depth * step, step);
            }
    }
}

void ck_few_rows_product(const ck_product *x, const uint32_t *a, const void *b, int64_t stride, int64_t k_stride,
                         int64_t k) {
    int64_t size = x->type == CK_BFLOAT16 ? 2 : 4, per_word = x->type == CK_BFLOAT16 ? 2 : 1;
    int64_t words = (k + per_word - 1) / per_word;
    float sums[CK_FEW_ROWS / CK_PANEL_ROWS + 1][CK_PANEL_ROWS * CK_PANEL_COLUMNS];
    uint32_t panel[CK_FEW_DEPTH * CK_PANEL_COLUMNS];
    for (int64_t j = 0; j * CK_PANEL_COLUMNS < x->n; j++) {
        const char *lines = (const char *)b + j * CK_PANEL_COLUMNS * stride * size;
        int64_t count = ck_min(CK_PANEL_COLUMNS, x->n - j * CK_PANEL_COLUMNS);
        for (int64_t p = 0; p < words; p += CK_FEW_DEPTH) {
            int64_t depth = ck_min(CK_FEW_DEPTH, words - p), start = p * per_word;
            ck_pack(panel, CK_PANEL_COLUMNS, lines + start * k_stride * size, x->type, stride, k_stride, count,
                    ck_min(depth * per_word, k - start), 0, depth, CK_PANEL_COLUMNS * stride * size);
            for (int64_t i = 0; i * CK_PANEL_ROWS < x->m; i++) {
                result to = part(x, i, j);
                tile(a + (i * words + p) * CK_PANEL_ROWS, panel, x->type, to.rows, depth, p == 0, sums[i],
                     p + depth == words ? &to : NULL, (const char *)a, 0);
            }
        }
    }
}
