// Shazeer 2020, arXiv 2002.05202, eq. 6: y = g s(g) u with s the sigmoid

#include "Math.h"
#include "Rows.h"

#define SAME(x) (x)
// Elements between two fetches of the row that comes next.
enum { PIECE = 256 };

// Values stay in registers from the read to the write, which the tiles of a program cannot do.
#define FORWARD(T, READ, WRITE)                                                                                        \
    for (int64_t row = first; row < end; row++) {                                                                      \
        const T *restrict g = (const T *)x->gate + row * x->gate_stride;                                               \
        const T *restrict u = (const T *)x->up + row * x->up_stride;                                                   \
        T *restrict to = (T *)x->y + row * x->y_stride;                                                                \
        for (int64_t start = 0; start < x->columns; start += PIECE) {                                                  \
            int64_t stop = ck_min(start + PIECE, x->columns);                                                          \
            ck_fetch(g + x->gate_stride + start, (stop - start) * (int64_t)sizeof(T));                                 \
            ck_fetch(u + x->up_stride + start, (stop - start) * (int64_t)sizeof(T));                                   \
            for (int64_t i = start; i < stop; i++) {                                                                   \
                float s;                                                                                               \
                to[i] = WRITE(ck_silu(READ(g[i]), &s) * READ(u[i]));                                                   \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    break;

CK_CLONES void ck_swiglu(const ck_swiglu_rows *x, int64_t first, int64_t end) {
    switch (x->type) {
        case CK_FLOAT32: FORWARD(float, SAME, SAME)
        default: FORWARD(uint16_t, ck_from_bf16, ck_to_bf16)
    }
}

// du = dy g s, dg = dy u (s + g s (1 - s))
#define BACKWARD(T, READ, WRITE)                                                                                       \
    for (int64_t row = first; row < end; row++) {                                                                      \
        const T *restrict g = (const T *)x->gate + row * x->gate_stride;                                               \
        const T *restrict u = (const T *)x->up + row * x->up_stride;                                                   \
        const T *restrict d = (const T *)x->dy + row * x->dy_stride;                                                   \
        T *restrict to_gate = (T *)x->dgate + row * x->dgate_stride;                                                   \
        T *restrict to_up = (T *)x->dup + row * x->dup_stride;                                                         \
        for (int64_t start = 0; start < x->columns; start += PIECE) {                                                  \
            int64_t stop = ck_min(start + PIECE, x->columns);                                                          \
            ck_fetch(g + x->gate_stride + start, (stop - start) * (int64_t)sizeof(T));                                 \
            ck_fetch(u + x->up_stride + start, (stop - start) * (int64_t)sizeof(T));                                   \
            ck_fetch(d + x->dy_stride + start, (stop - start) * (int64_t)sizeof(T));                                   \
            for (int64_t i = start; i < stop; i++) {                                                                   \
                float s, silu = ck_silu(READ(g[i]), &s), gradient = READ(d[i]);                                        \
                to_up[i] = WRITE(gradient * silu);                                                                     \
                to_gate[i] = WRITE(gradient * READ(u[i]) * (s + silu - silu * s));                                     \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    break;

CK_CLONES void ck_swiglu_backward(const ck_swiglu_rows *x, int64_t first, int64_t end) {
#pragma clang fp contract(fast)
    switch (x->type) {
        case CK_FLOAT32: BACKWARD(float, SAME, SAME)
        default: BACKWARD(uint16_t, ck_from_bf16, ck_to_bf16)
    }
}
