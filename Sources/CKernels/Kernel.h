#ifndef CKERNELS_KERNEL_H
#define CKERNELS_KERNEL_H

#include "CKernels.h"
#include <math.h>
#include <string.h>

// One binary serves every CPU: each kernel is compiled for three levels and chosen when the program loads. The thread
// sanitizer crashes in the choosing code, other architectures have one level, and tests build one level at a time.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer) && !defined(CK_ONE_LEVEL)
#define CK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CK_CLONES
#endif

// A helper that is not inlined into a clone would stay at the lowest level.
#define CK_INLINE static inline __attribute__((always_inline))
// Operands may be the very array that is written, never a shifted one.
#define CK_VECTORIZE _Pragma("clang loop vectorize(assume_safety)")

CK_INLINE uint32_t ck_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
CK_INLINE float ck_float(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

CK_INLINE float ck_from_bf16(uint16_t x) { return ck_float((uint32_t)x << 16); }

/// To nearest, ties to even; NaN stays NaN.
CK_INLINE uint16_t ck_to_bf16(float x) {
    uint32_t u = ck_bits(x);
    uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    uint32_t nan = (u >> 16) | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

CK_INLINE int64_t ck_min(int64_t a, int64_t b) { return a < b ? a : b; }
CK_INLINE int64_t ck_max(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
