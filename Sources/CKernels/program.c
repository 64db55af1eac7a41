#include "Math.h"

// Every loop writes whole registers of a tile that stays in the first-level cache. A register may be written where an
// operand of the same instruction lies, at the same index.

#define LOOP(EXPR)                                                                                                     \
    CK_VECTORIZE                                                                                                       \
    for (int64_t i = 0; i < n; i++) to[i] = (EXPR);                                                                    \
    break;

CK_INLINE float sign_of(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : 0.0f); }

CK_INLINE void unary(int32_t code, float *to, const float *a, int64_t n) {
    switch (code) {
        case 0: LOOP(-a[i])
        case 1: LOOP(ck_exp(a[i]))
        case 2: LOOP(ck_log(a[i]))
        case 3: LOOP(__builtin_elementwise_sqrt(a[i]))
        case 4: LOOP(ck_tanh(a[i]))
        case 5: LOOP(ck_erf(a[i]))
        case 6: LOOP(fabsf(a[i]))
        case 7: LOOP(sign_of(a[i]))
        case 8: LOOP(1.0f / a[i])
        case 9: LOOP(ck_log1p(a[i]))
        case 10: LOOP(ck_sigmoid(a[i]))
    }
}

// An operand is a vector or one number.
#define BINARY(F)                                                                                                      \
    if (a_vector && b_vector) {                                                                                        \
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = F(a[i], b[i]);                                            \
    } else if (a_vector) {                                                                                             \
        float y = *b;                                                                                                  \
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = F(a[i], y);                                               \
    } else {                                                                                                           \
        float x = *a;                                                                                                  \
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = F(x, b[i]);                                               \
    }                                                                                                                  \
    break;

#define ADD(x, y) ((x) + (y))
#define SUBTRACT(x, y) ((x) - (y))
#define MULTIPLY(x, y) ((x) * (y))
#define DIVIDE(x, y) ((x) / (y))
// A NaN on either side is kept.
#define MAXIMUM(x, y) ((x) > (y) ? (x) : ((y) == (y) ? ((x) == (x) ? (y) : (x)) : (y)))
#define MINIMUM(x, y) ((x) < (y) ? (x) : ((y) == (y) ? ((x) == (x) ? (y) : (x)) : (y)))
#define LESS(x, y) ((x) < (y) ? 1.0f : 0.0f)
#define EQUAL(x, y) ((x) == (y) ? 1.0f : 0.0f)

CK_INLINE void binary(int32_t code, float *to, const float *a, int a_vector, const float *b, int b_vector,
                      int64_t n) {
    switch (code) {
        case 16: BINARY(ADD)
        case 17: BINARY(SUBTRACT)
        case 18: BINARY(MULTIPLY)
        case 19: BINARY(DIVIDE)
        case 20: BINARY(MAXIMUM)
        case 21: BINARY(MINIMUM)
        case 22: BINARY(LESS)
        case 23: BINARY(EQUAL)
    }
}

CK_INLINE void select_row(float *to, const float *c, int c_vector, const float *a, int a_vector, const float *b,
                          int b_vector, int64_t n) {
    if (!c_vector) {
        int first = *c != 0.0f;
        const float *from = first ? a : b;
        if (first ? a_vector : b_vector) {
            if (from != to) memmove(to, from, (size_t)n * sizeof(float));
        } else {
            float x = *from;
            for (int64_t i = 0; i < n; i++) to[i] = x;
        }
    } else if (a_vector && b_vector) {
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0.0f ? a[i] : b[i];
    } else if (a_vector) {
        float y = *b;
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0.0f ? a[i] : y;
    } else if (b_vector) {
        float x = *a;
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0.0f ? x : b[i];
    } else {
        float x = *a, y = *b;
        CK_VECTORIZE for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0.0f ? x : y;
    }
}

CK_INLINE float sum_row(const float *a, int64_t n) {
#pragma clang fp reassociate(on)
    double total = 0;
    for (int64_t start = 0; start < n; start += 2048) {
        int64_t end = ck_min(n, start + 2048);
        float block = 0;
        for (int64_t i = start; i < end; i++) block += a[i];
        total += (double)block;
    }
    return (float)total;
}

