// W lines of a panel, K length of a line

#include "Panels.h"

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
#define TARGET __attribute__((target(AVX512)))
/// Words of all lines that are packed in one go. Rows some powers of two apart share few places in a cache, which then
/// does not hold what many of them bring.
static int64_t column_words(int64_t row_bytes) { return row_bytes % 2048 == 0 ? 4 : 16; }

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
            ck_transpose(r);
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

/// One word of up to 32 lines that stand side by side, 16 of them in each vector. The two halves of pairs stand `bytes`
/// apart; the last one of K may have none.
CK_AVX512 void read_word(__m512i word[2], const char *at, int32_t type, int64_t bytes, int has_second,
                         __mmask32 present, int vectors) {
    if (type == CK_FLOAT32) {
        UNROLL for (int v = 0; v < vectors; v++)
            word[v] = _mm512_maskz_loadu_epi32((__mmask16)(present >> 16 * v), at + 64 * v);
        return;
    }
    __m512i first = _mm512_maskz_loadu_epi16(present, at);
    __m512i second = has_second ? _mm512_maskz_loadu_epi16(present, at + bytes) : _mm512_setzero_si512();
    // Lane i takes number i of the first and of the second.
    __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i pair = _mm512_or_si512(lane, _mm512_slli_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(32)), 16));
    UNROLL for (int v = 0; v < vectors; v++)
        word[v] = _mm512_permutex2var_epi16(first, _mm512_add_epi32(pair, _mm512_set1_epi32(0x100010 * v)), second);
}

/// Words [start, end) of one panel, whose first line begins at x; those `step` words further are fetched.
CK_AVX512 void pack_side(uint32_t *panel, int64_t width, const char *x, int32_t type, int64_t bytes, int64_t lines,
                         int64_t k, int64_t start, int64_t end, int64_t step, int vectors) {
    int64_t per_word = type == CK_BFLOAT16 ? 2 : 1;
    __mmask32 present = (__mmask32)((1ull << ck_min(lines, 32)) - 1), kept = (__mmask32)((1ull << width) - 1);
    for (int64_t p = start; p < end; p++) {
        const char *at = x + p * per_word * bytes, *ahead = at + step * per_word * bytes;
        __m512i word[2];
        read_word(word, at, type, bytes, per_word * p + 1 < k, present, vectors);
        _mm_prefetch(ahead, _MM_HINT_T0);
        _mm_prefetch(ahead + (type == CK_BFLOAT16 ? bytes : 64), _MM_HINT_T0);
        UNROLL for (int v = 0; v < vectors; v++)
            _mm512_mask_storeu_epi32(panel + p * width + 16 * v, (__mmask16)(kept >> 16 * v), word[v]);
    }
}

/// Lines that stand side by side. A few words of all lines, then the next, which are fetched meanwhile: what is read
/// for one panel is still near for its neighbour.
TARGET static void pack_columns(uint32_t *panels, int64_t width, const char *x, int32_t type, int64_t k_stride,
                                int64_t lines, int64_t k, int64_t start, int64_t end) {
    int64_t words = words_of(type, k), size = type == CK_BFLOAT16 ? 2 : 4, step = column_words(k_stride * size);
    for (int64_t p = start; p < end; p += step)
        for (int64_t line = 0; line < lines; line += width) {
#define PACK_SIDE(TYPE, VECTORS)                                                                                       \
    pack_side(panels + line * words, width, x + line * size, TYPE, k_stride * size, lines - line, k, p,                \
              ck_min(p + step, end), step, VECTORS)
            if (type == CK_BFLOAT16 && width > 16) PACK_SIDE(CK_BFLOAT16, 2);
            else if (type == CK_BFLOAT16) PACK_SIDE(CK_BFLOAT16, 1);
            else if (width > 16) PACK_SIDE(CK_FLOAT32, 2);
            else PACK_SIDE(CK_FLOAT32, 1);
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
