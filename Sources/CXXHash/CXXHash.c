// libxxhash is header-only when inlined, so nothing is needed at run time.
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "CXXHash.h"

uint64_t ft_xxh64(const void *bytes, size_t length) { return XXH64(bytes, length, 0); }
