#ifndef CXXHASH_H
#define CXXHASH_H
#include <stddef.h>
#include <stdint.h>

/// xxh64 of `length` bytes with seed 0 (the checksum that MDS names "xxh64").
uint64_t ft_xxh64(const void *bytes, size_t length);

#endif
