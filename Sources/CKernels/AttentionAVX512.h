// Included once for words of float32 and once for pairs of bfloat16 (PAIRS). NAME adds the kind to a name. No guard.

#pragma clang fp contract(fast)

#define UNROLL _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline))
#define ROW_WORDS (KEYS / (1 + PAIRS))

// ---- packing

/// 16 words of a row from number i on, of which `size` - i exist.
INLINE __m512i NAME(load)(const void *x, int32_t type, int64_t offset, int64_t i, int64_t size) {
    int64_t count = size - i;
#if PAIRS
    (void)type;
    __mmask32 mask = count >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << count) - 1;
    return _mm512_maskz_loadu_epi16(mask, (const uint16_t *)x + offset + i);
#else
    __mmask16 mask = count >= 16 ? (__mmask16)~0 : (__mmask16)((1 << count) - 1);
    if (type == CK_FLOAT32) return _mm512_maskz_loadu_epi32(mask, (const float *)x + offset + i);
    __m256i half = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)x + offset + i);
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
#endif
}

INLINE void NAME(transpose)(__m512i x[16]) {
    __m512i y[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
    // x[4 g + c] holds, in lane l, rows 4 g to 4 g + 3 of column 4 l + c.
    UNROLL for (int c = 0; c < 4; c++) {
        __m512i a = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88), b = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88);
        __m512i d = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xdd), e = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xdd);
        y[c] = _mm512_shuffle_i32x4(a, b, 0x88);
        y[8 + c] = _mm512_shuffle_i32x4(a, b, 0xdd);
        y[4 + c] = _mm512_shuffle_i32x4(d, e, 0x88);
        y[12 + c] = _mm512_shuffle_i32x4(d, e, 0xdd);
    }
    UNROLL for (int i = 0; i < 16; i++) x[i] = y[i];
}

static void NAME(pack_columns)(uint32_t *y, int64_t ld, const void *x, int32_t type, int64_t stride, int64_t rows,
                               int64_t size) {
    for (int64_t r = 0; r < rows; r += 16)
        for (int64_t i = 0, word = 0; i < size; i += 16 * (1 + PAIRS), word += 16) {
            // Rows lie far apart, so the CPU does not see the next ones coming.
            const char *ahead = (const char *)x + ((r + 32) * stride + i) * (type == CK_FLOAT32 ? 4 : 2);
            for (int64_t j = 0; j < ck_min(16, rows - r - 32); j++)
                _mm_prefetch(ahead + j * stride * (type == CK_FLOAT32 ? 4 : 2), _MM_HINT_T0);
            __m512i tile[16];
            if (r + 16 <= rows) {
                UNROLL for (int j = 0; j < 16; j++) tile[j] = NAME(load)(x, type, (r + j) * stride, i, size);
            } else {
                UNROLL for (int j = 0; j < 16; j++)
                    tile[j] = r + j < rows ? NAME(load)(x, type, (r + j) * stride, i, size) : _mm512_setzero_si512();
            }
            NAME(transpose)(tile);
            UNROLL for (int j = 0; j < 16; j++) _mm512_storeu_si512(y + (word + j) * ld + r, tile[j]);
        }
}

static void NAME(pack_rows)(uint32_t *y, int64_t width, const void *x, int32_t type, int64_t stride, int64_t rows,
                            int64_t size) {
    int64_t end = (rows + ROWS - 1) / ROWS * ROWS;
    for (int64_t r = 0; r < end; r += 1 + PAIRS)
        for (int64_t i = 0; i < width; i += 16) {
#if PAIRS
            (void)type;
            const uint16_t *from = (const uint16_t *)x + r * stride + i;
            __mmask16 mask = size - i >= 16 ? (__mmask16)~0 : (__mmask16)((1 << (size - i)) - 1);
            __m256i low = _mm256_maskz_loadu_epi16(r < rows ? mask : 0, from);
            __m256i high = _mm256_maskz_loadu_epi16(r + 1 < rows ? mask : 0, from + stride);
            __m512i words = _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                                            _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
            _mm512_storeu_si512(y + r / 2 * width + i, words);
#else
            __m512i words = r < rows ? NAME(load)(x, type, r * stride, i, size) : _mm512_setzero_si512();
            _mm512_storeu_si512(y + r * width + i, words);
#endif
        }
}

