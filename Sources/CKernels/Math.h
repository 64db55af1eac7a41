#ifndef CKERNELS_MATH_H
#define CKERNELS_MATH_H

#include "Kernel.h"

// Elementary functions in float32 without branches, so that loops over them vectorise. Polynomials are minimax fits
// made for this file; errors measured over the range are below 1 unit in the last place for exp and log, 2 for log1p,
// tanh and sigmoid, 3 for erf.
#pragma clang fp contract(fast)

/// exp(x) = p 2^n: returns p, and n in the low bits of `shifted`.
CK_INLINE float ck_exp_parts(float x, float *shifted) {
    // n, the nearest integer to x / log 2: adding 1.5 * 2^23 leaves no fraction bits, and n in the low ones.
    *shifted = x * 1.44269504f + 0x1.8p23f;
    float n = *shifted - 0x1.8p23f;
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.99089045e-4f;
    p = p * r + 1.39345438e-3f;
    p = p * r + 8.33328441e-3f;
    p = p * r + 4.16664556e-2f;
    p = p * r + 1.66666672e-1f;
    p = p * r + 0.5f;
    return (p * r) * r + r + 1.0f;
}

/// exp of a number in [-104, 89] or NaN.
CK_INLINE float ck_exp_within(float x) {
    float shifted, p = ck_exp_parts(x, &shifted);
    // 2^n in two factors, so that results below the normal range round once and n = 128 overflows to infinity. A NaN
    // passes through p.
    int32_t power = (int32_t)(ck_bits(shifted) - ck_bits(0x1.8p23f));
    int32_t half = power >> 1;
    return p * ck_float((uint32_t)(half + 127) << 23) * ck_float((uint32_t)(power - half + 127) << 23);
}

CK_INLINE float ck_exp(float x) {
    float clamped = x > 89.0f ? 89.0f : x;
    return ck_exp_within(clamped < -104.0f ? -104.0f : clamped);
}

/// 1 / (1 + exp(-x)), by the exponential that does not overflow.
CK_INLINE float ck_sigmoid(float x) {
    float a = -fabsf(x);
    float e = ck_exp_within(a < -104.0f ? -104.0f : a);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/// x sigmoid(x), with the sigmoid of numbers below -87 that of -87 (1.6e-38, about the least normal number): a third fewer
/// instructions than by `ck_sigmoid`. NaN for NaN.
CK_INLINE float ck_silu(float x, float *sigmoid) {
    float a = -fabsf(x), shifted, p = ck_exp_parts(a < -87.0f ? -87.0f : a, &shifted);
    // p is about 1 and n at least -126, so n goes straight to the exponent.
    float e = ck_float(ck_bits(p) + (ck_bits(shifted) << 23));
    *sigmoid = (x < 0.0f ? e : 1.0f) / (1.0f + e);
    return x * *sigmoid;
}

CK_INLINE float ck_log(float x) {
    int tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 0x1p25f : x;
    uint32_t u = ck_bits(scaled);
    // mantissa in [sqrt(1/2), sqrt(2))
    uint32_t shifted = u - 0x3f3504f3;
    int32_t exponent = (int32_t)shifted >> 23;
    float f = ck_float((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
    float e = (float)(exponent - (tiny ? 25 : 0));
    float p = 7.33243525e-2f;
    p = p * f - 1.16598889e-1f;
    p = p * f + 1.16346784e-1f;
    p = p * f - 1.23967074e-1f;
    p = p * f + 1.42511547e-1f;
    p = p * f - 1.66691512e-1f;
    p = p * f + 2.00006887e-1f;
    p = p * f - 2.49999806e-1f;
    p = p * f + 3.33333313e-1f;
    float square = f * f;
    float low = p * (square * f) - e * 2.12194440e-4f;
    float y = (f - 0.5f * square + low) + e * 0.693359375f;
    y = x == INFINITY ? INFINITY : y;
    y = x == 0.0f ? -INFINITY : y;
    return x >= 0.0f ? y : NAN;
}

/// log(1 + x): the rounding error of 1 + x is added back.
CK_INLINE float ck_log1p(float x) {
    float u = 1.0f + x;
    float error = x - (u - 1.0f);
    float y = ck_log(u);
    float corrected = y + error / u;
    return (u == 0.0f || u > 0x1p60f) ? y : (x == 0.0f ? x : corrected);
}

CK_INLINE float ck_tanh(float x) {
    float a = fabsf(x);
    float u = x * x;
    float p = 2.27592691e-3f;
    p = p * u - 8.32960848e-3f;
    p = p * u + 2.17647552e-2f;
    p = p * u - 5.39587848e-2f;
    p = p * u + 1.33333012e-1f;
    p = p * u - 3.33333343e-1f;
    float small = x + x * (u * p);
    float large = copysignf(1.0f - 2.0f / (ck_exp(2.0f * a) + 1.0f), x);
    return a < 0.625f ? small : (x == x ? large : x);
}

CK_INLINE float ck_erf(float x) {
    float a = fabsf(x);
    float u = x * x;
    float p = 7.88911930e-5f;
    p = p * u - 8.02084105e-4f;
    p = p * u + 5.18953521e-3f;
    p = p * u - 2.68544443e-2f;
    p = p * u + 1.12836003e-1f;
    p = p * u - 3.76126260e-1f;
    p = p * u + 1.12837911f;
    // above 1: 1 - t q(t) exp(-x^2), t = 1 / (1 + a / 2); erf is 1 in float32 from 4 on
    float capped = a > 4.2f ? 4.2f : a;
    float t = 1.0f / (1.0f + 0.5f * capped);
    float q = -4.57000211e-2f;
    q = q * t - 6.91076667e-2f;
    q = q * t + 3.99108946e-1f;
    q = q * t + 1.21053100e-1f;
    q = q * t + 3.15609902e-1f;
    q = q * t + 2.78581887e-1f;
    float large = copysignf(1.0f - t * q * ck_exp(-capped * capped), x);
    return a < 1.0f ? x * p : (x == x ? large : x);
}

#pragma clang fp contract(on)

#endif
