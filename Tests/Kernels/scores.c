// N rows, V vocabulary

#include "Check.h"
#include <float.h>

static double capped(double z, double cap) { return cap > 0 ? cap * tanh(z / cap) : z; }

/// Rows of all logits, their targets, and the sums of each: the largest; sums of e^(z - largest), e^(z - largest)
/// (z - largest) and z; the target's.
typedef struct {
    int64_t rows, vocabulary, stride;
    double cap;
    float *logits;
    int32_t *targets;
    double *sums;
} head;

static head make(int64_t rows, int64_t vocabulary, double cap) {
    head x = {rows, vocabulary, vocabulary + 3, cap, NULL, array(CK_INT32, rows * 2), doubles(rows * 5)};
    x.logits = floats((rows - 1) * x.stride + vocabulary, 6);
    if (vocabulary > 2 && cap == 0) x.logits[1] = -INFINITY;
    for (int64_t r = 0; r < rows; r++) {
        const float *z = x.logits + r * x.stride;
        int32_t target = x.targets[r * 2] = (int32_t)(r % 3 == 1 ? -1 : vocabulary > 2 ? 2 + dice(vocabulary - 2) : 0);
        double top = -INFINITY, total = 0, weighted = 0, plain = 0;
        for (int64_t i = 0; i < vocabulary; i++) top = fmax(top, capped((double)z[i], cap));
        for (int64_t i = 0; i < vocabulary; i++) {
            double s = capped((double)z[i], cap) - top;
            total += exp(s), weighted += isinf(s) ? 0 : exp(s) * s, plain += s + top;
        }
        const double sums[5] = {top, total, weighted, plain, target < 0 ? 0 : capped((double)z[target], cap)};
        for (int k = 0; k < 5; k++) x.sums[k * rows + r] = sums[k];
    }
    return x;
}

/// The columns from `first` on.
static ck_logit_rows block(const head *x, int64_t first, int64_t size) {
    int64_t columns = x->vocabulary - first < size ? x->vocabulary - first : size;
    return (ck_logit_rows){.logits = x->logits + first, .stride = x->stride, .columns = columns, .first = first,
                           .targets = x->targets, .target_stride = 2, .cap = (float)x->cap};
}

/// Where the weights of the columns from `first` on are kept: rows of V + 1, tops two apart.
static void keep(ck_logit_rows *rows, const head *x, void *weights, int32_t type, float *tops) {
    rows->weights = (char *)weights + rows->first * type_size(type);
    rows->weights_type = type;
    rows->weights_stride = x->vocabulary + 1;
    rows->tops = tops;
    rows->tops_stride = 2;
}

void test_logit_sums(void) {
    EACH(cap, 0, 3)
        EACH(vocabulary, 1, 2, 33, 1024, 3001)
            EACH(size, 1, 700, 4096) {
                if (size == 1 && vocabulary > 40) continue;
                head x = make(5, vocabulary, (double)cap);
                describe("ck_logit_sums of %lld logits by %lld, cap %lld", (long long)vocabulary, (long long)size,
                         (long long)cap);
                // [5, N], each row two apart.
                float *sums = floats(5 * x.rows * 2, 1);
                double *expected = widened(sums, CK_FLOAT32, 5 * x.rows * 2);
                for (int64_t k = 0; k < 5; k++)
                    for (int64_t r = 0; r < x.rows; r++) {
                        sums[(k * x.rows + r) * 2] = k ? 0 : -FLT_MAX;
                        expected[(k * x.rows + r) * 2] = x.sums[k * x.rows + r];
                    }
                for (int64_t first = 0; first < vocabulary; first += size) {
                    ck_logit_rows rows = block(&x, first, size);
                    ck_logit_sums(&rows, sums, x.rows * 2, 2, 0, 2);
                    ck_logit_sums(&rows, sums, x.rows * 2, 2, 2, x.rows);
                }
                // Sums of numbers of both signs: relative to what was added.
                for (int64_t i = 0; i < 5 * x.rows * 2; i++)
                    near("sums", i, (double)sums[i], expected[i], 4e-6,
                         i < x.rows * 6 ? 3 : 6 * (double)vocabulary);
                release();
            }
}