// ---- products

#if PAIRS
#define ADD(sum, x, y) _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32((int32_t)(x)), (__m512bh)(y))
#else
#define ADD(sum, x, y)                                                                                                 \
    _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int32_t)(x))), _mm512_castsi512_ps(y), sum)
#endif

/// One panel by `vectors` (1 or 2) vectors of columns: 24 sums stay in registers.
INLINE void NAME(tile)(const uint32_t *a, int64_t row, int64_t step, const uint32_t *b, int64_t ldb, int64_t depth,
                       int vectors, const float *factors, int32_t accumulate, float *c, int64_t ldc) {
    __m512 sum[ROWS][2];
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < vectors; v++) {
            sum[i][v] = accumulate ? _mm512_loadu_ps(c + i * ldc + 16 * v) : _mm512_setzero_ps();
            if (factors) sum[i][v] = _mm512_mul_ps(sum[i][v], _mm512_set1_ps(factors[i]));
        }
    for (int64_t p = 0; p < depth; p++, a += step, b += ldb) {
        __m512i y[2];
        UNROLL for (int v = 0; v < vectors; v++) y[v] = _mm512_loadu_si512(b + 16 * v);
        UNROLL for (int i = 0; i < ROWS; i++)
            UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = ADD(sum[i][v], a[i * row], y[v]);
    }
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < vectors; v++) _mm512_storeu_ps(c + i * ldc + 16 * v, sum[i][v]);
}

static void NAME(columns)(const uint32_t *a, int64_t step, const uint32_t *b, int64_t ldb, int64_t depth, int64_t n,
                          int32_t accumulate, float *c, int64_t ldc) {
    int64_t j = 0;
    for (; j + 32 <= n; j += 32) NAME(tile)(a, 1, step, b + j, ldb, depth, 2, NULL, accumulate, c + j, ldc);
    if (j < n) NAME(tile)(a, 1, step, b + j, ldb, depth, 1, NULL, accumulate, c + j, ldc);
}

static void NAME(rows)(const uint32_t *a, const uint32_t *b, int64_t ldb, int64_t depth, int64_t n,
                       const float *factors, float *c, int64_t ldc) {
    int64_t j = 0;
    for (; j + 32 <= n; j += 32) NAME(tile)(a, ROW_WORDS, 1, b + j, ldb, depth, 2, factors, 1, c + j, ldc);
    if (j < n) NAME(tile)(a, ROW_WORDS, 1, b + j, ldb, depth, 1, factors, 1, c + j, ldc);
}

// ---- softmax

