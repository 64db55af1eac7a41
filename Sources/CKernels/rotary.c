// T tokens, H heads, D head size, R rotated dims

#include "Rows.h"

CK_CLONES void ck_rotary(void *y, int32_t y_type, const void *x, int32_t x_type, int64_t y_head, int64_t x_head,
                         int64_t heads, int64_t head_size, int64_t half, const float *cosine, const float *sine,
                         float sign, float *scratch) {
#pragma clang fp contract(fast)
    for (int64_t h = 0; h < heads; h++) {
        const float *from = ck_read_row(x, x_type, h * x_head, head_size, scratch);
        float *to = ck_result_row(y, y_type, h * y_head, scratch + head_size);
        // In place, both halves of a pair are read before either is written.
        CK_VECTORIZE for (int64_t i = 0; i < half; i++) {
            float a = from[i], b = from[half + i], s = sine[i] * sign;
            to[i] = a * cosine[i] - b * s;
            to[half + i] = b * cosine[i] + a * s;
        }
        if (from != to) memcpy(to + 2 * half, from + 2 * half, (size_t)(head_size - 2 * half) * sizeof(float));
        ck_write_row(y, y_type, h * y_head, head_size, to);
    }
}
