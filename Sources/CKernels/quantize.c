#include "Kernel.h"

// Dettmers et al., "8-bit Optimizers via Block-wise Quantization", 2021, arXiv 2110.02861, section 1.3 ("dynamic tree
// quantization"): a decade for each number of leading zeros, in which the remaining bits count linearly.
//
// With q the distance of a code from the code of 0 (plus 1 when unsigned), the decade is given by q's highest bit:
// decade n starts at code distance base[n] and number low[n]; its 2^i bins are 1 / per[n] wide and each stands for its
// middle. Decade 0 is the number 0, decade 8 the number 1.

typedef struct {
    // [16]: a vector's permutation indexes them
    float low[16], width[16], per[16], middle[16];
    int32_t base[16];
    // Beyond threshold[n - 1], a magnitude is nearer to decade n than to the one before; then one that every magnitude
    // is beyond, one that none is.
    float threshold[16];
    // By the magnitude's power of two, -30 and less to 1: the decade below, and the threshold that lies in it.
    int32_t below[32], next[32];
    int32_t zero, shift;
} code_table;

#define LOW(P) (float)(P * 0.1)
#define WIDTH(P, N) (float)(P * 0.9 / N)
#define PER(P, N) (float)(N / (P * 0.9))
#define MIDDLE(P, N) (float)(P * 0.1 + P * 0.45 / N)
// Half way from the last bin's middle of a decade to the first of the next, which has twice the bins.
#define BETWEEN(P, N) (float)(0.5 * ((P - P * 0.45 / N) + (P + P * 4.5 / (2 * N))))
#define DECADES(X, N) 0, X(1e-6, N), X(1e-5, (2 * N)), X(1e-4, (4 * N)), X(1e-3, (8 * N)), X(1e-2, (16 * N)),          \
                      X(1e-1, (32 * N)), X(1.0, (64 * N))
#define TABLE(N, ZERO, SHIFT, FIRST, ...)                                                                               \
    {.low = {0, LOW(1e-6), LOW(1e-5), LOW(1e-4), LOW(1e-3), LOW(1e-2), LOW(1e-1), LOW(1.0), 1},                        \
     .width = {DECADES(WIDTH, N)},                                                                                     \
     .per = {DECADES(PER, N)},                                                                                         \
     .middle = {DECADES(MIDDLE, N), 1},                                                                                \
     .base = {SHIFT, N, 2 * N, 4 * N, 8 * N, 16 * N, 32 * N, 64 * N, 128 * N},                                         \
     .threshold = {FIRST, BETWEEN(1e-6, N), BETWEEN(1e-5, (2 * N)), BETWEEN(1e-4, (4 * N)), BETWEEN(1e-3, (8 * N)),    \
                   BETWEEN(1e-2, (16 * N)), BETWEEN(1e-1, (32 * N)), (float)(1 - 0.225 / (64 * N)), 0, INFINITY},      \
     __VA_ARGS__,                                                                                                      \
     .zero = ZERO,                                                                                                     \
     .shift = SHIFT}

// Signed: codes 0...126 negative, 127 zero, 128...255 positive. Unsigned: 0 zero, 1...255 positive.
static const code_table signed_table =
    TABLE(1, 127, 0, (float)(0.5 * (1e-7 + 0.45e-6)),
          .below = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7},
          .next = {9, 9, 9, 9, 9, 9, 9, 9, 0, 8, 1, 8, 8, 2, 8, 8, 8, 3, 8, 8, 4, 8, 8, 5, 8, 8, 6, 8, 8, 7, 8, 8});
static const code_table unsigned_table =
    TABLE(2, -1, 1, 0,
          .below = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7},
          .next = {0, 8, 8, 8, 8, 8, 8, 8, 8, 8, 1, 8, 8, 2, 8, 8, 3, 8, 8, 8, 4, 8, 8, 5, 8, 8, 6, 8, 8, 7, 8, 8});

// A largest magnitude below this makes a block of zeros: the least numbers of a block would not be normal float32.
#define LEAST 0x1p-100f