/// 2^x to 2 units in the last place; 0 below the range, NaN stays NaN.
INLINE __m512 NAME(power)(__m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-200.0f), x);
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = _mm512_sub_ps(x, n);
    __m512 p = _mm512_set1_ps(1.53458121e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.33999314e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.61848896e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.55032878e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.40226469e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.93147206e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

/// Which of columns v to v + 15 row r sees.
INLINE __mmask16 NAME(seen)(const ck_visible *see, int r, int32_t v) {
    int32_t skip = see->first[r] - v, count = see->end[r] - v;
    skip = skip < 0 ? 0 : skip > 16 ? 16 : skip;
    count = count < 0 ? 0 : count > 16 ? 16 : count;
    return (__mmask16)(((1u << count) - 1) & ~((1u << skip) - 1));
}

INLINE int NAME(sees_all)(const ck_visible *see, int r) {
    return see->first[r] <= see->low && see->end[r] >= see->high;
}

/// Weights of row r, columns v to v + 15.
INLINE __m512 NAME(weights)(const float *s, int32_t v, __m512 scale, __m512 top, int all, const ck_visible *see,
                            int r) {
    __m512 p = NAME(power)(_mm512_fmsub_ps(_mm512_loadu_ps(s + v), scale, top));
    return all ? p : _mm512_maskz_mov_ps(NAME(seen)(see, r, v), p);
}

/// The exponentials of one row; returns their sums by lane.
INLINE __m512 NAME(softmax_row)(const float *s, int all, const ck_visible *see, int r, __m512 scale, float top,
                                uint32_t *p) {
    __m512 shift = _mm512_set1_ps(top), sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int32_t v = see->low; v < see->high; v += 32) {
        __m512 x = NAME(weights)(s, v, scale, shift, all, see, r);
        __m512 y = NAME(weights)(s, v + 16, scale, shift, all, see, r);
        sum[0] = _mm512_add_ps(sum[0], x);
        sum[1] = _mm512_add_ps(sum[1], y);
#if PAIRS
        _mm512_storeu_si512(p + v / 2, (__m512i)_mm512_cvtne2ps_pbh(y, x));
#else
        _mm512_storeu_ps((float *)p + v, x);
        _mm512_storeu_ps((float *)p + v + 16, y);
#endif
    }
    return _mm512_add_ps(sum[0], sum[1]);
}

static void NAME(softmax)(float *s, const ck_visible *see, float scale, float *top, float *total, float *factors,
                          uint32_t *p) {
    float tops[16] = {0}, older[16] = {0};
    __m512 scales = _mm512_set1_ps(scale);
    for (int r = 0; r < ROWS; r++) {
        __m512 largest = _mm512_set1_ps(-INFINITY);
        const float *row = s + r * KEYS;
        if (NAME(sees_all)(see, r))
            for (int32_t v = see->low; v < see->high; v += 16)
                largest = _mm512_max_ps(largest, _mm512_loadu_ps(row + v));
        else
            for (int32_t v = see->low; v < see->high; v += 16)
                largest = _mm512_mask_max_ps(largest, NAME(seen)(see, r, v), largest, _mm512_loadu_ps(row + v));
        float value = _mm512_reduce_max_ps(largest) * scale;
        older[r] = top[r];
        tops[r] = see->first[r] < see->end[r] && value > top[r] ? value : top[r];
        top[r] = tops[r];
    }
    // Equal tops, also none so far (-inf), leave sums as they are.
    __m512 before = _mm512_loadu_ps(older), after = _mm512_loadu_ps(tops);
    __m512 change = NAME(power)(_mm512_sub_ps(before, after));
    change = _mm512_mask_mov_ps(change, _mm512_cmp_ps_mask(before, after, _CMP_EQ_OQ), _mm512_set1_ps(1.0f));
    _mm512_mask_storeu_ps(factors, (1 << ROWS) - 1, change);
    for (int r = 0; r < ROWS; r++) {
        const float *row = s + r * KEYS;
        __m512 sum = NAME(sees_all)(see, r)
                         ? NAME(softmax_row)(row, 1, see, r, scales, tops[r], p + r * ROW_WORDS)
                         : NAME(softmax_row)(row, 0, see, r, scales, tops[r], p + r * ROW_WORDS);
        __m512 sums = _mm512_loadu_ps(total + 16 * r);
        _mm512_storeu_ps(total + 16 * r, _mm512_fmadd_ps(sums, _mm512_set1_ps(factors[r]), sum));
    }
}

// ---- gradient of the softmax

