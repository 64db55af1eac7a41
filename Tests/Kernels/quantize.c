// Numbers kept in 8 or 4 bits

#include "Check.h"

/// The 256 numbers of the codes, ascending (Dettmers et al. 2021, arXiv 2110.02861, section 1.3): for each decade up to
/// 1 twice as many bins as in the one below, each worth its middle; 0 and 1.
static void table(int is_signed, double numbers[256]) {
    int64_t count = 0;
    for (int side = is_signed ? -1 : 1; side <= 1; side += 2)
        for (int step = 0; step < 7; step++) {
            int decade = side < 0 ? 6 - step : step;
            int64_t bins = (is_signed ? 1ll : 2ll) << decade;
            if (side > 0 && step == 0) numbers[count++] = 0;
            for (int64_t i = 0; i < bins; i++) {
                int64_t bin = side < 0 ? bins - 1 - i : i;
                numbers[count++] = side * pow(10, decade - 6) * (0.1 + 0.9 * ((double)bin + 0.5) / (double)bins);
            }
        }
    numbers[count++] = 1;
    if (count != 256) abort();
}

void test_dequantize(void) {
    for (int is_signed = 0; is_signed < 2; is_signed++)
        EACH(first, 0, 5, 256, 300)
            EACH(count, 0, 1, 15, 33, 600) {
                describe("ck_dequantize %s, %lld from %lld", is_signed ? "signed" : "unsigned", (long long)count,
                         (long long)first);
                double values[256];
                table(is_signed, values);
                int64_t end = first + count;
                uint8_t *codes = array(CK_UINT8, end);
                for (int64_t i = 0; i < end; i++) codes[i] = (uint8_t)(count > 256 ? i : dice(256));
                float *scales = floats((end + CK_BLOCK - 1) / CK_BLOCK, 3), *to = floats(count, 1);
                ck_dequantize(to, codes, scales, is_signed, first, count);
                for (int64_t i = 0; i < count; i++)
                    near("number", i, (double)to[i],
                         values[codes[first + i]] * (double)scales[(first + i) / CK_BLOCK], 2e-6, 0);
                release();
            }
}

void test_quantize(void) {
    for (int is_signed = 0; is_signed < 2; is_signed++)
        EACH(count, 0, 1, 15, 256, 257, 1000)
            EACH(kind, 0, 1, 2) {
                describe("ck_quantize %s, %lld numbers, kind %lld", is_signed ? "signed" : "unsigned",
                         (long long)count, (long long)kind);
                double values[256];
                table(is_signed, values);
                float *from = floats(count, 2), *scales = floats((count + CK_BLOCK - 1) / CK_BLOCK, 1);
                for (int64_t i = 0; i < count; i++) {
                    // Of all magnitudes; zeros.
                    if (kind == 1) from[i] *= (float)pow(10, -(double)dice(9));
                    if (kind == 2 && (i < 256 || dice(2))) from[i] = 0;
                    if (!is_signed) from[i] = fabsf(from[i]);
                }
                uint8_t *codes = array(CK_UINT8, count);
                ck_quantize(codes, scales, is_signed, from, count);
                for (int64_t i = 0; i < count; i++) {
                    double scale = (double)scales[i / CK_BLOCK], x = (double)from[i], best = INFINITY;
                    for (int c = 0; c < 256; c++)
                        if (is_signed || x == 0 || c > 0) best = fmin(best, fabs(values[c] * scale - x));
                    double off = fabs(values[codes[i]] * scale - x);
                    expect("the nearest code", off <= best + 1e-6 * fabs(scale));
                    if (!is_signed) expect("what is not 0 never becomes 0", (x > 0) == (codes[i] > 0));
                }
                for (int64_t block = 0; block * CK_BLOCK < count; block++) {
                    double largest = 0;
                    for (int64_t i = block * CK_BLOCK; i < count && i < (block + 1) * CK_BLOCK; i++)
                        if (fabs((double)from[i]) > fabs(largest)) largest = (double)from[i];
                    near("scale", block, (double)scales[block], largest, 0, 0);
                }
                release();
            }
    describe("ck_quantize of numbers that are not finite");
    for (int is_signed = 0; is_signed < 2; is_signed++)
        for (int kind = 0; kind < 2; kind++) {
            float *from = floats(300, 1), *scales = floats(2, 1), *back = floats(300, 1);
            uint8_t *codes = array(CK_UINT8, 300);
            for (int64_t i = 0; i < 300; i++) from[i] = fabsf(from[i]);
            from[17] = kind ? NAN : INFINITY;
            ck_quantize(codes, scales, is_signed, from, 300);
            ck_dequantize(back, codes, scales, is_signed, 0, 300);
            expect("the block is lost and says so", isnan(back[17]) && isnan(back[0]) && isfinite(back[299]));
            release();
        }
}

