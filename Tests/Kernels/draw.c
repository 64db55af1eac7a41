// V vocabulary

#include "Check.h"

typedef struct { double logit; int64_t token; } place;

static int before(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

/// The tokens that may be drawn, likeliest first, with their probabilities under the narrowed distribution. Moves top-p
/// to the middle of the last token's probability, so that no rounding decides whether it is reached.
static int64_t candidates(const float *z, int64_t n, ck_draw *draw, place *kept) {
    for (int64_t i = 0; i < n; i++) kept[i] = (place){(double)z[i], i};
    for (int64_t i = 0; i < draw->seen_count; i++) {
        double logit = (double)z[draw->seen[i]], penalty = (double)draw->penalty;
        kept[draw->seen[i]].logit = (double)(float)(logit < 0 ? logit * penalty : logit / penalty);
    }
    qsort(kept, (size_t)n, sizeof *kept, before);
    int64_t count = draw->temperature == 0 ? n : draw->top_k < n ? draw->top_k : n;
    double top = kept[0].logit, temperature = draw->temperature == 0 ? 1 : draw->temperature, mass = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) mass += kept[i].logit = exp((kept[i].logit - top) / temperature);
    if (draw->temperature > 0 && draw->top_p < 1) {
        double total = mass, goal = draw->top_p * total;
        int64_t narrowed = 0;
        for (mass = 0; mass < goal && narrowed < count; narrowed++) mass += kept[narrowed].logit;
        draw->top_p = (mass - kept[narrowed - 1].logit / 2) / total;
        count = narrowed;
    }
    for (int64_t i = 0; i < count; i++) {
        if (draw->temperature > 0 && kept[i].logit < draw->min_p) {
            count = i;
            break;
        }
        sum += kept[i].logit;
    }
    for (int64_t i = 0; i < count; i++) kept[i].logit /= sum;
    return draw->temperature == 0 ? 1 : count;
}

static void draw_with(int64_t n, double temperature, int64_t top_k, double top_p, double min_p, int64_t seen) {
    float *z = floats(n, 5), *row = array(CK_FLOAT32, n);
    int32_t *tokens = array(CK_INT32, seen);
    for (int64_t i = 0; i < seen; i++) tokens[i] = (int32_t)(i * (n / seen));
    ck_draw draw = {temperature, top_p, min_p, 0, top_k, tokens, seen, 1.3f};
    void *scratch = array(CK_UINT8, ck_draw_scratch(n));
    place *kept = malloc((size_t)n * sizeof *kept);
    if (!kept) abort();
    int64_t count = candidates(z, n, &draw, kept);
    // Each uniform number gives a token that may be drawn, with its probability; together they follow the distribution.
    enum { DRAWS = 200 };
    double counted = 0, likely = 0;
    for (int i = 0; i < DRAWS; i++) {
        describe("ck_draw_token of %lld, temperature %g, top %lld, top-p %g, min-p %g, %lld seen, draw %d",
                 (long long)n, temperature, (long long)top_k, top_p, min_p, (long long)seen, i);
        int32_t id = -1;
        float log_prob = 1;
        memcpy(row, z, (size_t)n * sizeof *z);
        draw.uniform = (i + 0.5) / DRAWS;
        ck_draw_token(row, n, &draw, scratch, &id, &log_prob);
        int64_t at = 0;
        while (at < count && kept[at].token != id) at++;
        expect("a token that may be drawn", at < count);
        if (at < count) near("probability", 0, (double)log_prob, log(kept[at].logit), 2e-5, 1);
        counted += id == kept[0].token;
    }
    likely = temperature == 0 ? 1 : kept[0].logit;
    // Evenly spaced numbers hit an interval as often as it is wide, give or take one at either end.
    near("share of the likeliest", 0, counted / DRAWS, likely, 2.0 / DRAWS, 1);
    free(kept);
    release();
}

void test_draw(void) {
    EACH(n, 1, 2, 33, 1024, 3001)
        EACH(seen, 0, 1) {
            draw_with(n, 0, n, 1, 0, seen);
            draw_with(n, 0.8, n, 1, 0, seen);
            draw_with(n, 1.5, (n + 4) / 5, 1, 0, seen);
            draw_with(n, 1, n, 0.7, 0, seen);
            draw_with(n, 1, n, 1, 0.05, seen);
            draw_with(n, 0.7, (n + 1) / 2, 0.9, 0.01, seen);
        }
}
