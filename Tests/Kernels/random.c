#include "Check.h"

/// Block `index` of Philox-4x32-10 (Salmon et al., SC 2011), from 64-bit products.
static void philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t c[4]) {
    const uint32_t start[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    memcpy(c, start, sizeof start);
    uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t turned[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                              (uint32_t)a};
        memcpy(c, turned, sizeof turned);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
}

static double uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t c[4];
    philox(seed, stream, index, c);
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
                         rounded(types[t], uniform(0x123456789abcdef0u, 77, firsts[f] + (uint64_t)i)), 0, 0);
                release();
            }
}

void test_round_bfloat16(void) {
    const uint64_t firsts[] = {0, 7, 128, 1000003, 1ull << 40};
    for (int64_t f = 0; f < COUNT(firsts); f++)
        EACH(count, 0, 1, 15, 16, 130, 700) {
            describe("ck_round_bfloat16 of %lld from %llu", (long long)count, (unsigned long long)firsts[f]);
            float *x = floats(count, 3);
            if (count > 3) x[1] = NAN, x[2] = INFINITY, x[3] = 1.5f;
            uint16_t *y = array(CK_BFLOAT16, count);
            ck_round_bfloat16(y, x, 11, 12, firsts[f], count);
            for (int64_t i = 0; i < count; i++) {
                uint64_t e = firsts[f] + (uint64_t)i, half = e / 16 % 8;
                uint32_t words[4], bits;
                philox(11, 12, e / 128 * 16 + e % 16, words);
                double share = (words[half / 2] >> half % 2 * 16 & 0xffff) / 0x1p16;
                // Down is towards zero; up is the next number of larger magnitude.
                memcpy(&bits, &x[i], 4);
                double over = (bits & 0xffff) / 0x1p16;
                uint16_t down = (uint16_t)(bits >> 16), rounded = (uint16_t)(down + (over + share >= 1));
                near("y", i, get(y, CK_BFLOAT16, i), isnan(x[i]) ? NAN : get(&rounded, CK_BFLOAT16, 0), 0, 0);
            }
            release();
        }
}
