// N rows, C columns, H heads, D head size

#include "Check.h"

static const int32_t real[] = {CK_FLOAT32, CK_BFLOAT16};

/// y of a norm in doubles; its inverse deviation and mean.
static void plain_norm(const double *x, const float *weight, const float *bias, int64_t n, int centred, double epsilon,
                       double *y, double *inverse, double *mean) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    *mean = centred && n ? sum / (double)n : 0;
    for (int64_t i = 0; i < n; i++) squares += (x[i] - *mean) * (x[i] - *mean);
    *inverse = 1 / sqrt(squares / (double)n + epsilon);
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - *mean) * *inverse * (double)weight[i] + (bias ? (double)bias[i] : 0);
}

void test_norm(void) {
    for (int64_t types = 0; types < 4; types++)
        for (int kind = 0; kind < 3; kind++) // RMS, RMS with bias, layer
            EACH(n, 1, 3, 16, 33, 1024, 1500)
                EACH(gap, 0, 5) {
                    int32_t x_type = real[types % 2], y_type = real[types / 2];
                    int64_t rows = 4, first = 1, end = 3, stride = n + gap, space = (rows - 1) * stride + n;
                    describe("ck_norm type %d to %d, kind %d, %lld wide, gap %lld", x_type, y_type, kind, (long long)n,
                             (long long)gap);
                    void *x = numbers(x_type, space, 3), *y = numbers(y_type, space, 3);
                    float *weight = floats(n, 2), *bias = kind ? floats(n, 1) : NULL;
                    float *inverse = floats(rows * 2, 9), *mean = kind == 2 ? floats(rows * 3, 9) : NULL;
                    double *expected = widened(y, y_type, space), *inverses = widened(inverse, CK_FLOAT32, rows * 2);
                    double *means = mean ? widened(mean, CK_FLOAT32, rows * 3) : NULL;
                    for (int64_t r = first; r < end; r++) {
                        double middle;
                        plain_norm(widened(x, x_type, space) + r * stride, weight, bias, n, kind == 2, 1e-2,
                                   expected + r * stride, &inverses[r * 2], &middle);
                        if (means) means[r * 3] = middle;
                    }
                    ck_norm_rows norm = {x,    y,       x_type, y_type, stride, stride, n, weight,
                                         bias, inverse, mean,   2,      3,      NULL,   0, 0};
                    ck_norm(&norm, 1e-2, first, end, floats(2 * n, 1));
                    all_near("y", y, y_type, space, expected, rounding(y_type), y_type == CK_FLOAT32 ? 3 : 1e-3);
                    all_near("inverse", inverse, CK_FLOAT32, rows * 2, inverses, 2e-6, 0);
                    if (mean) all_near("mean", mean, CK_FLOAT32, rows * 3, means, 2e-6, 3);
                    release();
                }
}

void test_norm_backward(void) {
    for (int64_t types = 0; types < 8; types++)
        for (int layer = 0; layer < 2; layer++)
            for (int wanted = 0; wanted < 8; wanted++) // bits: dx, weight gradients, dx is added to something
                EACH(n, 1, 3, 16, 33, 1500)
                    EACH(gap, 0, 5) {
                        int32_t x_type = real[types % 2], dx_type = real[types / 2 % 2], dy_type = real[types / 4];
                        int64_t rows = 4, first = 1, end = 4, stride = n + gap, space = (rows - 1) * stride + n;
                        describe("ck_norm_backward types %d %d %d, layer %d, wanted %d, %lld wide, gap %lld", x_type,
                                 dx_type, dy_type, layer, wanted, (long long)n, (long long)gap);
                        void *x = numbers(x_type, space, 3), *dy = numbers(dy_type, space, 2);
                        void *dx = wanted & 1 ? numbers(dx_type, space, 3) : NULL;
                        float *dweight = wanted & 2 ? floats(n, 1) : NULL;
                        void *added = wanted & 4 ? numbers(x_type, space, 3) : NULL;
                        float *dbias = wanted & 2 && layer ? floats(n, 1) : NULL;
                        float *weight = floats(n, 2), *bias = layer ? floats(n, 1) : NULL;
                        float *inverse = floats(rows, 1), *mean = layer ? floats(rows, 1) : NULL;
                        double *expected = dx ? widened(dx, dx_type, space) : NULL;
                        double *of_weight = dweight ? widened(dweight, CK_FLOAT32, n) : NULL;
                        double *of_bias = dbias ? widened(dbias, CK_FLOAT32, n) : NULL, *y = doubles(n);
                        for (int64_t r = first; r < end; r++) {
                            double a, m, plain = 0, inner = 0;
                            const double *xs = widened(x, x_type, space) + r * stride;
                            const double *g = widened(dy, dy_type, space) + r * stride;
                            plain_norm(xs, weight, bias, n, layer, 1e-2, y, &a, &m);
                            inverse[r] = (float)a;
                            if (mean) mean[r] = (float)m;
                            for (int64_t i = 0; i < n; i++) {
                                plain += g[i] * (double)weight[i];
                                inner += g[i] * (double)weight[i] * (xs[i] - m) * a;
                                if (of_weight) of_weight[i] += g[i] * (xs[i] - m) * a;
                                if (of_bias) of_bias[i] += g[i];
                            }
                            for (int64_t i = 0; expected && i < n; i++)
                                expected[r * stride + i] =
                                    (added ? get(added, x_type, r * stride + i) : 0)
                                    + a * (g[i] * (double)weight[i] - (layer ? plain / (double)n : 0)
                                         - (xs[i] - m) * a * inner / (double)n);
                        }
                        ck_norm_rows norm = {x,      dx,   x_type,  dx_type, stride, stride, n,
                                             weight, bias, inverse, mean,    1,      1,      added, x_type, stride};
                        ck_norm_backward(&norm, dy, dy_type, stride, dweight, dbias, first, end, floats(4 * n, 1));
                        // A layer norm of one column has no gradient: what is left is rounding, as large as the slope.
                        double scale = n == 1 ? 60 : dx_type == CK_FLOAT32 ? 10 : 1e-2;
                        if (dx) all_near("dx", dx, dx_type, space, expected, rounding(dx_type), scale);
                        if (dweight) all_near("dweight", dweight, CK_FLOAT32, n, of_weight, 2e-6, 10);
                        if (dbias) all_near("dbias", dbias, CK_FLOAT32, n, of_bias, 2e-6, 10);
                        release();
                    }
}

