#include "Check.h"

/// Number `index` of Philox-4x32-10 (Salmon et al., SC 2011), from 64-bit products.
static double philox(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t c[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t turned[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                              (uint32_t)a};
        memcpy(c, turned, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return (double)(((uint64_t)c[1] << 32 | c[0]) >> 11) / 0x1p53;
}

void test_random(void) {
    const int32_t types[] = {CK_FLOAT32, CK_FLOAT64, CK_BFLOAT16};
    const uint64_t firsts[] = {0, 5, 0xfffffff0u, 1ull << 40};
    for (int64_t t = 0; t < COUNT(types); t++)
        for (int64_t f = 0; f < COUNT(firsts); f++)
            EACH(count, 0, 1, 7, 16, 37, 300) {
                describe("ck_random type %d, %lld from %llu", types[t], (long long)count,
                         (unsigned long long)firsts[f]);
                void *y = array(types[t], count);
                ck_random(y, types[t], 0x123456789abcdef0u, 77, firsts[f], count);
                for (int64_t i = 0; i < count; i++)
                    near("y", i, get(y, types[t], i),
                         rounded(types[t], philox(0x123456789abcdef0u, 77, firsts[f] + (uint64_t)i)), 0, 0);
                release();
            }
}
