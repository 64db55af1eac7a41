// N rows, C columns

#include "Check.h"

// Programs of random instructions over random layouts, against an interpreter that keeps every value of every element.
// Chains hold only what float32 does exactly in one way (additions, comparisons, ...), so they agree bit for bit; the
// elementary functions are run one at a time, to a few units in the last place.

enum { INPUTS = 3, STEPS = 6, VALUES = INPUTS + STEPS, OUTPUTS = 3, UNIFORMS = 4 };

typedef struct {
    ck_map map;
    ck_instruction instructions[STEPS];
    ck_map_view inputs[INPUTS], outputs[OUTPUTS];
    float uniforms[UNIFORMS];
    int64_t rows, columns;
    /// Values by number: inputs, then results of instructions.
    ck_value values[VALUES];
    float *numbers[VALUES];
} machine;

/// Offset of a row by counting up the dims, not by division.
static int64_t row_at(const machine *m, const ck_map_view *view, int64_t row) {
    int64_t index[CK_MAX_DIMS] = {0}, offset = 0;
    for (int64_t i = 0; i < row; i++)
        for (int32_t dim = m->map.dims - 1; dim >= 0 && ++index[dim] == m->map.shape[dim]; dim--) index[dim] = 0;
    for (int32_t dim = 0; dim < m->map.dims; dim++) offset += index[dim] * view->strides[dim];
    return offset;
}

/// A view of rows x length numbers: dense, with gaps, or repeated over the rows.
static void lay(machine *m, ck_map_view *view, int32_t type, int64_t length, int64_t kind) {
    *view = (ck_map_view){.type = type, .column_stride = kind == 1 ? 2 : 1};
    int64_t stride = length * view->column_stride + (kind == 1), space = 1;
    for (int32_t dim = m->map.dims - 1; dim >= 0; dim--) {
        view->strides[dim] = kind == 2 ? 0 : stride;
        stride *= m->map.shape[dim];
    }
    for (int64_t r = 0; r < m->rows; r++) {
        int64_t end = row_at(m, view, r) + (length - 1) * view->column_stride + 1;
        space = end > space ? end : space;
    }
    view->base = numbers(type, space, type == CK_INT32 || type == CK_UINT8 ? 9 : 2);
}

static int64_t space_of(const machine *m, const ck_map_view *view, int64_t length) {
    int64_t space = 0;
    for (int64_t r = 0; r < m->rows; r++) {
        int64_t end = row_at(m, view, r) + (length - 1) * view->column_stride + 1;
        space = length && end > space ? end : space;
    }
    return space;
}

static float sign(float x) { return (float)((x > 0) - (x < 0)); }

static float apply(int32_t code, float a, float b, float c) {
    switch (code) {
        case 0: return -a;
        case 1: return (float)exp((double)a);
        case 2: return (float)log((double)a);
        case 3: return sqrtf(a);
        case 4: return (float)tanh((double)a);
        case 5: return (float)erf((double)a);
        case 6: return fabsf(a);
        case 7: return sign(a);
        case 8: return 1 / a;
        case 9: return (float)log1p((double)a);
        case 10: return (float)(1 / (1 + exp(-(double)a)));
        case 16: return a + b;
        case 17: return a - b;
        case 18: return a * b;
        case 19: return a / b;
        case 20: return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
        case 21: return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
        case 22: return a < b;
        case 23: return a == b;
        default: return a != 0 ? b : c;
    }
}

/// Element (row, column) of a value.
static float number(const machine *m, ck_value value, const float *const *registers, int64_t row, int64_t column) {
    if (value.kind == CK_UNIFORM) return m->uniforms[value.index];
    for (int v = 0; v < VALUES; v++)
        if (m->values[v].kind == value.kind && m->values[v].index == value.index)
            return registers[v][value.kind == CK_FULL ? row * m->columns + column : row];
    abort();
}

static ck_value any_value(const machine *m, int64_t known) {
    int64_t choice = dice(known + 1);
    return choice == known ? (ck_value){CK_UNIFORM, (int32_t)dice(UNIFORMS)} : m->values[choice];
}

