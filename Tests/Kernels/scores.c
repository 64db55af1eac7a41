// V vocabulary

#include "Check.h"

static const int32_t real[] = {CK_FLOAT32, CK_BFLOAT16};

static double capped(double z, double cap) { return cap > 0 ? cap * tanh(z / cap) : z; }

/// log p(target), log-sum-exp, mean log p, entropy.
static void plain_scores(const double *z, int64_t n, int32_t target, double cap, double results[4]) {
    double top = -INFINITY, total = 0, plain = 0, entropy = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, capped(z[i], cap));
    for (int64_t i = 0; i < n; i++) total += exp(capped(z[i], cap) - top);
    double all = top + log(total);
    for (int64_t i = 0; i < n; i++) {
        double log_p = capped(z[i], cap) - all;
        plain += log_p;
        entropy -= exp(log_p) > 0 ? exp(log_p) * log_p : 0;
    }
    results[0] = target >= 0 ? capped(z[target], cap) - all : 0;
    results[1] = all, results[2] = plain / (double)n, results[3] = entropy;
}

void test_token_scores(void) {
    for (int64_t t = 0; t < COUNT(real); t++)
        EACH(cap, 0, 3)
            EACH(n, 1, 2, 15, 33, 1024, 3001)
                EACH(target, -1, 0, n - 1) {
                    describe("ck_token_scores type %d, %lld logits, target %lld, cap %lld", real[t], (long long)n,
                             (long long)target, (long long)cap);
                    void *logits = numbers(real[t], n, 6);
                    double expected[4];
                    plain_scores(widened(logits, real[t], n), n, (int32_t)target, (double)cap, expected);
                    float *results = array(CK_FLOAT32, 4);
                    ck_token_scores(logits, real[t], n, (int32_t)target, (float)cap, results);
                    all_near("results", results, CK_FLOAT32, 4, expected, 3e-6, 3);
                    release();
                }
}

void test_token_scores_backward(void) {
    for (int64_t t = 0; t < COUNT(real); t++)
        EACH(cap, 0, 3)
            EACH(n, 1, 2, 15, 33, 1024, 3001)
                EACH(target, -1, 0, n - 1) {
                    describe("ck_token_scores_backward type %d, %lld logits, target %lld, cap %lld", real[t],
                             (long long)n, (long long)target, (long long)cap);
                    void *logits = numbers(real[t], n, 6);
                    float *gradients = floats(4, 2);
                    double results[4], *z = widened(logits, real[t], n), *expected = doubles(n);
                    plain_scores(z, n, (int32_t)target, (double)cap, results);
                    double own = target >= 0 ? (double)gradients[0] : 0;
                    for (int64_t i = 0; i < n; i++) {
                        double log_p = capped(z[i], (double)cap) - results[1], p = exp(log_p);
                        double slope = cap ? 1 - pow(tanh(z[i] / (double)cap), 2) : 1;
                        double dz = own * ((i == target) - p) + (double)gradients[1] * p
                                    + (double)gradients[2] * (1 / (double)n - p)
                                    - (double)gradients[3] * p * (log_p + results[3]);
                        expected[i] = dz * slope;
                    }
                    ck_token_scores_backward(logits, real[t], n, (int32_t)target, (float)cap, (float)results[1],
                                             (float)results[3], gradients);
                    all_near("dlogits", logits, real[t], n, expected, 2 * rounding(real[t]), real[t] ? 1e-3 : 3);
                    release();
                }
}
