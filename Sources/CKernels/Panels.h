#ifndef CKERNELS_PANELS_H
#define CKERNELS_PANELS_H

#include "Kernel.h"

/// What a tile does when it has reached the end of K: c = alpha sums + beta c for its first rows and columns.
typedef struct {
    void *c;
    int64_t ldc, rows, columns;
    float alpha, beta;
    int32_t type;
} ck_result;

/// The part of c that tile (i, j) writes.
CK_INLINE ck_result ck_part(const ck_product *x, int64_t i, int64_t j) {
    int64_t row = i * CK_PANEL_ROWS, column = j * CK_PANEL_COLUMNS, size = x->c_type == CK_FLOAT32 ? 4 : 2;
    return (ck_result){(char *)x->c + (row * x->ldc + column) * size,
                    x->ldc,
                    ck_min(CK_PANEL_ROWS, x->m - row),
                    ck_min(CK_PANEL_COLUMNS, x->n - column),
                    x->alpha,
                    x->beta,
                    x->c_type};
}

/// Adds `depth` words of up to 12 lines of a and 32 of b to `sums`, which start at zero with the `first`; writes them
/// to `to` when that is not NULL. Fetches `step` bytes from `ahead` on for each word.
void ck_tile(const uint32_t *a, const uint32_t *b, int32_t type, int64_t rows, int64_t depth, int first, float *sums,
             const ck_result *to, const char *ahead, int64_t step);

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 "avx512f,avx512bw,avx512vl,avx512dq"
#define CK_AVX512 __attribute__((target(AVX512), always_inline)) static inline
#define UNROLL _Pragma("clang loop unroll(full)")

/// To nearest, ties to even; NaN stays NaN: as ck_to_bf16.
CK_AVX512 __m256i ck_round_bf16(__m512 x) {
    __m512i u = _mm512_castps_si512(x), high = _mm512_srli_epi32(u, 16);
    __m512i even = _mm512_and_si512(high, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, even), _mm512_set1_epi32(0x7fff)), 16);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40)));
}

/// Writes 16 sums of a row.
CK_AVX512 void ck_store(const ck_result *to, int64_t row, int64_t column, __m512 sum) {
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
        _mm256_mask_storeu_epi16(at, mask, ck_round_bf16(value));
    }
}

// A word of 16 lines, and one word in all lanes, as the two kinds of products want them.
#define CK_PAIRS(x) (__m512bh)(x)
#define CK_PAIR(x) (__m512bh) _mm512_set1_epi32((int32_t)(x))
#define CK_FLOATS(x) _mm512_castsi512_ps(x)
#define CK_FLOAT(x) _mm512_castsi512_ps(_mm512_set1_epi32((int32_t)(x)))
#define CK_FUSED(sum, x, y) _mm512_fmadd_ps(x, y, sum)
#define AVX512_PAIRS AVX512 ",avx512bf16"

#define CK_UNPACK(OPERATION, TO, FROM)                                                                                 \
    UNROLL for (int i = 0; i < 16; i += 2) {                                                                           \
        TO[i] = _mm512_unpacklo_##OPERATION(FROM[i], FROM[i + 1]);                                                     \
        TO[i + 1] = _mm512_unpackhi_##OPERATION(FROM[i], FROM[i + 1]);                                                 \
    }

/// Lanes and registers change places.
CK_AVX512 void ck_transpose(__m512i r[16]) {
    __m512i t[16];
    CK_UNPACK(epi32, t, r)
    UNROLL for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    // Now lane group g of r[4 q + c] holds column 4 g + c of rows 4 q ... 4 q + 3.
    UNROLL for (int c = 0; c < 4; c++) {
        __m512i even_low = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88);
        __m512i odd_low = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd);
        __m512i even_high = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
        __m512i odd_high = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
        t[c] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
        t[8 + c] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
        t[4 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
        t[12 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
    UNROLL for (int i = 0; i < 16; i++) r[i] = t[i];
}
#endif

#endif
