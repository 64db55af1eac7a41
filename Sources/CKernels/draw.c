// V vocabulary

#include "Math.h"

enum { CHUNK = 1024, BUCKETS = 1024, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/// The lowest index of the largest logit.
CK_INLINE int64_t likeliest(const float *z, int64_t n) {
    float lanes[16];
    for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++) lanes[l] = z[i + l] > lanes[l] ? z[i + l] : lanes[l];
    for (; i < n; i++) lanes[0] = z[i] > lanes[0] ? z[i] : lanes[0];
    for (int l = 1; l < 16; l++) lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    for (int64_t start = 0; start < n; start += CHUNK) {
        int64_t end = ck_min(start + CHUNK, n);
        int found = 0;
        for (int64_t j = start; j < end; j++) found |= z[j] == lanes[0];
        if (!found) continue;
        for (int64_t j = start; j < end; j++)
            if (z[j] == lanes[0]) return j;
    }
    return 0;
}

/// weights[i] = exp((z[i] - top) * inverse); returns their sum.
CK_INLINE double weigh(const float *z, int64_t n, float top, float inverse, float *weights) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < n; i++) {
        float w = ck_exp((z[i] - top) * inverse);
        weights[i] = w;
        sum += w;
    }
    return (double)sum;
}

/// The first place at which `left` is used up; rounding may leave a crumb after the last one of weight.
CK_INLINE int64_t walk(const float *weights, int64_t n, double left) {
    int64_t chosen = 0;
    for (int64_t i = 0; i < n; i++) {
        if (weights[i] > 0.0f) chosen = i;
        left -= (double)weights[i];
        if (left < 0) return i;
    }
    return chosen;
}

/// A logit and its token in one word: smaller words are larger logits, and of equal ones the lower token.
CK_INLINE uint64_t place(float z, int64_t token) {
    // Of the two zeros, which are equal, one is kept.
    uint32_t bits = ck_bits(z == 0.0f ? 0.0f : z);
    uint32_t rising = bits >> 31 ? ~bits : bits | 0x80000000u;
    return (uint64_t)~rising << 32 | (uint64_t)token;
}

/// Sorts by the upper halves; equal ones keep their order.
CK_INLINE void sort_places(uint64_t *places, int64_t n, uint64_t *other) {
    for (int shift = 32; shift < 64; shift += DIGIT_BITS) {
        int64_t starts[DIGITS] = {0};
        for (int64_t i = 0; i < n; i++) starts[places[i] >> shift & (DIGITS - 1)]++;
        int64_t sum = 0;
        for (int digit = 0; digit < DIGITS; digit++) {
            int64_t count = starts[digit];
            starts[digit] = sum;
            sum += count;
        }
        for (int64_t i = 0; i < n; i++) other[starts[places[i] >> shift & (DIGITS - 1)]++] = places[i];
        uint64_t *swap = places;
        places = other;
        other = swap;
    }
    // Three digits: the result is in what was `other`.
    memcpy(other, places, (size_t)n * sizeof *places);
}

/// A bound that at least k logits reach, close to the k-th largest.
CK_INLINE float bound_of(const float *z, int64_t n, int64_t k, float top) {
    float low = top;
    for (int64_t i = 0; i < n; i++) low = z[i] < low ? z[i] : low;
    if (!(top > low) || low == -INFINITY) return -INFINITY;
    int64_t counts[BUCKETS] = {0};
    float scale = (BUCKETS - 1) / (top - low);
    for (int64_t i = 0; i < n; i++) counts[(int32_t)((top - z[i]) * scale)]++;
    int64_t bucket = 0;
    for (int64_t count = counts[0]; count < k && bucket + 1 < BUCKETS; bucket++) count += counts[bucket + 1];
    // One bucket more than needed: rounding moves edges.
    return bucket + 2 >= BUCKETS ? -INFINITY : top - (float)(bucket + 2) / scale;
}

