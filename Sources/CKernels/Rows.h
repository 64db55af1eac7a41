#ifndef CKERNELS_ROWS_H
#define CKERNELS_ROWS_H

#include "Kernel.h"

// Dense rows of float32 or bfloat16, read into and written from float32.

/// Fetches `bytes` from `at` on, which need not exist: what is computed on is in the cache when its turn comes. One
/// core alone asks for too little at a time to use the memory's bandwidth.
CK_INLINE void ck_fetch(const void *at, int64_t bytes) {
    for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch((const char *)at + b);
}

/// The row itself when it is float32, else its copy in `scratch`.
CK_INLINE const float *ck_read_row(const void *x, int32_t type, int64_t offset, int64_t n, float *restrict scratch) {
    if (type == CK_FLOAT32) return (const float *)x + offset;
    const uint16_t *from = (const uint16_t *)x + offset;
    for (int64_t i = 0; i < n; i++) scratch[i] = ck_from_bf16(from[i]);
    return scratch;
}

/// Where to write a row of float32: the row itself or `scratch`, to be followed by ck_write_row.
CK_INLINE float *ck_result_row(void *y, int32_t type, int64_t offset, float *scratch) {
    return type == CK_FLOAT32 ? (float *)y + offset : scratch;
}

CK_INLINE void ck_write_row(void *y, int32_t type, int64_t offset, int64_t n, const float *restrict scratch) {
    if (type == CK_FLOAT32) return;
    uint16_t *to = (uint16_t *)y + offset;
    for (int64_t i = 0; i < n; i++) to[i] = ck_to_bf16(scratch[i]);
}

#endif