/// Adds one instruction; a value's register is its own, so that the interpreter may look back.
static void add(machine *m, int64_t step, int32_t code, const ck_value operands[3], int operand_count) {
    int32_t kind = code == CK_COLUMN ? CK_FULL : CK_UNIFORM;
    for (int o = 0; o < operand_count; o++) kind = operands[o].kind > kind ? operands[o].kind : kind;
    if (code == CK_ROW_SUM || code == CK_ROW_MAX) kind = CK_ROW;
    if (kind == CK_UNIFORM) kind = CK_ROW;
    int32_t *count = kind == CK_FULL ? &m->map.full_count : &m->map.row_count;
    ck_value to = {kind, (*count)++};
    m->values[INPUTS + step] = to;
    m->instructions[step] = (ck_instruction){code, to, operands[0], operands[1], operands[2], -1};
    int64_t width = kind == CK_FULL ? m->columns : 1;
    float *result = floats(m->rows * width, 1);
    m->numbers[INPUTS + step] = result;
    const float *const *known = (const float *const *)m->numbers;
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < width; i++) {
            float x[3];
            for (int o = 0; o < 3; o++) x[o] = o < operand_count ? number(m, operands[o], known, r, i) : 0;
            if (code == CK_COLUMN) {
                result[r * width + i] = (float)i;
            } else if (code == CK_ROW_SUM || code == CK_ROW_MAX) {
                double sum = 0;
                float top = -INFINITY;
                for (int64_t c = 0; c < m->columns; c++) {
                    float y = number(m, operands[0], known, r, c);
                    sum += (double)y;
                    top = isnan(y) || isnan(top) ? NAN : y > top ? y : top;
                }
                result[r] = code == CK_ROW_SUM ? (float)sum : top;
            } else {
                result[r * width + i] = apply(code, x[0], x[1], x[2]);
            }
        }
}

static void start(machine *m, int64_t rows, int64_t columns, int32_t dims) {
    memset(m, 0, sizeof *m);
    m->rows = rows, m->columns = columns;
    m->map.dims = dims;
    // [rows], or [rows / 2, 2] when that is the same, or none for one row.
    if (dims >= 1) m->map.shape[dims - 1] = dims == 2 ? 2 : rows;
    if (dims == 2) m->map.shape[0] = rows / 2;
    for (int64_t u = 0; u < UNIFORMS; u++) m->uniforms[u] = (float)(dice(9) - 4) / 2;
    for (int64_t k = 0; k < INPUTS; k++) {
        ck_map_view *view = &m->inputs[k];
        // The first one is full, so that rows have something to be summed over.
        int full = k == 0 || dice(3) > 0;
        int32_t type = (const int32_t[]){CK_FLOAT32, CK_FLOAT32, CK_BFLOAT16, CK_FLOAT64, CK_INT32, CK_UINT8}[dice(6)];
        int64_t kind = dice(3);
        lay(m, view, type, full ? columns : 1, kind);
        if (!full) view->column_stride = 0;
        view->value = full ? (ck_value){CK_FULL, m->map.full_count++} : (ck_value){CK_ROW, m->map.row_count++};
        if (full && type == CK_FLOAT32 && view->column_stride == 1) view->direct = kind == 0 && dims <= 1 ? 2 : 1;
        m->values[k] = view->value;
        int64_t width = full ? columns : 1;
        m->numbers[k] = floats(rows * width, 1);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < width; i++)
                m->numbers[k][r * width + i] =
                    (float)get(view->base, type, row_at(m, view, r) + i * view->column_stride);
    }
}