// Products are rounded before they are added, so that every CPU gives the same bits.
#pragma clang fp contract(off)

CK_CLONES static void decode_plain(float *to, const uint8_t *codes, float scale, const code_table *t, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int32_t d = (int32_t)codes[i] - t->zero, q = d < 0 ? -d : d;
        int32_t decade = (q == 0 ? 0 : 32 - __builtin_clz((uint32_t)q)) - t->shift;
        float v = (float)(q - t->base[decade]) * t->width[decade] + t->middle[decade];
        to[i] = (d < 0 ? -v : v) * scale;
    }
}

CK_CLONES static void encode_plain(uint8_t *codes, const float *from, float inverse, const code_table *t, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float x = from[i] * inverse;
        // A NaN becomes 2, which is beyond the last threshold.
        float a = t->shift ? x : fabsf(x);
        a = a < 2.0f ? a : 2.0f;
        a = a > 0.0f ? a : 0.0f;
        int32_t decade = 0;
        for (int k = 0; k < 8; k++) decade += a > t->threshold[k];
        int32_t bin = (int32_t)((a - t->low[decade]) * t->per[decade]);
        int32_t last = t->base[decade] - 1;
        bin = bin > last ? last : bin;
        bin = bin < 0 ? 0 : bin;
        int32_t q = t->base[decade] + bin;
        int32_t code = t->zero + (x < 0.0f && !t->shift ? -q : q);
        codes[i] = (uint8_t)(code < 0 ? 0 : code);
    }
}

CK_CLONES static float largest(const float *x, int64_t n, int32_t is_signed) {
    float up[32] = {0}, down[32] = {0};
    int32_t nan[32] = {0};
    int64_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (int l = 0; l < 32; l++) {
            float v = x[i + l];
            up[l] = v > up[l] ? v : up[l];
            down[l] = v < down[l] ? v : down[l];
            nan[l] |= v != v;
        }
    for (; i < n; i++) {
        up[0] = x[i] > up[0] ? x[i] : up[0];
        down[0] = x[i] < down[0] ? x[i] : down[0];
        nan[0] |= x[i] != x[i];
    }
    for (int width = 16; width > 0; width /= 2)
        for (int l = 0; l < width; l++) {
            up[l] = up[l + width] > up[l] ? up[l + width] : up[l];
            down[l] = down[l + width] < down[l] ? down[l + width] : down[l];
            nan[l] |= nan[l + width];
        }
    if (nan[0]) return NAN;
    return !is_signed || up[0] >= -down[0] ? up[0] : down[0];
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512cd")))

AVX512 CK_INLINE __mmask16 first_lanes(int64_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

AVX512 static void decode_512(float *to, const uint8_t *codes, float scale, const code_table *t, int64_t n) {
    __m512 width = _mm512_loadu_ps(t->width), middle = _mm512_loadu_ps(t->middle), by = _mm512_set1_ps(scale);
    __m512i base = _mm512_loadu_si512(t->base), zero = _mm512_set1_epi32(t->zero);
    __m512i bits = _mm512_set1_epi32(32 - t->shift), sign = _mm512_set1_epi32(INT32_MIN);
    for (int64_t i = 0; i < n; i += 16) {
        __mmask16 lanes = first_lanes(n - i);
        __m512i code = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, codes + i));
        __m512i d = _mm512_sub_epi32(code, zero), q = _mm512_abs_epi32(d);
        __m512i decade = _mm512_sub_epi32(bits, _mm512_lzcnt_epi32(q));
        __m512 bin = _mm512_cvtepi32_ps(_mm512_sub_epi32(q, _mm512_permutexvar_epi32(decade, base)));
        __m512 v = _mm512_add_ps(_mm512_mul_ps(bin, _mm512_permutexvar_ps(decade, width)),
                                 _mm512_permutexvar_ps(decade, middle));
        v = _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(v), _mm512_and_si512(d, sign)));
        _mm512_mask_storeu_ps(to + i, lanes, _mm512_mul_ps(v, by));
    }
}

