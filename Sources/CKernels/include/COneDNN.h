#ifndef CONEDNN_H
#define CONEDNN_H

// The one function table of libForktailOneDNN.so, which is opened when a product is to be taken by oneDNN.

#include <stdint.h>

enum { CK_ONEDNN_FORMAT = 1 };

/// c [M, N] = alpha a [M, K] b [K, N] + beta c; a and b of `type`, c of `c_type`: CK_FLOAT32 or CK_BFLOAT16. Sums are
/// float32. Strides are those of rows and columns, one of which is 1; c has dense rows. No dim is 0.
typedef struct {
    const void *a, *b;
    void *c;
    int64_t m, n, k;
    int64_t a_strides[2], b_strides[2], ldc;
    int32_t type, c_type;
    float alpha, beta;
} ck_onednn_product;

typedef struct ck_onednn_table {
    /// CK_ONEDNN_FORMAT; a table of another format is not read further.
    int32_t format;
    /// The version of oneDNN that is loaded.
    int32_t major, minor, patch;
    /// Whether oneDNN multiplies arrays of `type` on this CPU.
    int32_t (*supports)(int32_t type);
    /// Computes on the calling thread alone, with what this thread prepared for earlier products of the same form.
    /// Returns 0, or oneDNN's status.
    int32_t (*multiply)(const ck_onednn_product *product);
} ck_onednn_table;

/// The signature of the exported function `forktail_onednn`.
typedef const ck_onednn_table *(*ck_onednn_open)(void);

#endif
