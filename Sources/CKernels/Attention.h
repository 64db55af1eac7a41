#ifndef CKERNELS_ATTENTION_H
#define CKERNELS_ATTENTION_H

#include "Kernel.h"

// Products are taken on 32-bit words along their inner dim, as in panels.c: a float32 or a pair of bfloat16. A panel is
// 12 rows of the left side; its results stay in registers, 32 columns at a time.

enum { ROWS = CK_PANEL_ROWS, KEYS = CK_ATTENTION_KEYS, QUERIES = CK_ATTENTION_QUERIES };

/// What a panel of 12 queries sees of a block of keys, relative to the block.
typedef struct {
    /// Query r sees [first[r], end[r]); empty as (0, 0).
    int32_t first[ROWS], end[ROWS];
    /// The union, and the multiples of 32 around it.
    int32_t from, to, low, high;
} ck_visible;

/// The inner loops of one level of CPU.
typedef struct {
    /// Numbers in a word.
    int64_t unit;
    /// y[p * ld + r] = word p of row r of x, for `size` numbers a row; zero beyond, up to a multiple of 16 rows.
    void (*pack_columns)(uint32_t *y, int64_t ld, const void *x, int32_t type, int64_t stride, int64_t rows,
                         int64_t size);
    /// y[p * width + i] = numbers i of the rows of word p; zero beyond, up to `width` and a whole panel.
    void (*pack_rows)(uint32_t *y, int64_t width, const void *x, int32_t type, int64_t stride, int64_t rows,
                      int64_t size);
    /// c [12, n] = sum over words p of a[p * step + row] b[p * ldb + column]; added to c where `accumulate`.
    void (*columns)(const uint32_t *a, int64_t step, const uint32_t *b, int64_t ldb, int64_t depth, int64_t n,
                    int32_t accumulate, float *c, int64_t ldc);
    /// c [12, n] = factors[row] c + sum over words p of a[row * KEYS / unit + p] b[p * ldb + column].
    void (*rows)(const uint32_t *a, const uint32_t *b, int64_t ldb, int64_t depth, int64_t n, const float *factors,
                 float *c, int64_t ldc);
    /// One step of the online softmax on scores s [12, KEYS] in units of 1 / scale: weights p = 2^(scale s - top) as
    /// left side of `rows` over [low, high), with new `top`, lanes of `total` [12, 16], and the factors of older sums.
    void (*softmax)(float *s, const ck_visible *see, float scale, float *top, float *total, float *factors,
                    uint32_t *p);
    /// weights = 2^(log2_scale s - lse) and ds = scale weights (dp - delta) over [low, high) and 16 zeros around it, as
    /// left sides of `columns` (step KEYS), and ds also as that of `rows`, unless it is the same.
    void (*gradient)(const float *s, const float *dp, const ck_visible *see, float log2_scale, float scale,
                     const float *lse, const float *delta, uint32_t *weights, uint32_t *ds, uint32_t *ds_rows);
} ck_attention_kernels;

extern const ck_attention_kernels ck_attention_plain;
#if defined(__x86_64__)
extern const ck_attention_kernels ck_attention_avx512, ck_attention_bfloat16;
#endif

#endif
