// W lines of a panel, K length of a line

#include "Kernel.h"

// A panel holds `width` lines of a matrix side by side, word by word: word p of line w stands at p * width + w. A word
// is a float32, or two neighbouring bfloat16 for the CPU's pairwise dot product.

static int64_t words_of(int32_t type, int64_t k) { return type == CK_BFLOAT16 ? (k + 1) / 2 : k; }

/// Word p of line w, the second half 0 past the end.
CK_INLINE uint32_t word(const char *x, int32_t type, int64_t stride, int64_t k_stride, int64_t w, int64_t p,
                        int64_t k) {
    if (type == CK_FLOAT32) return ((const uint32_t *)x)[w * stride + p * k_stride];
    const uint16_t *at = (const uint16_t *)x + w * stride + 2 * p * k_stride;
    return at[0] | (2 * p + 1 < k ? (uint32_t)at[k_stride] << 16 : 0);
}

CK_CLONES static void pack_any(uint32_t *panel, int64_t width, const char *x, int32_t type, int64_t stride,
                               int64_t k_stride, int64_t lines, int64_t k, int64_t start, int64_t end) {
    for (int64_t p = start; p < end; p++)
        for (int64_t w = 0; w < width; w++)
            panel[p * width + w] = w < lines ? word(x, type, stride, k_stride, w, p, k) : 0;
}

#if defined(__x86_64__)
#include <immintrin.h>
enum { COLUMN_WORDS = 64 };
#define UNROLL _Pragma("clang loop unroll(full)")
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

#define PAIRS(OPERATION, TO, FROM)                                                                                     \
    UNROLL for (int i = 0; i < 16; i += 2) {                                               \
        TO[i] = _mm512_unpacklo_##OPERATION(FROM[i], FROM[i + 1]);                                                     \
        TO[i + 1] = _mm512_unpackhi_##OPERATION(FROM[i], FROM[i + 1]);                                                 \
    }

/// Lanes and registers change places.
TARGET CK_INLINE void transpose(__m512i r[16]) {
    __m512i t[16];
    PAIRS(epi32, t, r)
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

/// Lines that lie densely: 16 of them are turned at a time. `ahead`: bytes from here to what is packed next.
TARGET static void pack_lines(uint32_t *panel, int64_t width, const char *x, int64_t line_bytes, int64_t lines,
                              int64_t k_bytes, int64_t start, int64_t words, int64_t ahead) {
    for (int64_t w = 0; w < width; w += 16) {
        __mmask16 kept = (__mmask16)((1u << ck_min(16, width - w)) - 1);
        for (int64_t p = start; p < words; p += 16) {
            __mmask32 present = (__mmask32)((1ull << ck_min(32, k_bytes / 2 - 2 * p)) - 1);
            __m512i r[16];
            const char *from = x + w * line_bytes + p * 4;
            if (w + 16 <= lines && present == 0xffffffffu) {
                UNROLL for (int i = 0; i < 16; i++) {
                    r[i] = _mm512_loadu_si512(from + i * line_bytes);
                    _mm_prefetch(from + i * line_bytes + ahead, _MM_HINT_T1);
                }
            } else {
                UNROLL for (int i = 0; i < 16; i++)
                    r[i] = w + i < lines ? _mm512_maskz_loadu_epi16(present, from + i * line_bytes)
                                         : _mm512_setzero_si512();
            }
            transpose(r);
            uint32_t *to = panel + p * width + w;
            if (p + 16 <= words && kept == 0xffff) {
                UNROLL for (int i = 0; i < 16; i++) _mm512_storeu_si512(to + i * width, r[i]);
            } else if (p + 16 <= words) {
                UNROLL for (int i = 0; i < 16; i++)
                    _mm512_mask_storeu_epi32(to + i * width, kept, r[i]);
            } else {
                UNROLL for (int i = 0; i < 16; i++)
                    if (p + i < words) _mm512_mask_storeu_epi32(to + i * width, kept, r[i]);
            }
        }
    }
}

/// Lines that stand side by side: word p of all of them is one read, or two for pairs. A few words of all lines, then
/// the next, so that what is read for one panel is still near for its neighbour.
TARGET static void pack_columns(uint32_t *panels, int64_t width, const char *x, int32_t type, int64_t k_stride,
                                int64_t lines, int64_t k, int64_t start, int64_t end) {
    int64_t words = words_of(type, k);
    for (int64_t p0 = start; p0 < end; p0 += COLUMN_WORDS)
        for (int64_t w = 0; w < (lines + width - 1) / width * width; w += ck_min(16, width - w % width)) {
            int64_t wide = ck_min(16, width - w % width);
            __mmask16 kept = (__mmask16)((1u << wide) - 1);
            __mmask16 present = (__mmask16)((1u << ck_max(ck_min(wide, lines - w), 0)) - 1);
            uint32_t *to = panels + w / width * width * words + w % width;
            for (int64_t p = p0; p < ck_min(p0 + COLUMN_WORDS, end); p++) {
                __m512i v;
                if (type == CK_FLOAT32) {
                    v = _mm512_maskz_loadu_epi32(present, (const uint32_t *)x + w + p * k_stride);
                } else {
                    const uint16_t *at = (const uint16_t *)x + w + 2 * p * k_stride;
                    __m512i second = _mm512_setzero_si512();
                    if (2 * p + 1 < k) second = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(present, at + k_stride));
                    v = _mm512_or_si512(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(present, at)),
                                        _mm512_slli_epi32(second, 16));
                }
                _mm512_mask_storeu_epi32(to + p * width, kept, v);
            }
        }
}
#endif

void ck_pack(uint32_t *panels, int64_t width, const void *x, int32_t type, int64_t stride, int64_t k_stride,
             int64_t lines, int64_t k, int64_t start, int64_t end, int64_t ahead) {
    int64_t words = words_of(type, k), size = type == CK_BFLOAT16 ? 2 : 4;
    // Only what is written for one CPU fetches ahead.
    (void)ahead;
#if defined(__x86_64__)
    if (ck_has_avx512() && stride == 1 && k_stride != 1)
        return pack_columns(panels, width, x, type, k_stride, lines, k, start, end);
#endif
    for (int64_t first = 0; first < lines; first += width) {
        const char *from = (const char *)x + first * stride * size;
        int64_t count = ck_min(width, lines - first);
#if defined(__x86_64__)
        if (ck_has_avx512() && k_stride == 1) {
            pack_lines(panels + first * words, width, from, stride * size, count, k * size, start, end, ahead);
            continue;
        }
#endif
        pack_any(panels + first * words, width, from, type, stride, k_stride, count, k, start, end);
    }
}