/// Weights of one row into p, ds into ds.
INLINE void NAME(gradient_vector)(const float *s, const float *dp, int32_t v, int all, const ck_visible *see, int r,
                                  __m512 log2_scale, __m512 scale, const float *lse, const float *delta, __m512 *p,
                                  __m512 *ds) {
    *p = NAME(weights)(s + r * KEYS, v, log2_scale, _mm512_set1_ps(lse[r]), all, see, r);
    __m512 difference = _mm512_sub_ps(_mm512_loadu_ps(dp + r * KEYS + v), _mm512_set1_ps(delta[r]));
    *ds = _mm512_mul_ps(_mm512_mul_ps(*p, scale), difference);
    if (!all) *ds = _mm512_maskz_mov_ps(NAME(seen)(see, r, v), *ds);
}

#if PAIRS
/// The bfloat16 of two rows side by side: 16 pairs.
INLINE __m512i NAME(interleave)(__m512 low, __m512 high) {
    static const uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_loadu_si512(order), (__m512i)_mm512_cvtne2ps_pbh(high, low));
}
#endif

INLINE void NAME(gradient_rows)(const float *s, const float *dp, int all, const ck_visible *see, int r,
                                __m512 log2_scale, __m512 scale, const float *lse, const float *delta,
                                uint32_t *weights, uint32_t *ds, uint32_t *ds_rows) {
#if PAIRS
    uint32_t *to = weights + r / 2 * KEYS, *to_ds = ds + r / 2 * KEYS;
    for (int32_t v = see->low; v < see->high; v += 32) {
        __m512 p[2][2], d[2][2];
        UNROLL for (int i = 0; i < 2; i++) {
            UNROLL for (int j = 0; j < 2; j++)
                NAME(gradient_vector)(s, dp, v + 16 * j, all, see, r + i, log2_scale, scale, lse, delta, &p[i][j],
                                      &d[i][j]);
            _mm512_storeu_si512(ds_rows + (r + i) * ROW_WORDS + v / 2, (__m512i)_mm512_cvtne2ps_pbh(d[i][1], d[i][0]));
        }
        UNROLL for (int j = 0; j < 2; j++) {
            _mm512_storeu_si512(to + v + 16 * j, NAME(interleave)(p[0][j], p[1][j]));
            _mm512_storeu_si512(to_ds + v + 16 * j, NAME(interleave)(d[0][j], d[1][j]));
        }
    }
#else
    (void)ds_rows;
    for (int32_t v = see->low; v < see->high; v += 16) {
        __m512 p, d;
        NAME(gradient_vector)(s, dp, v, all, see, r, log2_scale, scale, lse, delta, &p, &d);
        _mm512_storeu_ps((float *)weights + r * KEYS + v, p);
        _mm512_storeu_ps((float *)ds + r * KEYS + v, d);
    }
#endif
}

static void NAME(gradient)(const float *s, const float *dp, const ck_visible *see, float log2_scale, float scale,
                           const float *lse, const float *delta, uint32_t *weights, uint32_t *ds, uint32_t *ds_rows) {
    __m512 log2_scales = _mm512_set1_ps(log2_scale), scales = _mm512_set1_ps(scale);
    for (int r = 0; r < ROWS; r += 1 + PAIRS) {
        int all = NAME(sees_all)(see, r) && NAME(sees_all)(see, r + PAIRS);
        if (all)
            NAME(gradient_rows)(s, dp, 1, see, r, log2_scales, scales, lse, delta, weights, ds, ds_rows);
        else
            NAME(gradient_rows)(s, dp, 0, see, r, log2_scales, scales, lse, delta, weights, ds, ds_rows);
        int64_t word = r / (1 + PAIRS) * KEYS;
        __m512i zero = _mm512_setzero_si512();
        if (see->low > 0) {
            _mm512_storeu_si512(weights + word + see->low - 16, zero);
            _mm512_storeu_si512(ds + word + see->low - 16, zero);
        }
        if (see->high < KEYS) {
            _mm512_storeu_si512(weights + word + see->high, zero);
            _mm512_storeu_si512(ds + word + see->high, zero);
        }
    }
}

#undef ADD
#undef ROW_WORDS
#undef INLINE
#undef UNROLL