/// Runs it by tiles and compares the last values, stored in random layouts.
static void finish(machine *m, int64_t steps, int whole_rows, double tolerance, double scale) {
    // A tile is some whole rows, or a part of one.
    int64_t tile_rows = 1 + dice(m->rows), tile_columns = m->columns;
    if (!whole_rows && dice(2)) tile_rows = 1, tile_columns = 1 + dice(m->columns);
    double *expected[OUTPUTS];
    int64_t spaces[OUTPUTS];
    for (int64_t k = 0; k < OUTPUTS; k++) {
        int64_t chosen = INPUTS + steps - 1 - (k < steps ? k : 0);
        ck_map_view *view = &m->outputs[k];
        int32_t type = tolerance == 0 ? CK_FLOAT32 : (const int32_t[]){CK_FLOAT32, CK_BFLOAT16, CK_FLOAT64}[dice(3)];
        ck_value value = m->values[chosen];
        // A value per row may be stored once a row or repeated along it.
        int64_t full = value.kind == CK_FULL || dice(2), length = full ? m->columns : 1;
        int64_t kind = dice(2);
        lay(m, view, type, length, kind);
        view->value = value;
        view->direct = (int32_t)full;
        // Where it can be, half of the results are written by their instruction.
        ck_instruction *by = &m->instructions[chosen - INPUTS];
        if (value.kind == CK_FULL && type == CK_FLOAT32 && kind == 0 && by->output < 0 && dice(2)) {
            by->output = (int32_t)k;
            if (m->map.dims <= 1) view->direct = 2;
        }
        spaces[k] = space_of(m, view, length);
        expected[k] = widened(view->base, type, spaces[k]);
        for (int64_t r = 0; r < m->rows; r++)
            for (int64_t i = 0; i < length; i++)
                expected[k][row_at(m, view, r) + i * view->column_stride] =
                    rounded(type, (double)m->numbers[chosen][value.kind == CK_FULL ? r * m->columns + i : r]);
    }
    m->map.instructions = m->instructions, m->map.instruction_count = (int32_t)steps;
    m->map.inputs = m->inputs, m->map.input_count = INPUTS;
    m->map.outputs = m->outputs, m->map.output_count = OUTPUTS;
    m->map.uniforms = m->uniforms;
    m->map.columns = m->columns;
    m->map.full_size = (tile_rows * tile_columns + 15) / 16 * 16;
    m->map.row_size = (tile_rows + 15) / 16 * 16;
    float *scratch = floats(m->map.full_count * m->map.full_size + m->map.row_count * m->map.row_size, 1);
    for (int64_t row = 0; row < m->rows; row += tile_rows)
        for (int64_t column = 0; column < m->columns; column += tile_columns)
            ck_map_tile(&m->map, row, row + tile_rows > m->rows ? m->rows - row : tile_rows, column,
                        column + tile_columns > m->columns ? m->columns - column : tile_columns, scratch);
    for (int64_t k = 0; k < OUTPUTS; k++) {
        int32_t type = m->outputs[k].type;
        all_near("output", m->outputs[k].base, type, spaces[k], expected[k],
                 tolerance == 0 ? 0 : rounding(type) + tolerance, scale);
    }
    release();
}

static const int64_t shapes[][3] = {{1, 1, 0}, {1, 70, 0}, {1, 1, 1}, {3, 1, 1}, {3, 17, 1}, {8, 33, 2}, {2, 1500, 1}};

/// One elementary function or operation after the other, of every kind of operand.
void test_map_each(void) {
    for (int32_t code = 0; code <= CK_COLUMN; code++) {
        if ((code > 10 && code < 16) || (code > 23 && code < CK_SELECT)) continue;
        for (int64_t s = 0; s < COUNT(shapes); s++)
            for (int round = 0; round < 12; round++) {
                machine m;
                start(&m, shapes[s][0], shapes[s][1], (int32_t)shapes[s][2]);
                describe("ck_map_tile code %d, %lld x %lld in %lld dims, round %d", code, (long long)m.rows,
                         (long long)m.columns, (long long)shapes[s][2], round);
                ck_value operands[3] = {any_value(&m, INPUTS), any_value(&m, INPUTS), any_value(&m, INPUTS)};
                int rows = code == CK_ROW_SUM || code == CK_ROW_MAX;
                // A unary result has its operand's kind; rows are taken of what is full.
                if (rows || code < 16) operands[0] = m.values[rows ? 0 : dice(INPUTS)];
                int count = code == CK_COLUMN ? 0 : rows || code < 16 ? 1 : code < CK_SELECT ? 2 : 3;
                int uniform = 1;
                for (int o = 0; o < count; o++) uniform &= operands[o].kind == CK_UNIFORM;
                if (count && uniform) operands[0] = m.values[0];
                add(&m, 0, code, operands, count);
                // Sums are as exact as float32 blocks are.
                finish(&m, 1, rows, code == CK_ROW_SUM ? 2e-4 : 2e-6, 0x1p-100);
            }
    }
}