CK_CLONES void ck_draw_token(float *z, int64_t n, const ck_draw *draw, void *scratch, int32_t *id, float *log_prob) {
    // Keskar et al. 2019, arXiv 1909.05858, section 4.1; negative logits are multiplied, as is usual.
    for (int64_t i = 0; i < draw->seen_count; i++) {
        float *logit = z + draw->seen[i];
        *logit = *logit < 0.0f ? *logit * draw->penalty : *logit / draw->penalty;
    }
    int64_t best = likeliest(z, n);
    float top = z[best], inverse = draw->temperature > 0.0 ? (float)(1.0 / draw->temperature) : 1.0f;
    float chunk[CHUNK];
    if (draw->temperature == 0.0) {
        double total = 0;
        for (int64_t i = 0; i < n; i += CHUNK) total += weigh(z + i, ck_min(CHUNK, n - i), top, 1.0f, chunk);
        *id = (int32_t)best;
        *log_prob = (float)-log(total);
        return;
    }
    double *sums = scratch;
    double total = 0;
    int narrows_k = draw->top_k < n, narrows_p = draw->top_p < 1.0, narrows_min = draw->min_p > 0.0;
    if (!narrows_k || narrows_p) {
        for (int64_t i = 0; i < n; i += CHUNK) {
            sums[i / CHUNK] = weigh(z + i, ck_min(CHUNK, n - i), top, inverse, chunk);
            total += sums[i / CHUNK];
        }
    }
    if (!narrows_k && !narrows_p && !narrows_min) {
        double left = draw->uniform * total;
        int64_t at = 0;
        for (int64_t i = 0; i < n; i += CHUNK) {
            if (sums[i / CHUNK] > 0) at = i;
            if (left < sums[i / CHUNK]) {
                at = i;
                break;
            }
            left -= sums[i / CHUNK];
        }
        weigh(z + at, ck_min(CHUNK, n - at), top, inverse, chunk);
        int64_t chosen = at + walk(chunk, ck_min(CHUNK, n - at), left);
        *id = (int32_t)chosen;
        *log_prob = (float)((double)(z[chosen] - top) / draw->temperature - log(total));
        return;
    }
    // Few of a large vocabulary can be drawn: the others are left out before the sort. What is below the mean of the
    // mass beyond top-p cannot be needed to reach it.
    float bound = -INFINITY;
    if (narrows_k)
        bound = bound_of(z, n, draw->top_k, top);
    else if (narrows_p)
        bound = top + (float)(draw->temperature * (log(total * (1.0 - draw->top_p) / (double)n) - 1e-3));
    else
        bound = top + (float)(draw->temperature * (log(draw->min_p) - 1e-3));
    uint64_t *places = (uint64_t *)(sums + (n + CHUNK - 1) / CHUNK), *other = places + n;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        places[count] = place(z[i], i);
        count += z[i] >= bound;
    }
    sort_places(places, count, other);
    count = ck_min(count, draw->top_k);
    float *weights = (float *)other;
    double mass = 0;
    for (int64_t i = 0; i < count; i++) {
        weights[i] = ck_exp((z[places[i] & 0xffffffffu] - top) * inverse);
        mass += (double)weights[i];
    }
    if (narrows_p) {
        // The mass of all that top-k left, also of what was left out above.
        double goal = draw->top_p * (narrows_k ? mass : total);
        int64_t kept = 0;
        for (mass = 0; mass < goal && kept < count; kept++) mass += (double)weights[kept];
        count = kept;
    }
    if (narrows_min) {
        // Weights are relative to the likeliest token's.
        int64_t kept = 0;
        for (mass = 0; kept < count && (double)weights[kept] >= draw->min_p; kept++) mass += (double)weights[kept];
        count = kept;
    }
    int64_t chosen = (int64_t)(places[walk(weights, count, draw->uniform * mass)] & 0xffffffffu);
    *id = (int32_t)chosen;
    *log_prob = (float)((double)(z[chosen] - top) / draw->temperature - log(mass));
}

int64_t ck_draw_scratch(int64_t n) { return ((n + CHUNK - 1) / CHUNK + 2 * n + 1) * 8; }
