#include "Kernel.h"

#define READ_SAME(x) (x)
#define READ_BF16(x) ck_from_bf16(x)
#define TO_F32(v) ((float)(v))
#define TO_BF16(v) ck_to_bf16((float)(v))
#define TO_F64(v) ((double)(v))
#define TO_I32(v) ((int32_t)(v))
#define TO_U8(v) ((uint8_t)(int32_t)(v))

// One row of one pair of types, dense or strided.
#define ROW(X, Y, READ, WRITE)                                                                                         \
    {                                                                                                                  \
        const X *restrict from = x;                                                                                    \
        Y *restrict to = y;                                                                                            \
        if (xs == 1 && ys == 1)                                                                                        \
            for (int64_t i = 0; i < n; i++) to[i] = WRITE(READ(from[i]));                                              \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++) to[i * ys] = WRITE(READ(from[i * xs]));                                    \
        return;                                                                                                        \
    }

#define PAIRS(code, X, READ)                                                                                           \
    case code * 8 + CK_FLOAT32: ROW(X, float, READ, TO_F32)                                                            \
    case code * 8 + CK_BFLOAT16: ROW(X, uint16_t, READ, TO_BF16)                                                       \
    case code * 8 + CK_FLOAT64: ROW(X, double, READ, TO_F64)                                                           \
    case code * 8 + CK_INT32: ROW(X, int32_t, READ, TO_I32)                                                            \
    case code * 8 + CK_UINT8: ROW(X, uint8_t, READ, TO_U8)

CK_CLONES static void convert_row(void *y, int32_t y_type, int64_t ys, const void *x, int32_t x_type, int64_t xs,
                                  int64_t n) {
    switch (x_type * 8 + y_type) {
        PAIRS(CK_FLOAT32, float, READ_SAME)
        PAIRS(CK_BFLOAT16, uint16_t, READ_BF16)
        PAIRS(CK_FLOAT64, double, READ_SAME)
        PAIRS(CK_INT32, int32_t, READ_SAME)
        PAIRS(CK_UINT8, uint8_t, READ_SAME)
    }
}

static const int64_t sizes[5] = {4, 2, 8, 4, 1};

// Same type: bits are moved as they are.
static void move_row(void *y, int64_t ys, const void *x, int64_t xs, int64_t n, int64_t size) {
    if (xs == 1 && ys == 1) {
        memmove(y, x, (size_t)(n * size));
        return;
    }
#define MOVE(T)                                                                                                        \
    for (int64_t i = 0; i < n; i++) ((T *)y)[i * ys] = ((const T *)x)[i * xs];                                         \
    return;
    switch (size) {
        case 8: MOVE(uint64_t)
        case 4: MOVE(uint32_t)
        case 2: MOVE(uint16_t)
        default: MOVE(uint8_t)
    }
#undef MOVE
}

// A block of at most 32 x 32 words whose columns are dense in x: read densely, turned in a buffer whose odd row length
// keeps its columns out of each other's cache sets, written densely.
CK_CLONES static void turn_block(uint32_t *y, int64_t y_row, const uint32_t *x, int64_t x_column, int64_t rows,
                                 int64_t columns) {
    uint32_t buffer[32 * 33];
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++) buffer[r * 33 + c] = x[c * x_column + r];
    for (int64_t r = 0; r < rows; r++) memcpy(y + r * y_row, buffer + r * 33, (size_t)columns * 4);
}

void ck_copy(void *y, int32_t y_type, int64_t y_row, int64_t y_column, const void *x, int32_t x_type, int64_t x_row,
             int64_t x_column, int64_t rows, int64_t columns) {
    int64_t y_size = sizes[y_type], x_size = sizes[x_type];
    // A transposition goes through 32 x 32 blocks so that each line of the source is read while it is in cache.
    int transposing = x_row == 1 && x_column != 1;
    int64_t block = transposing ? 32 : columns;
    int64_t row_block = transposing ? 32 : rows;
    for (int64_t r0 = 0; r0 < rows; r0 += row_block) {
        int64_t r1 = ck_min(rows, r0 + row_block);
        for (int64_t c0 = 0; c0 < columns; c0 += block) {
            int64_t n = ck_min(block, columns - c0);
            if (transposing && y_column == 1 && x_type == y_type && x_size == 4) {
                turn_block((uint32_t *)y + r0 * y_row + c0, y_row, (const uint32_t *)x + r0 + c0 * x_column, x_column,
                           r1 - r0, n);
                continue;
            }
            for (int64_t r = r0; r < r1; r++) {
                char *to = (char *)y + (r * y_row + c0 * y_column) * y_size;
                const char *from = (const char *)x + (r * x_row + c0 * x_column) * x_size;
                if (x_type == y_type)
                    move_row(to, y_column, from, x_column, n, x_size);
                else
                    convert_row(to, y_type, y_column, from, x_type, x_column, n);
            }
        }
    }
}

#define FILL(T, v)                                                                                                     \
    {                                                                                                                  \
        T *to = y;                                                                                                     \
        T number = (v);                                                                                                \
        if (stride == 1)                                                                                               \
            for (int64_t i = 0; i < count; i++) to[i] = number;                                                        \
        else                                                                                                           \
            for (int64_t i = 0; i < count; i++) to[i * stride] = number;                                               \
        break;                                                                                                         \
    }

CK_CLONES void ck_fill(void *y, int32_t type, int64_t stride, int64_t count, double value) {
    switch (type) {
        case CK_FLOAT32: FILL(float, (float)value)
        case CK_BFLOAT16: FILL(uint16_t, TO_BF16(value))
        case CK_FLOAT64: FILL(double, value)
        case CK_INT32: FILL(int32_t, (int32_t)value)
        case CK_UINT8: FILL(uint8_t, (uint8_t)(int32_t)value)
    }
}

#define ADD(Y, X, SUM)                                                                                                 \
    {                                                                                                                  \
        Y *restrict to = y;                                                                                            \
        const X *restrict from = x;                                                                                    \
        for (int64_t i = 0; i < columns; i++) {                                                                        \
            Y old = to[i];                                                                                             \
            X add = from[i * x_column];                                                                                \
            to[i] = SUM;                                                                                               \
        }                                                                                                              \
        break;                                                                                                         \
    }

CK_CLONES void ck_add_row(void *y, int32_t y_type, const void *x, int32_t x_type, int64_t x_column, int64_t columns) {
    switch (y_type * 8 + x_type) {
        case CK_FLOAT32 * 8 + CK_FLOAT32: ADD(float, float, old + add)
        case CK_FLOAT32 * 8 + CK_BFLOAT16: ADD(float, uint16_t, old + ck_from_bf16(add))
        case CK_BFLOAT16 * 8 + CK_FLOAT32: ADD(uint16_t, float, ck_to_bf16(ck_from_bf16(old) + add))
        case CK_BFLOAT16 * 8 + CK_BFLOAT16: ADD(uint16_t, uint16_t, ck_to_bf16(ck_from_bf16(old) + ck_from_bf16(add)))
        case CK_FLOAT64 * 8 + CK_FLOAT64: ADD(double, double, old + add)
        case CK_FLOAT64 * 8 + CK_FLOAT32: ADD(double, float, old + (double)add)
    }
}