AVX512 static void encode_512(uint8_t *codes, const float *from, float inverse, const code_table *t, int64_t n) {
    __m512 low = _mm512_loadu_ps(t->low), per = _mm512_loadu_ps(t->per), by = _mm512_set1_ps(inverse);
    __m512 thresholds = _mm512_loadu_ps(t->threshold);
    __m512i below[2], next[2];
    for (int k = 0; k < 2; k++) {
        below[k] = _mm512_loadu_si512(t->below + 16 * k);
        next[k] = _mm512_castps_si512(_mm512_permutexvar_ps(_mm512_loadu_si512(t->next + 16 * k), thresholds));
    }
    __m512i least = _mm512_set1_epi32(127 - 30);
    __m512i base = _mm512_loadu_si512(t->base), one = _mm512_set1_epi32(1), nothing = _mm512_setzero_si512();
    __m512i zero = _mm512_set1_epi32(t->zero);
    for (int64_t i = 0; i < n; i += 16) {
        __mmask16 lanes = first_lanes(n - i);
        __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, from + i), by);
        __m512 a = _mm512_min_ps(t->shift ? x : _mm512_abs_ps(x), _mm512_set1_ps(2.0f));
        a = _mm512_max_ps(a, _mm512_setzero_ps());
        __m512i power = _mm512_sub_epi32(_mm512_srli_epi32(_mm512_castps_si512(a), 23), least);
        power = _mm512_max_epi32(power, nothing);
        __m512i decade = _mm512_permutex2var_epi32(below[0], power, below[1]);
        __m512 bound = _mm512_castsi512_ps(_mm512_permutex2var_epi32(next[0], power, next[1]));
        decade = _mm512_mask_add_epi32(decade, _mm512_cmp_ps_mask(a, bound, _CMP_GT_OQ), decade, one);
        __m512i start = _mm512_permutexvar_epi32(decade, base);
        __m512i bin = _mm512_cvttps_epi32(_mm512_mul_ps(_mm512_sub_ps(a, _mm512_permutexvar_ps(decade, low)),
                                                        _mm512_permutexvar_ps(decade, per)));
        bin = _mm512_max_epi32(_mm512_min_epi32(bin, _mm512_sub_epi32(start, one)), nothing);
        __m512i q = _mm512_add_epi32(start, bin);
        __mmask16 negative = t->shift ? 0 : _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
        q = _mm512_mask_sub_epi32(q, negative, nothing, q);
        __m512i code = _mm512_max_epi32(_mm512_add_epi32(zero, q), nothing);
        // A masked store of bytes takes many times as long.
        if (lanes == 0xffff)
            _mm_storeu_si128((__m128i *)(codes + i), _mm512_cvtepi32_epi8(code));
        else
            _mm_mask_storeu_epi8(codes + i, lanes, _mm512_cvtepi32_epi8(code));
    }
}
#else
#define decode_512 decode_plain
#define encode_512 encode_plain
#endif

void ck_dequantize(float *to, const uint8_t *codes, const float *scales, int32_t is_signed, int64_t first,
                   int64_t count) {
    const code_table *table = is_signed ? &signed_table : &unsigned_table;
    int wide = ck_has_avx512();
    for (int64_t i = first, end = first + count; i < end;) {
        int64_t n = ck_min(end, (i / CK_BLOCK + 1) * CK_BLOCK) - i;
        if (wide)
            decode_512(to + (i - first), codes + i, scales[i / CK_BLOCK], table, n);
        else
            decode_plain(to + (i - first), codes + i, scales[i / CK_BLOCK], table, n);
        i += n;
    }
}

void ck_quantize(uint8_t *codes, float *scales, int32_t is_signed, const float *from, int64_t count) {
    const code_table *table = is_signed ? &signed_table : &unsigned_table;
    int wide = ck_has_avx512();
    for (int64_t i = 0; i < count; i += CK_BLOCK) {
        int64_t n = ck_min(CK_BLOCK, count - i);
        float scale = largest(from + i, n, is_signed);
        if (fabsf(scale) < LEAST) scale = 0;
        // An infinity or a NaN makes the whole block NaN: it is seen in the next step's loss.
        int is_finite = fabsf(scale) < INFINITY;
        if (!is_finite) scale = NAN;
        float inverse = is_finite && scale != 0 ? 1.0f / scale : 0.0f;
        scales[i / CK_BLOCK] = scale;
        if (wide)
            encode_512(codes + i, from + i, inverse, table, n);
        else
            encode_plain(codes + i, from + i, inverse, table, n);
    }
}