/// sum = a + b, product = sum * c on arrays in three forms each, by tiles.
void test_stored_tile(void) {
    EACH(count, 1, 255, 256, 1000)
        EACH(tile, 256, 512) {
            describe("ck_stored_tile of %lld numbers by %lld", (long long)count, (long long)tile);
            int64_t blocks = (count + CK_BLOCK - 1) / CK_BLOCK;
            double is[2][256];
            table(0, is[0]), table(1, is[1]);
            uint8_t *a = numbers(CK_UINT8, count, 256), *b = numbers(CK_UINT8, count, 256);
            float *a_scales = floats(blocks, 2), *b_scales = floats(blocks, 2), *c = floats(count, 2);
            uint8_t *codes = array(CK_UINT8, count);
            float *scales = floats(blocks, 1), *plain = floats(count, 1);
            uint16_t *random = array(CK_BFLOAT16, count);
            const ck_stored inputs[3] = {{.base = (char *)a, .scales = a_scales, .type = CK_UINT8, .is_signed = 1},
                                         {.base = (char *)b, .scales = b_scales, .type = CK_UINT8},
                                         {.base = (char *)c, .type = CK_FLOAT32}};
            const ck_stored outputs[3] = {
                {.base = (char *)codes, .scales = scales, .type = CK_UINT8, .is_signed = 1},
                {.base = (char *)random, .type = CK_BFLOAT16, .is_random = 1, .seed = 3, .stream = 4, .first = 256},
                {.base = (char *)plain, .type = CK_FLOAT32}};
            // Registers 0 to 2 are the inputs, 3 the sum and 4 the product.
            ck_value value[5];
            for (int k = 0; k < 5; k++) value[k] = (ck_value){CK_FULL, k};
            ck_map_view in[3] = {{0}}, out[3] = {{0}};
            for (int k = 0; k < 3; k++)
                in[k] = (ck_map_view){.type = CK_FLOAT32, .value = value[k], .direct = 2, .column_stride = 1};
            for (int k = 0; k < 3; k++)
                out[k] = (ck_map_view){.type = CK_FLOAT32, .value = value[k ? 4 : 3], .direct = 2, .column_stride = 1};
            const ck_instruction program[2] = {{16, value[3], value[0], value[1], value[0], -1},
                                               {18, value[4], value[3], value[2], value[0], -1}};
            ck_map map = {.instructions = program, .inputs = in, .outputs = out, .instruction_count = 2,
                          .input_count = 3, .output_count = 3, .full_count = 5, .columns = count, .full_size = tile,
                          .row_size = 16};
            float *scratch = floats(5 * tile + 6 * tile, 1);
            for (int64_t first = 0; first < count; first += tile)
                ck_stored_tile(&map, inputs, outputs, first, count - first < tile ? count - first : tile, scratch);
            float *sums = floats(count, 1), *back = floats(count, 1), *products = floats(count, 1);
            for (int64_t i = 0; i < count; i++) {
                sums[i] = (float)(is[1][a[i]] * (double)a_scales[i / CK_BLOCK])
                          + (float)(is[0][b[i]] * (double)b_scales[i / CK_BLOCK]);
                products[i] = sums[i] * c[i];
                near("product", i, (double)plain[i], (double)products[i], 2e-6, 1);
            }
            // The other forms are those of the kernels that make them.
            ck_dequantize(back, codes, scales, 1, 0, count);
            for (int64_t i = 0; i < count; i++) near("sum", i, (double)back[i], (double)sums[i], 0.02, 2);
            uint16_t *same = array(CK_BFLOAT16, count);
            ck_round_bfloat16(same, plain, 3, 4, 256, count);
            expect("numbers rounded at random", !memcmp(same, random, (size_t)count * 2));
            release();
        }
}

static const double nf4[16] = {-1,     -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0,
                               0.0796, 0.1609,  0.2461,  0.3379,  0.4407,  0.5626,  0.7230,  1};

void test_dequantize_rows(void) {
    const int32_t types[] = {CK_FLOAT32, CK_BFLOAT16};
    double is[256];
    table(1, is);
    for (int64_t t = 0; t < COUNT(types); t++)
        EACH(columns, 1, 15, 63, 64, 65, 130, 1100)
            for (int bits = 4; bits <= 8; bits += 4) {
                enum { ROWS = 5, FIRST = 1, COUNTED = 3 };
                int32_t type = types[t];
                int64_t bytes = bits == 8 ? columns : (columns + 1) / 2, blocks = (columns + 63) / 64;
                describe("ck_dequantize_rows of %d bits to type %d, %lld wide", bits, type, (long long)columns);
                ck_quantized matrix = {.columns = columns, .absmax_offset = 1.5f};
                uint8_t *codes = numbers(CK_UINT8, ROWS * bytes, 256);
                uint8_t *absmax = numbers(CK_UINT8, ROWS * blocks, 256);
                float *scales = floats(ROWS, 2);
                float *absmax_scales = floats((ROWS * blocks + CK_BLOCK - 1) / CK_BLOCK, 1);
                matrix.codes = codes;
                if (bits == 8) matrix.scales = scales;
                else matrix.absmax_codes = absmax, matrix.absmax_scales = absmax_scales;
                void *to = array(type, COUNTED * columns);
                ck_dequantize_rows(to, type, &matrix, FIRST, COUNTED);
                for (int64_t r = 0; r < COUNTED; r++)
                    for (int64_t i = 0; i < columns; i++) {
                        int64_t row = FIRST + r, block = row * blocks + i / 64;
                        uint8_t code = codes[row * bytes + (bits == 8 ? i : i / 2)];
                        double expected = ((double)code - 128) * (double)scales[row];
                        if (bits == 4)
                            expected = nf4[i % 2 ? code % 16 : code / 16]
                                       * (is[absmax[block]] * (double)absmax_scales[block / CK_BLOCK] + 1.5);
                        near("number", r * columns + i, get(to, type, r * columns + i), expected,
                             rounding(type) + (bits == 4 ? 1e-4 : 0), bits == 4 ? 3 : 0);
                    }
                release();
            }
}
