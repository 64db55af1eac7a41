#include "Kernel.h"

// Philox-4x32 with ten rounds, words 0 and 1 of the block at each index (Salmon et al., SC 2011). The same numbers as
// the Random module's, which a test compares bit by bit.
CK_INLINE double uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
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
    uint64_t bits = (uint64_t)c1 << 32 | c0;
    return (double)(int64_t)(bits >> 11) * 0x1p-53;
}

CK_CLONES void ck_random(void *y, int32_t type, uint64_t seed, uint64_t stream, uint64_t first, int64_t count) {
    if (type == CK_FLOAT32) {
        float *to = y;
        for (int64_t i = 0; i < count; i++) to[i] = (float)uniform(seed, stream, first + (uint64_t)i);
    } else if (type == CK_FLOAT64) {
        double *to = y;
        for (int64_t i = 0; i < count; i++) to[i] = uniform(seed, stream, first + (uint64_t)i);
    } else {
        uint16_t *to = y;
        for (int64_t i = 0; i < count; i++) to[i] = ck_to_bf16((float)uniform(seed, stream, first + (uint64_t)i));
    }
}
