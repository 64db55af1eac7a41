// The table of kernels and what tests them. scripts/test-kernels fails when a function that the library exports is not
// in it. Without arguments everything runs; with names, those; --list prints the names.

#include "Check.h"

#define ENTRIES(ENTRY)                                                                                                 \
    ENTRY(test_pool, "ck_pool_create ck_pool_run ck_pool_destroy")                                                     \
    ENTRY(test_turns, "ck_advance ck_await")                                                                           \
    ENTRY(test_read, "ck_read")                                                                                        \
    ENTRY(test_advise_huge, "ck_advise_huge")                                                                          \
    ENTRY(test_has, "ck_has_avx512 ck_has_bfloat16")                                                                   \
    ENTRY(test_copy, "ck_copy")                                                                                        \
    ENTRY(test_fill, "ck_fill")                                                                                        \
    ENTRY(test_add_row, "ck_add_row")                                                                                  \
    ENTRY(test_random, "ck_random")                                                                                    \
    ENTRY(test_round_bfloat16, "ck_round_bfloat16")                                                                    \
    ENTRY(test_sum_row, "ck_sum_row")                                                                                  \
    ENTRY(test_sum_columns, "ck_sum_columns")                                                                          \
    ENTRY(test_store_sums, "ck_store_sums")                                                                            \
    ENTRY(test_map_each, "ck_map_tile")                                                                                \
    ENTRY(test_map_places, "ck_map_tile")                                                                              \
    ENTRY(test_map_chains, "ck_map_tile")                                                                              \
    ENTRY(test_sgemm_plain, "ck_sgemm_plain")                                                                          \
    ENTRY(test_dots, "ck_dots")                                                                                        \
    ENTRY(test_pack, "ck_pack")                                                                                        \
    ENTRY(test_panel_product, "ck_panel_product ck_panel_lines ck_panel_scratch ck_few_rows_product ck_tile")          \
    ENTRY(test_attention, "ck_attention_block ck_attention_pack ck_attention_packed_size ck_attention_scratch")        \
    ENTRY(test_attention_backward, "ck_attention_backward")                                                            \
    ENTRY(test_cached_attention,                                                                                       \
          "ck_cached_attention_finish ck_cached_attention_merge ck_cached_attention_piece "                            \
          "ck_cached_attention_scratch ck_cached_attention_tile")                                                      \
    ENTRY(test_dequantize, "ck_dequantize")                                                                            \
    ENTRY(test_quantize, "ck_quantize")                                                                                \
    ENTRY(test_stored_tile, "ck_stored_tile")                                                                          \
    ENTRY(test_dequantize_rows, "ck_dequantize_rows")                                                                  \
    ENTRY(test_draw, "ck_draw_scratch ck_draw_token")                                                                  \
    ENTRY(test_norm, "ck_norm")                                                                                        \
    ENTRY(test_norm_backward, "ck_norm_backward")                                                                      \
    ENTRY(test_swiglu, "ck_swiglu ck_swiglu_backward")                                                                 \
    ENTRY(test_rotary, "ck_rotary")                                                                                    \
    ENTRY(test_logit_sums, "ck_logit_sums")                                                                            \
    ENTRY(test_logit_weights, "ck_logit_sums")                                                                         \
    ENTRY(test_logit_gradients, "ck_logit_gradients")

#define DECLARE(function, kernels) void function(void);
ENTRIES(DECLARE)

#define ROW(function, kernels) {#function, kernels, function},
static const struct { const char *name, *kernels; void (*run)(void); } entries[] = {ENTRIES(ROW)};

int main(int count, char **names) {
    int ran = 0;
    if (count == 2 && !strcmp(names[1], "--list")) {
        for (int64_t i = 0; i < COUNT(entries); i++) printf("%s\n", entries[i].kernels);
        return 0;
    }
    for (int64_t i = 0; i < COUNT(entries); i++) {
        int wanted = count == 1;
        for (int n = 1; n < count; n++) wanted |= !strcmp(names[n], entries[i].name);
        if (!wanted) continue;
        int64_t before = failures;
        entries[i].run();
        release();
        ran++;
        if (failures > before)
            fprintf(stderr, "error: %s: %lld wrong\n", entries[i].name, (long long)(failures - before));
    }
    if (!ran || failures) return 1;
    printf("%d entries, %lld comparisons\n", ran, (long long)comparisons);
    return 0;
}
