#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "Kernel.h"
#include <sys/mman.h>

CK_CLONES uint64_t ck_read(const void *x, int64_t byte_count) {
    const uint64_t *words = x;
    uint64_t lanes[64] = {0};
    int64_t count = byte_count / 8, i = 0;
    for (; i + 64 <= count; i += 64)
        for (int l = 0; l < 64; l++) lanes[l] ^= words[i + l];
    for (; i < count; i++) lanes[0] ^= words[i];
    for (int l = 1; l < 64; l++) lanes[0] ^= lanes[l];
    return lanes[0];
}

void ck_advise_huge(void *address, size_t byte_count) {
#if defined(MADV_HUGEPAGE)
    madvise(address, byte_count, MADV_HUGEPAGE);
#else
    (void)address, (void)byte_count;
#endif
}