// ---- rounding at random

// Words of Philox-4x32-10 at 16 consecutive indices; the same numbers as random.c's.
CK_INLINE void philox_16(uint32_t words[4][16], uint64_t seed, uint64_t stream, uint64_t index) {
    for (int l = 0; l < 16; l++) {
        uint64_t at = index + (uint64_t)l;
        uint32_t c0 = (uint32_t)at, c1 = (uint32_t)(at >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma clang loop unroll(full)
        for (int round = 0; round < 10; round++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
            uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c1 = (uint32_t)p1;
            c3 = (uint32_t)p0;
            c0 = n0;
            c2 = n2;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        words[0][l] = c0;
        words[1][l] = c1;
        words[2][l] = c2;
        words[3][l] = c3;
    }
}

// Sixteen random bits are added to the sixteen that are dropped; a NaN stays one.
CK_INLINE uint16_t round_up_or_down(float x, uint32_t random) {
    uint32_t u = ck_bits(x);
    uint32_t nan = (u >> 16) | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : (u + random) >> 16);
}

CK_CLONES void ck_round_bfloat16(uint16_t *y, const float *x, uint64_t seed, uint64_t stream, uint64_t first,
                                 int64_t count) {
    uint64_t end = first + (uint64_t)count;
    for (uint64_t group = first / 128; group * 128 < end; group++) {
        uint32_t words[4][16];
        philox_16(words, seed, stream, group * 16);
        for (uint64_t half = 0; half < 8; half++) {
            uint64_t start = group * 128 + half * 16;
            uint32_t shift = half % 2 * 16;
            const uint32_t *random = words[half / 2];
            if (start >= first && start + 16 <= end) {
                const float *from = x + (start - first);
                uint16_t *to = y + (start - first);
                for (int l = 0; l < 16; l++) to[l] = round_up_or_down(from[l], random[l] >> shift & 0xffff);
            } else {
                for (uint64_t l = 0; l < 16; l++)
                    if (start + l >= first && start + l < end)
                        y[start + l - first] = round_up_or_down(x[start + l - first], random[l] >> shift & 0xffff);
            }
        }
    }
}

// ---- programs over stored arrays

static const int64_t sizes[5] = {4, 2, 8, 4, 1};

void ck_stored_tile(const ck_map *map, const ck_stored *inputs, const ck_stored *outputs, int64_t first,
                    int64_t count, float *scratch) {
    ck_map tile = *map;
    ck_map_view in[map->input_count + 1], out[map->output_count + 1];
    float *numbers = scratch + map->full_count * map->full_size + map->row_count * map->row_size;
    for (int32_t k = 0; k < map->input_count; k++, numbers += map->full_size) {
        in[k] = map->inputs[k];
        if (inputs[k].scales) {
            ck_dequantize(numbers, (const uint8_t *)inputs[k].base, inputs[k].scales, inputs[k].is_signed, first, count);
            in[k].base = (char *)numbers;
        } else {
            in[k].base = inputs[k].base + first * sizes[inputs[k].type];
        }
    }
    float *results = numbers;
    for (int32_t k = 0; k < map->output_count; k++) {
        out[k] = map->outputs[k];
        int is_plain = !outputs[k].scales && !outputs[k].is_random;
        out[k].base = is_plain ? outputs[k].base + first * sizes[outputs[k].type]
                               : (char *)(results + k * map->full_size);
    }
    tile.inputs = in;
    tile.outputs = out;
    tile.columns = count;
    ck_map_tile(&tile, 0, 1, 0, count, scratch);
    for (int32_t k = 0; k < map->output_count; k++) {
        const ck_stored *to = &outputs[k];
        const float *from = results + k * map->full_size;
        if (to->scales)
            ck_quantize((uint8_t *)to->base + first, to->scales + first / CK_BLOCK, to->is_signed, from, count);
        else if (to->is_random)
            ck_round_bfloat16((uint16_t *)to->base + first, from, to->seed, to->stream, to->first + (uint64_t)first,
                              count);
    }
}

// ---- frozen matrices

// The quantiles of a normal distribution that "4-bit NormalFloat" consists of: Dettmers et al., "QLoRA: Efficient
// Finetuning of Quantized LLMs", 2023, arXiv 2305.14314, appendix E.
static const float nf4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
    -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
    0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

enum { NF4_BLOCK = 64, STRIP = 1024 };

CK_CLONES static void int8_strip(float *to, const uint8_t *codes, float scale, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = (float)((int32_t)codes[i] - 128) * scale;
}

CK_CLONES static void nf4_plain(float *to, const uint8_t *codes, float scale, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = nf4[i % 2 ? codes[i / 2] & 15 : codes[i / 2] >> 4] * scale;
}

#if defined(__x86_64__)
// One whole block: 32 bytes, 16 numbers from 8 of them at a time.
AVX512 static void nf4_block_512(float *to, const uint8_t *codes, float scale) {
    __m512 table = _mm512_loadu_ps(nf4), by = _mm512_set1_ps(scale);
    __m512i mask = _mm512_set1_epi32(15);
    for (int i = 0; i < NF4_BLOCK; i += 16) {
        // Each byte twice, then its upper half in even places.
        __m128i bytes = _mm_loadl_epi64((const __m128i *)(codes + i / 2));
        __m512i pairs = _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(bytes, bytes));
        __m512i code = _mm512_and_si512(_mm512_mask_srli_epi32(pairs, 0x5555, pairs, 4), mask);
        _mm512_storeu_ps(to + i, _mm512_mul_ps(_mm512_permutexvar_ps(code, table), by));
    }
}
#else
static void nf4_block_512(float *to, const uint8_t *codes, float scale) { nf4_plain(to, codes, scale, NF4_BLOCK); }
#endif