void test_map_chains(void) {
    static const int32_t exact[] = {0, 3, 6, 7, 8, 16, 17, 18, 19, 20, 21, 22, 23, CK_SELECT, CK_ROW_MAX, CK_COLUMN};
    for (int64_t s = 0; s < COUNT(shapes); s++)
        for (int round = 0; round < 100; round++) {
            machine m;
            start(&m, shapes[s][0], shapes[s][1], (int32_t)shapes[s][2]);
            describe("ck_map_tile of a chain, %lld x %lld in %lld dims, round %d", (long long)m.rows,
                     (long long)m.columns, (long long)shapes[s][2], round);
            int whole_rows = 0;
            for (int64_t step = 0; step < STEPS; step++) {
                int32_t code = exact[dice(COUNT(exact))];
                ck_value operands[3];
                for (int o = 0; o < 3; o++) operands[o] = any_value(&m, INPUTS + step);
                int rows = code == CK_ROW_MAX;
                whole_rows |= rows;
                if (rows || code < 16 || operands[0].kind == CK_UNIFORM)
                    operands[0] = m.values[rows ? 0 : dice(INPUTS + step)];
                add(&m, step, code, operands, code == CK_COLUMN ? 0 : rows || code < 16 ? 1 : code < CK_SELECT ? 2 : 3);
            }
            finish(&m, STEPS, whole_rows, 0, 0);
        }
}

/// Numbers of 1 or 2 bytes whose place, if they were float32, would be that of the register they come from.
void test_map_places(void) {
    enum { ROWS = 8, COLUMNS = 64, SIZE = ROWS * COLUMNS, TILES = 4 };
    EACH(type, CK_UINT8, CK_BFLOAT16) {
        describe("ck_map_tile with scratch beyond an output of type %lld", (long long)type);
        float *from = floats(TILES * SIZE, 1);
        for (int64_t i = 0; i < TILES * SIZE; i++) from[i] = (float)dice(100);
        float *memory = floats((TILES + 1) * SIZE, 1), *scratch = memory + (TILES - 2) * SIZE;
        const ck_value input = {CK_FULL, 0}, result = {CK_FULL, 1};
        const ck_instruction add = {16, result, input, input, input, -1};
        ck_map_view in = {.base = (char *)from, .type = CK_FLOAT32, .value = input, .direct = 2, .column_stride = 1};
        ck_map_view out = in;
        out.base = (char *)memory, out.type = (int32_t)type, out.value = result;
        in.strides[0] = out.strides[0] = COLUMNS;
        ck_map map = {.instructions = &add, .inputs = &in, .outputs = &out, .instruction_count = 1, .input_count = 1,
                      .output_count = 1, .full_count = 2, .dims = 1, .columns = COLUMNS, .full_size = SIZE};
        map.shape[0] = TILES * ROWS;
        for (int64_t t = 0; t < TILES; t++) ck_map_tile(&map, t * ROWS, ROWS, 0, COLUMNS, scratch);
        double *expected = doubles(TILES * SIZE);
        for (int64_t i = 0; i < TILES * SIZE; i++) expected[i] = 2 * (double)from[i];
        all_near("output", memory, (int32_t)type, TILES * SIZE, expected, 0, 0);
        release();
    }
}