void test_swiglu(void) {
    for (int64_t t = 0; t < COUNT(real); t++)
        EACH(n, 1, 15, 32, 70, 700)
            EACH(gap, 0, 5) {
                int32_t type = real[t];
                int64_t first = 1, end = 3, stride = n + gap, space = 3 * stride + n;
                describe("ck_swiglu type %d, %lld wide, gap %lld", type, (long long)n, (long long)gap);
                void *gate = numbers(type, space, 30), *up = numbers(type, space, 3), *dy = numbers(type, space, 3);
                // Both ends of the sigmoid, where an exponential could overflow.
                put(gate, type, stride, 200), put(gate, type, 2 * stride, -200);
                void *y = numbers(type, space, 1), *dgate = numbers(type, space, 1), *dup = numbers(type, space, 1);
                double *of_y = widened(y, type, space), *of_gate = widened(dgate, type, space);
                double *of_up = widened(dup, type, space);
                for (int64_t row = first; row < end; row++)
                    for (int64_t i = row * stride; i < row * stride + n; i++) {
                        double g = get(gate, type, i), u = get(up, type, i), d = get(dy, type, i);
                        double s = 1 / (1 + exp(-g));
                        of_y[i] = g * s * u;
                        of_up[i] = d * g * s;
                        of_gate[i] = d * u * (s + g * s * (1 - s));
                    }
                ck_swiglu_rows x = {gate,   up,     dy,     y,      dgate,  dup, stride,
                                    stride, stride, stride, stride, stride, n,   type};
                ck_swiglu(&x, first, end);
                ck_swiglu_backward(&x, first, end);
                // The sigmoid does not fall below 1.6e-38.
                all_near("y", y, type, space, of_y, rounding(type), 1e-28);
                all_near("dup", dup, type, space, of_up, rounding(type), 1e-28);
                // Its two terms cancel where the function is least.
                all_near("dgate", dgate, type, space, of_gate, rounding(type), type == CK_FLOAT32 ? 1 : 1e-3);
                release();
            }
}

void test_rotary(void) {
    for (int64_t types = 0; types < 4; types++)
        for (int in_place = 0; in_place < 2; in_place++)
            EACH(heads, 0, 1, 3)
                EACH(size, 2, 7, 16, 33, 64, 130)
                    EACH(part, 0, 1, 2) {
                        int32_t x_type = real[types % 2], y_type = real[types / 2];
                        if (in_place && x_type != y_type) continue;
                        int64_t half = part == 0 ? 0 : part == 1 ? (size + 2) / 4 : size / 2;
                        int64_t x_head = size + 3, y_head = in_place ? x_head : size;
                        int64_t space = heads ? (heads - 1) * y_head + size : 0;
                        describe("ck_rotary type %d to %d, %lld heads of %lld, %lld pairs%s", x_type, y_type,
                                 (long long)heads, (long long)size, (long long)half, in_place ? ", in place" : "");
                        void *x = numbers(x_type, heads ? (heads - 1) * x_head + size : 0, 2);
                        void *y = in_place ? x : numbers(y_type, space, 2);
                        float *cosine = floats(half, 1), *sine = floats(half, 1);
                        double *expected = widened(y, y_type, space);
                        for (int64_t h = 0; h < heads; h++)
                            for (int64_t i = 0; i < size; i++) {
                                double own = get(x, x_type, h * x_head + i);
                                double other = i < 2 * half
                                                   ? get(x, x_type, h * x_head + (i < half ? i + half : i - half)) : 0;
                                int64_t pair = half ? i % half : 0;
                                double turn = i < 2 * half ? (double)sine[pair] * -0.5 * (i < half ? -1 : 1) : 0;
                                expected[h * y_head + i] =
                                    i < 2 * half ? own * (double)cosine[pair] + other * turn : own;
                            }
                        ck_rotary(y, y_type, x, x_type, y_head, x_head, heads, size, half, cosine, sine, -0.5f);
                        all_near("y", y, y_type, space, expected, rounding(y_type), y_type == CK_FLOAT32 ? 2 : 1e-3);
                        release();
                    }
}