// Numbers [start, start + n) of row `row`; `start` starts a block.
static void dequantize_strip(float *to, const ck_quantized *matrix, int64_t row, int64_t start, int64_t n) {
    if (matrix->scales) {
        int8_strip(to, matrix->codes + row * matrix->columns + start, matrix->scales[row], n);
        return;
    }
    const uint8_t *codes = matrix->codes + row * ((matrix->columns + 1) / 2) + start / 2;
    int64_t blocks = (matrix->columns + NF4_BLOCK - 1) / NF4_BLOCK;
    float absmax[STRIP / NF4_BLOCK];
    ck_dequantize(absmax, matrix->absmax_codes, matrix->absmax_scales, 1, row * blocks + start / NF4_BLOCK,
                  (n + NF4_BLOCK - 1) / NF4_BLOCK);
    int wide = ck_has_avx512();
    for (int64_t i = 0; i < n; i += NF4_BLOCK) {
        float scale = absmax[i / NF4_BLOCK] + matrix->absmax_offset;
        if (wide && n - i >= NF4_BLOCK)
            nf4_block_512(to + i, codes + i / 2, scale);
        else
            nf4_plain(to + i, codes + i / 2, scale, ck_min(NF4_BLOCK, n - i));
    }
}

CK_CLONES static void narrow(uint16_t *to, const float *from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = ck_to_bf16(from[i]);
}

void ck_dequantize_rows(void *to, int32_t to_type, const ck_quantized *matrix, int64_t first, int64_t rows) {
    float strip[STRIP];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t start = 0; start < matrix->columns; start += STRIP) {
            int64_t n = ck_min(STRIP, matrix->columns - start), at = r * matrix->columns + start;
            if (to_type == CK_FLOAT32) {
                dequantize_strip((float *)to + at, matrix, first + r, start, n);
            } else {
                dequantize_strip(strip, matrix, first + r, start, n);
                narrow((uint16_t *)to + at, strip, n);
            }
        }
}