CK_INLINE float max_row(const float *a, int64_t n) {
    // Sixteen running maxima; a NaN is seen by the sum of x != x.
    float lanes[16];
    int32_t nan = 0;
    for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++) lanes[l] = a[i + l] > lanes[l] ? a[i + l] : lanes[l];
    for (; i < n; i++) lanes[0] = a[i] > lanes[0] ? a[i] : lanes[0];
    for (i = 0; i < n; i++) nan |= a[i] != a[i];
    for (int l = 1; l < 16; l++) lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    return nan ? NAN : lanes[0];
}

#define SAME(x) (x)
#define LOAD(T, READ)                                                                                                  \
    {                                                                                                                  \
        const T *from = (const T *)base + offset;                                                                      \
        if (stride == 1)                                                                                               \
            for (int64_t i = 0; i < n; i++) to[i] = READ(from[i]);                                                     \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++) to[i] = READ(from[i * stride]);                                            \
        break;                                                                                                         \
    }

CK_INLINE void load_row(float *restrict to, const char *base, int32_t type, int64_t offset, int64_t stride, int64_t n) {
    switch (type) {
        case CK_FLOAT32: LOAD(float, SAME)
        case CK_BFLOAT16: LOAD(uint16_t, ck_from_bf16)
        case CK_FLOAT64: LOAD(double, (float))
        case CK_INT32: LOAD(int32_t, (float))
        default: LOAD(uint8_t, (float))
    }
}

// A step of 0 in the source repeats its first number.
#define STORE(T, WRITE)                                                                                                \
    {                                                                                                                  \
        T *to = (T *)base + offset;                                                                                    \
        if (step == 0) {                                                                                               \
            T x = WRITE(from[0]);                                                                                      \
            for (int64_t i = 0; i < n; i++) to[i * stride] = x;                                                        \
        } else if (stride == 1) {                                                                                      \
            for (int64_t i = 0; i < n; i++) to[i] = WRITE(from[i]);                                                    \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++) to[i * stride] = WRITE(from[i]);                                           \
        }                                                                                                              \
        break;                                                                                                         \
    }
#define TO_U8(x) ((uint8_t)(int32_t)(x))

CK_INLINE void store_row(char *base, int32_t type, int64_t offset, int64_t stride, const float *restrict from,
                         int64_t step, int64_t n) {
    switch (type) {
        case CK_FLOAT32: STORE(float, SAME)
        case CK_BFLOAT16: STORE(uint16_t, ck_to_bf16)
        case CK_FLOAT64: STORE(double, (double))
        case CK_INT32: STORE(int32_t, (int32_t))
        default: STORE(uint8_t, TO_U8)
    }
}

CK_INLINE int64_t row_offset(const ck_map *map, const ck_map_view *view, int64_t row) {
    int64_t offset = 0;
    for (int32_t dim = map->dims - 1; dim > 0; dim--) {
        offset += (row % map->shape[dim]) * view->strides[dim];
        row /= map->shape[dim];
    }
    return map->dims > 0 ? offset + row * view->strides[0] : 0;
}

/// Fetches piece `k` of `pieces` of what the next tile reads: reading and computing take turns in a tile, and the memory
/// would idle meanwhile.
CK_INLINE void fetch_next(const char *const *next, int32_t count, int64_t bytes, int32_t k, int32_t pieces) {
    int64_t lines = bytes / 64, from = lines * k / pieces, to = lines * (k + 1) / pieces;
    for (int32_t input = 0; input < count; input++)
        for (int64_t line = from; line < to; line++) __builtin_prefetch(next[input] + line * 64);
}

/// Where a value of the tile lies: its first number, whether a row of it is a vector, and the step from row to row.
typedef struct { const float *at; int vector; int64_t step; } operand;

