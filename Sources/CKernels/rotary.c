// T tokens, H heads, D head size, R rotated dims

#include "Kernel.h"

#define SAME(x) (x)
// Of type FROM read by READ into type TO by WRITE. In place, both halves of a pair are read before either is written.
#define TURN(FROM, READ, TO, WRITE)                                                                                    \
    for (int64_t h = 0; h < heads; h++) {                                                                              \
        const FROM *from = (const FROM *)x + h * x_head;                                                               \
        TO *to = (TO *)y + h * y_head;                                                                                 \
        CK_VECTORIZE for (int64_t i = 0; i < half; i++) {                                                              \
            float a = READ(from[i]), b = READ(from[half + i]), s = sine[i] * sign;                                     \
            to[i] = WRITE(a * cosine[i] - b * s);                                                                      \
            to[half + i] = WRITE(b * cosine[i] + a * s);                                                               \
        }                                                                                                              \
        if ((const void *)from == (const void *)to) continue;                                                          \
        CK_VECTORIZE for (int64_t i = 2 * half; i < head_size; i++) to[i] = WRITE(READ(from[i]));                      \
    }                                                                                                                  \
    return;

CK_CLONES void ck_rotary(void *y, int32_t y_type, const void *x, int32_t x_type, int64_t y_head, int64_t x_head,
                         int64_t heads, int64_t head_size, int64_t half, const float *cosine, const float *sine,
                         float sign) {
#pragma clang fp contract(fast)
    if (x_type == CK_FLOAT32) {
        if (y_type == CK_FLOAT32) { TURN(float, SAME, float, SAME) }
        TURN(float, SAME, uint16_t, ck_to_bf16)
    }
    if (y_type == CK_FLOAT32) { TURN(uint16_t, ck_from_bf16, float, SAME) }
    TURN(uint16_t, ck_from_bf16, uint16_t, ck_to_bf16)
}
