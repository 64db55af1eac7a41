// Shazeer 2020, arXiv 2002.05202, eq. 6: y = g s(g) u with s the sigmoid

#include "Math.h"

#define SAME(x) (x)

// Values stay in registers from the read to the write, which the tiles of a program cannot do.
#define FORWARD(T, READ, WRITE)                                                                                        \
    {                                                                                                                  \
        const T *restrict g = gate, *restrict u = up;                                                                  \
        T *restrict to = y;                                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            float x = READ(g[i]);                                                                                      \
            to[i] = WRITE(x * ck_sigmoid(x) * READ(u[i]));                                                             \
        }                                                                                                              \
        break;                                                                                                         \
    }

CK_CLONES void ck_swiglu(void *y, const void *gate, const void *up, int32_t type, int64_t n) {
    switch (type) {
        case CK_FLOAT32: FORWARD(float, SAME, SAME)
        default: FORWARD(uint16_t, ck_from_bf16, ck_to_bf16)
    }
}

// du = dy g s, dg = dy u (s + g s (1 - s))
#define BACKWARD(T, READ, WRITE)                                                                                       \
    {                                                                                                                  \
        const T *restrict g = gate, *restrict u = up, *restrict d = dy;                                                \
        T *restrict to_gate = dgate, *restrict to_up = dup;                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            float x = READ(g[i]), s = ck_sigmoid(x), gradient = READ(d[i]), silu = x * s;                              \
            to_up[i] = WRITE(gradient * silu);                                                                         \
            to_gate[i] = WRITE(gradient * READ(u[i]) * (s + silu - silu * s));                                         \
        }                                                                                                              \
        break;                                                                                                         \
    }

CK_CLONES void ck_swiglu_backward(void *dgate, void *dup, const void *dy, const void *gate, const void *up,
                                  int32_t type, int64_t n) {
#pragma clang fp contract(fast)
    switch (type) {
        case CK_FLOAT32: BACKWARD(float, SAME, SAME)
        default: BACKWARD(uint16_t, ck_from_bf16, ck_to_bf16)
    }
}
