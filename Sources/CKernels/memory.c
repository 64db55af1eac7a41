#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "CKernels.h"
#include <sys/mman.h>

void ck_advise_huge(void *address, size_t byte_count) {
#if defined(MADV_HUGEPAGE)
    madvise(address, byte_count, MADV_HUGEPAGE);
#else
    (void)address, (void)byte_count;
#endif
}
