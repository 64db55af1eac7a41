// libxxhash is header-only when inlined, so nothing is needed at run time.
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "CXXHash.h"

struct ft_xxh64_state { XXH64_state_t inner; };

ft_xxh64_state *ft_xxh64_create(void) {
    ft_xxh64_state *state = malloc(sizeof(ft_xxh64_state));
    if (state) XXH64_reset(&state->inner, 0);
    return state;
}

void ft_xxh64_update(ft_xxh64_state *state, const void *bytes, size_t length) {
    XXH64_update(&state->inner, bytes, length);
}

uint64_t ft_xxh64_digest(const ft_xxh64_state *state) { return XXH64_digest(&state->inner); }

void ft_xxh64_free(ft_xxh64_state *state) { free(state); }
