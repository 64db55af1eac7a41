// N rows, C columns

#include "Check.h"

enum { LAYOUTS = 5 };

/// Row and column stride of a layout: dense, gaps, transposed, one row repeated, one column repeated.
static void strides(int64_t layout, int64_t rows, int64_t columns, int64_t *row, int64_t *column) {
    *row = (const int64_t[LAYOUTS]){columns, columns * 3 + 1, 1, 0, 1}[layout];
    *column = (const int64_t[LAYOUTS]){1, 2, rows + (rows == 0), 1, 0}[layout];
}

static int64_t extent(int64_t rows, int64_t columns, int64_t row, int64_t column) {
    return rows && columns ? (rows - 1) * row + (columns - 1) * column + 1 : 0;
}

static void copy(int32_t x_type, int32_t y_type, int64_t rows, int64_t columns, int64_t x_layout, int64_t y_layout) {
    describe("ck_copy type %d to %d, %lld x %lld, layout %lld to %lld", x_type, y_type, (long long)rows,
             (long long)columns, (long long)x_layout, (long long)y_layout);
    int64_t x_row, x_column, y_row, y_column;
    strides(x_layout, rows, columns, &x_row, &x_column);
    strides(y_layout, rows, columns, &y_row, &y_column);
    void *x = numbers(x_type, extent(rows, columns, x_row, x_column), x_type == CK_UINT8 ? 255 : 100);
    if (y_type == CK_UINT8)
        for (int64_t i = 0; i < extent(rows, columns, x_row, x_column); i++) put(x, x_type, i, fabs(get(x, x_type, i)));
    int64_t count = extent(rows, columns, y_row, y_column);
    void *y = numbers(y_type, count, 50);
    double *expected = widened(y, y_type, count);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            expected[r * y_row + c * y_column] = rounded(y_type, get(x, x_type, r * x_row + c * x_column));
    ck_copy(y, y_type, y_row, y_column, x, x_type, x_row, x_column, rows, columns);
    all_near("y", y, y_type, count, expected, 0, 0);
    release();
}

void test_copy(void) {
    for (int32_t x_type = 0; x_type < TYPES; x_type++)
        for (int32_t y_type = 0; y_type < TYPES; y_type++)
            EACH(rows, 0, 1, 3, 33)
                EACH(columns, 0, 1, 7, 65)
                    for (int64_t layout = 0; layout < LAYOUTS * 3; layout++)
                        copy(x_type, y_type, rows, columns, layout % LAYOUTS, layout / LAYOUTS);
    describe("ck_copy of the numbers at the edges of bfloat16");
    const double edges[] = {0.0,    -0.0,     INFINITY, -INFINITY,  NAN,   1 + 0x1p-8, 1 + 0x3p-8,  1 + 0x1.02p-8,
                            3.4e38, 0x1p-133, 0x1p-134, 0x1.8p-133, 1e-40, 65504,      -1.00390625, 0x1.fffffep127};
    float *x = array(CK_FLOAT32, COUNT(edges));
    for (int64_t i = 0; i < COUNT(edges); i++) x[i] = (float)edges[i];
    uint16_t *y = array(CK_BFLOAT16, COUNT(edges));
    ck_copy(y, CK_BFLOAT16, 0, 1, x, CK_FLOAT32, 0, 1, 1, COUNT(edges));
    for (int64_t i = 0; i < COUNT(edges); i++)
        near("y", i, get(y, CK_BFLOAT16, i), rounded(CK_BFLOAT16, (double)x[i]), 0, 0);
    release();
}

void test_fill(void) {
    for (int32_t type = 0; type < TYPES; type++)
        EACH(stride, 1, 2, 5)
            EACH(count, 0, 1, 17, 300) {
                describe("ck_fill type %d, %lld of stride %lld", type, (long long)count, (long long)stride);
                int64_t space = count ? (count - 1) * stride + 1 : 0;
                void *y = numbers(type, space, 50);
                double *expected = widened(y, type, space);
                for (int64_t i = 0; i < count; i++) expected[i * stride] = rounded(type, 3.7);
                ck_fill(y, type, stride, count, 3.7);
                all_near("y", y, type, space, expected, 0, 0);
                release();
            }
}

void test_add_row(void) {
    const int32_t pairs[][2] = {{CK_FLOAT32, CK_FLOAT32},   {CK_FLOAT32, CK_BFLOAT16}, {CK_BFLOAT16, CK_FLOAT32},
                                {CK_BFLOAT16, CK_BFLOAT16}, {CK_FLOAT64, CK_FLOAT64},  {CK_FLOAT64, CK_FLOAT32}};
    for (int64_t pair = 0; pair < COUNT(pairs); pair++)
        EACH(step, 0, 1, 3)
            EACH(columns, 0, 1, 15, 33, 257) {
                int32_t y_type = pairs[pair][0], x_type = pairs[pair][1];
                describe("ck_add_row type %d to %d, %lld of step %lld", x_type, y_type, (long long)columns,
                         (long long)step);
                void *x = numbers(x_type, columns ? (columns - 1) * step + 1 : 0, 2);
                void *y = numbers(y_type, columns, 2);
                double *expected = widened(y, y_type, columns);
                for (int64_t i = 0; i < columns; i++)
                    expected[i] = rounded(y_type, expected[i] + get(x, x_type, i * step));
                ck_add_row(y, y_type, x, x_type, step, columns);
                all_near("y", y, y_type, columns, expected, 0, 0);
                release();
            }
}
