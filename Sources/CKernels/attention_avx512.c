#include "Attention.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LEVEL "avx512f,avx512bw,avx512vl,avx512dq,fma"

#pragma clang attribute push(__attribute__((target(LEVEL))), apply_to = function)
#define PAIRS 0
#define NAME(x) x##_floats
#include "AttentionAVX512.h"
#pragma clang attribute pop

const ck_attention_kernels ck_attention_avx512 = {
    1, pack_columns_floats, pack_rows_floats, columns_floats, rows_floats, softmax_floats, gradient_floats,
};

#undef PAIRS
#undef NAME
#pragma clang attribute push(__attribute__((target(LEVEL ",avx512bf16"))), apply_to = function)
#define PAIRS 1
#define NAME(x) x##_pairs
#include "AttentionAVX512.h"
#pragma clang attribute pop

const ck_attention_kernels ck_attention_bfloat16 = {
    2, pack_columns_pairs, pack_rows_pairs, columns_pairs, rows_pairs, softmax_pairs, gradient_pairs,
};
#endif