void test_logit_weights(void) {
    EACH(kind, CK_FLOAT32, CK_BFLOAT16)
        EACH(vocabulary, 1, 2, 33, 1024, 3001) {
            int32_t type = (int32_t)kind;
            head x = make(5, vocabulary, 0);
            describe("weights of %lld logits, type %d", (long long)vocabulary, type);
            int64_t space = (x.rows - 1) * (vocabulary + 1) + vocabulary;
            void *weights = numbers(type, space, 1);
            float *tops = floats(x.rows * 2, 1), *sums = floats(5 * x.rows, 1), *plain = floats(5 * x.rows, 1);
            for (int64_t i = 0; i < 5 * x.rows; i++) sums[i] = plain[i] = i < x.rows ? -FLT_MAX : 0;
            double *expected = widened(weights, type, space), *of_tops = widened(tops, CK_FLOAT32, x.rows * 2);
            for (int64_t r = 0; r < x.rows; r++) {
                of_tops[r * 2] = x.sums[r];
                for (int64_t i = 0; i < vocabulary; i++)
                    expected[r * (vocabulary + 1) + i] = exp((double)x.logits[r * x.stride + i] - x.sums[r]);
            }
            ck_logit_rows rows = block(&x, 0, vocabulary), alone = rows;
            ck_logit_sums(&alone, plain, x.rows, 1, 0, x.rows);
            keep(&rows, &x, weights, type, tops);
            ck_logit_sums(&rows, sums, x.rows, 1, 0, 3);
            ck_logit_sums(&rows, NULL, 0, 0, 3, x.rows);
            all_near("weights", weights, type, space, expected, rounding(type), 1e-28);
            all_near("tops", tops, CK_FLOAT32, x.rows * 2, of_tops, 0, 1);
            for (int64_t k = 0; k < 5; k++)
                for (int64_t r = 0; r < 3; r++)
                    expect("sums are those without weights", sums[k * x.rows + r] == plain[k * x.rows + r]);
            release();
        }
}

void test_logit_gradients(void) {
    // -1: over the logits; 2 and 3: from weights of either type, over them
    EACH(kind, CK_FLOAT32, CK_BFLOAT16, -1, 2, 3)
        EACH(given, 0, 1, 7, 15)            // which of the four gradients are given, by bits
            EACH(cap, 0, 3)
                EACH(vocabulary, 1, 33, 3001) {
                    if (kind > 1 && cap) continue;
                    head x = make(4, vocabulary, (double)cap);
                    int32_t type = kind < 0 || kind == 2 ? CK_FLOAT32 : kind == 3 ? CK_BFLOAT16 : (int32_t)kind;
                    describe("ck_logit_gradients of %lld logits, kind %lld, given %lld, cap %lld",
                             (long long)vocabulary, (long long)kind, (long long)given, (long long)cap);
                    float *all = floats(x.rows, 1), *entropy = floats(x.rows * 3, 1), *given_of[4];
                    int64_t stride = kind < 0 ? x.stride : vocabulary + 1;
                    int64_t space = (x.rows - 1) * stride + vocabulary;
                    void *dlogits = kind < 0 ? x.logits : numbers(type, space, 1);
                    double *expected = widened(dlogits, type, space);
                    for (int k = 0; k < 4; k++) given_of[k] = given >> k & 1 ? floats(x.rows * 2, 2) : NULL;
                    for (int64_t r = 0; r < x.rows; r++) {
                        double sum = x.sums[r] + log(x.sums[x.rows + r]), g[4];
                        double h = log(x.sums[x.rows + r]) - x.sums[2 * x.rows + r] / x.sums[x.rows + r];
                        all[r] = (float)sum, entropy[r * 3] = (float)h;
                        for (int k = 0; k < 4; k++) g[k] = given_of[k] ? (double)given_of[k][r * 2] : 0;
                        if (x.targets[r * 2] < 0) g[0] = 0;
                        for (int64_t i = 0; i < vocabulary; i++) {
                            double z = (double)x.logits[r * x.stride + i], log_p = capped(z, (double)cap) - sum;
                            double p = exp(log_p), slope = cap ? 1 - pow(tanh(z / (double)cap), 2) : 1;
                            double dz = g[0] * ((i == x.targets[r * 2]) - p) + g[1] * p
                                        + g[2] * (1 / (double)vocabulary - p)
                                        - (p > 0 ? g[3] * p * (log_p + h) : 0);
                            expected[r * stride + i] = dz * slope;
                        }
                    }
                    ck_logit_gradients_of of = {.log_sum_exp = all, .entropy = entropy, .log_sum_exp_stride = 1,
                                                .entropy_stride = 3, .vocabulary = vocabulary, .type = type,
                                                .stride = stride};
                    for (int k = 0; k < 4; k++) of.gradients[k] = given_of[k], of.strides[k] = 2;
                    float *tops = floats(x.rows * 2, 1);
                    for (int64_t first = 0; first < vocabulary; first += 1500) {
                        ck_logit_rows rows = block(&x, first, 1500);
                        if (kind > 1) {
                            keep(&rows, &x, dlogits, type, tops);
                            ck_logit_sums(&rows, NULL, 0, 0, 0, x.rows);
                            rows.logits = NULL;
                        }
                        of.dlogits = (char *)dlogits + first * type_size(type);
                        ck_logit_gradients(&rows, &of, 0, 1);
                        ck_logit_gradients(&rows, &of, 1, x.rows);
                    }
                    // The weights were rounded before, and their logarithm is as uncertain as they are.
                    all_near("dlogits", dlogits, type, space, expected, (kind == 3 ? 4 : 2) * rounding(type),
                             kind == 3 && given & 8 ? 1 : type == CK_BFLOAT16 ? 1e-3 : 4);
                    release();
                }
}