CK_CLONES void ck_map_tile(const ck_map *map, int64_t row, int64_t rows, int64_t column, int64_t columns,
                           float *scratch) {
    float *row_registers = scratch + map->full_count * map->full_size;
    // Input registers may stand for the caller's memory, so registers are named by pointers.
    const float *full[map->full_count + 1];
    for (int32_t r = 0; r < map->full_count; r++) full[r] = scratch + r * map->full_size;
    const char *next[map->input_count + 1];
    int32_t next_count = 0;
    int64_t next_bytes = rows * columns * (int64_t)sizeof(float);
#define REGISTER(v)                                                                                                    \
    ((v).kind == CK_FULL ? scratch + (v).index * map->full_size : row_registers + (v).index * map->row_size)

    for (int32_t k = 0; k < map->input_count; k++) {
        const ck_map_view *view = &map->inputs[k];
        if (view->value.kind == CK_UNIFORM) continue;
        float *to = REGISTER(view->value);
        int64_t length = view->value.kind == CK_FULL ? columns : 1;
        int64_t first = row_offset(map, view, row) + column * view->column_stride;
        if (view->direct && (rows == 1 || view->direct == 2)) {
            full[view->value.index] = (const float *)view->base + first;
            next[next_count++] = view->base + first * (int64_t)sizeof(float) + next_bytes;
        } else if (map->dims <= 1 && length == 1) {
            load_row(to, view->base, view->type, first, map->dims ? view->strides[0] : 0, rows);
        } else {
            for (int64_t r = 0; r < rows; r++)
                load_row(to + r * length, view->base, view->type,
                         row_offset(map, view, row + r) + column * view->column_stride, view->column_stride, length);
        }
    }

    for (int32_t k = 0; k < map->instruction_count; k++) {
        const ck_instruction *it = &map->instructions[k];
        fetch_next(next, next_count, next_bytes, k, map->instruction_count);
        float *to = REGISTER(it->to);
        if (it->output >= 0) {
            const ck_map_view *view = &map->outputs[it->output];
            if (rows == 1 || view->direct == 2) to = (float *)view->base + row_offset(map, view, row) + column;
        }
        int full_result = it->to.kind == CK_FULL;
        int by_row = 0;
        operand operands[3];
        const ck_value values[3] = {it->a, it->b, it->c};
        for (int o = 0; o < 3; o++) {
            ck_value v = values[o];
            if (v.kind == CK_FULL) {
                operands[o] = (operand){full[v.index], 1, columns};
            } else if (v.kind == CK_ROW) {
                operands[o] = (operand){row_registers + v.index * map->row_size, !full_result, 1};
                by_row |= full_result;
            } else {
                operands[o] = (operand){map->uniforms + v.index, 0, 0};
            }
        }
        // An input's register is scratch memory again once it is written.
        if (full_result) full[it->to.index] = to;
        operand a = operands[0], b = operands[1], c = operands[2];
        int64_t length = full_result ? columns : 1;
        if (it->code < 16) {
            unary(it->code, to, a.at, rows * length);
        } else if (it->code < CK_SELECT) {
            int64_t passes = by_row ? rows : 1, n = by_row ? columns : rows * length;
            for (int64_t r = 0; r < passes; r++)
                binary(it->code, to + r * n, a.at + r * a.step, a.vector, b.at + r * b.step, b.vector, n);
        } else if (it->code == CK_SELECT) {
            int64_t passes = by_row ? rows : 1, n = by_row ? columns : rows * length;
            for (int64_t r = 0; r < passes; r++)
                select_row(to + r * n, a.at + r * a.step, a.vector, b.at + r * b.step, b.vector, c.at + r * c.step,
                           c.vector, n);
        } else if (it->code == CK_ROW_SUM) {
            for (int64_t r = 0; r < rows; r++) to[r] = sum_row(a.at + r * columns, columns);
        } else if (it->code == CK_ROW_MAX) {
            for (int64_t r = 0; r < rows; r++) to[r] = max_row(a.at + r * columns, columns);
        } else {
            for (int64_t r = 0; r < rows; r++)
                for (int64_t i = 0; i < columns; i++) to[r * columns + i] = (float)(column + i);
        }
    }

    for (int32_t k = 0; k < map->output_count; k++) {
        const ck_map_view *view = &map->outputs[k];
        ck_value v = view->value;
        const float *from = v.kind == CK_FULL  ? full[v.index]
                            : v.kind == CK_ROW ? row_registers + v.index * map->row_size
                                               : map->uniforms + v.index;
        int64_t step = v.kind == CK_FULL ? columns : v.kind == CK_ROW;
        // The rows of a direct output have `columns` elements, of others one.
        int64_t length = view->direct ? columns : 1;
        // Written by its instruction, as only float32 is. Counted in floats, the place of other numbers would be beyond
        // the output's memory, and now and then where the register lies.
        int is_float = view->type == CK_FLOAT32;
        if (is_float && from == (const float *)view->base + row_offset(map, view, row) + column) continue;
        for (int64_t r = 0; r < rows; r++)
            store_row(view->base, view->type,
                      row_offset(map, view, row + r) + (view->direct ? column * view->column_stride : 0),
                      view->column_stride, from + r * step, v.kind == CK_FULL, length);
    }
#undef REGISTER
}
