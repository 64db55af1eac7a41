#ifndef CXXHASH_H
#define CXXHASH_H
#include <stddef.h>
#include <stdint.h>

/// A running xxh64 with seed 0 (the checksum that MDS names "xxh64").
typedef struct ft_xxh64_state ft_xxh64_state;

/// A new state, or NULL when there is no memory; freed by ft_xxh64_free.
ft_xxh64_state *ft_xxh64_create(void);

void ft_xxh64_update(ft_xxh64_state *state, const void *bytes, size_t length);

/// The checksum of all bytes so far.
uint64_t ft_xxh64_digest(const ft_xxh64_state *state);

void ft_xxh64_free(ft_xxh64_state *state);

#endif
