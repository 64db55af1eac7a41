#include "ForktailOneDNN.h"
#include "CKernels.h"
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// From the OpenMP runtime that oneDNN brings; the setting belongs to the calling thread.
void omp_set_num_threads(int count);

// What a product needs beside the addresses of its arrays. Compared as bytes, so padding is zeroed.
typedef struct {
    int64_t m, n, k, a_strides[2], b_strides[2], ldc;
    int32_t type, c_type;
    float alpha, beta;
} form;

typedef struct {
    form form;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c;
} prepared;

// Two per set: a training step has some tens of forms.
enum { SETS = 64, WAYS = 2 };

// Belongs to one thread, freed when it ends.
typedef struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    prepared *slots[SETS][WAYS];
} thread_state;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int has_key;

static void discard(prepared *item) {
    if (!item) return;
    dnnl_primitive_destroy(item->primitive);
    dnnl_memory_destroy(item->a);
    dnnl_memory_destroy(item->b);
    dnnl_memory_destroy(item->c);
    free(item);
}

static void end_thread(void *pointer) {
    thread_state *state = pointer;
    for (int set = 0; set < SETS; set++)
        for (int way = 0; way < WAYS; way++) discard(state->slots[set][way]);
    dnnl_stream_destroy(state->stream);
    dnnl_engine_destroy(state->engine);
    free(state);
}

static void start(void) { has_key = pthread_key_create(&key, end_thread) == 0; }

static dnnl_status_t this_thread(thread_state **result) {
    pthread_once(&once, start);
    if (!has_key) return dnnl_out_of_memory;
    if ((*result = pthread_getspecific(key))) return dnnl_success;
    thread_state *state = calloc(1, sizeof *state);
    if (!state) return dnnl_out_of_memory;
    omp_set_num_threads(1);
    dnnl_status_t status = dnnl_engine_create(&state->engine, dnnl_cpu, 0);
    if (!status) status = dnnl_stream_create(&state->stream, state->engine, dnnl_stream_default_flags);
    if (!status && pthread_setspecific(key, state) != 0) status = dnnl_out_of_memory;
    if (status) {
        end_thread(state);
        return status;
    }
    *result = state;
    return dnnl_success;
}

static dnnl_data_type_t data_type(int32_t type) { return type == CK_BFLOAT16 ? dnnl_bf16 : dnnl_f32; }

static dnnl_status_t describe(dnnl_memory_desc_t *desc, int64_t rows, int64_t columns, int64_t row_stride,
                              int64_t column_stride, int32_t type) {
    return dnnl_memory_desc_init_by_strides(
        desc, 2, (dnnl_dims_t){rows, columns}, data_type(type), (dnnl_dims_t){row_stride, column_stride});
}

static dnnl_status_t make_attributes(dnnl_primitive_attr_t *attributes, const form *form) {
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (!status && form->alpha != 1) status = dnnl_primitive_attr_set_output_scales(*attributes, 1, 0, &form->alpha);
    if (status || form->beta == 0) return status;
    dnnl_post_ops_t after;
    status = dnnl_post_ops_create(&after);
    if (status) return status;
    status = dnnl_post_ops_append_sum(after, form->beta);
    if (!status) status = dnnl_primitive_attr_set_post_ops(*attributes, after);
    dnnl_post_ops_destroy(after);
    return status;
}

static dnnl_status_t prepare(prepared **result, const form *form, dnnl_engine_t engine) {
    prepared *item = calloc(1, sizeof *item);
    if (!item) return dnnl_out_of_memory;
    item->form = *form;
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t product;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status = describe(&a, form->m, form->k, form->a_strides[0], form->a_strides[1], form->type);
    if (!status) status = describe(&b, form->k, form->n, form->b_strides[0], form->b_strides[1], form->type);
    if (!status) status = describe(&c, form->m, form->n, form->ldc, 1, form->c_type);
    if (!status) status = dnnl_matmul_desc_init(&product, &a, &b, NULL, &c);
    if (!status) status = make_attributes(&attributes, form);
    if (!status) status = dnnl_primitive_desc_create(&desc, &product, attributes, engine, NULL);
    if (!status) status = dnnl_primitive_create(&item->primitive, desc);
    if (!status) status = dnnl_memory_create(&item->a, &a, engine, DNNL_MEMORY_NONE);
    if (!status) status = dnnl_memory_create(&item->b, &b, engine, DNNL_MEMORY_NONE);
    if (!status) status = dnnl_memory_create(&item->c, &c, engine, DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy(desc);
    dnnl_primitive_attr_destroy(attributes);
    if (status) {
        discard(item);
        return status;
    }
    *result = item;
    return dnnl_success;
}

static uint64_t hash(const form *form) {
    uint64_t words[sizeof *form / 8], sum = 0;
    memcpy(words, form, sizeof words);
    for (size_t i = 0; i < sizeof words / 8; i++) sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15u;
    return sum >> 32;
}

// The newest of a set comes first; the oldest makes room.
static dnnl_status_t find(prepared **result, thread_state *state, const form *form) {
    prepared **set = state->slots[hash(form) % SETS];
    for (int way = 0; way < WAYS; way++) {
        prepared *item = set[way];
        if (!item || memcmp(&item->form, form, sizeof *form) != 0) continue;
        memmove(set + 1, set, (size_t)way * sizeof *set);
        *result = set[0] = item;
        return dnnl_success;
    }
    dnnl_status_t status = prepare(result, form, state->engine);
    if (status) return status;
    discard(set[WAYS - 1]);
    memmove(set + 1, set, (WAYS - 1) * sizeof *set);
    set[0] = *result;
    return dnnl_success;
}

static dnnl_status_t run(const ck_onednn_product *product) {
    form form;
    memset(&form, 0, sizeof form);
    form.m = product->m;
    form.n = product->n;
    form.k = product->k;
    memcpy(form.a_strides, product->a_strides, sizeof form.a_strides);
    memcpy(form.b_strides, product->b_strides, sizeof form.b_strides);
    form.ldc = product->ldc;
    form.type = product->type;
    form.c_type = product->c_type;
    form.alpha = product->alpha;
    form.beta = product->beta;
    thread_state *state;
    prepared *item;
    dnnl_status_t status = this_thread(&state);
    if (!status) status = find(&item, state, &form);
    // oneDNN's C interface takes addresses of inputs without const; it writes to the result alone.
    if (!status) status = dnnl_memory_set_data_handle(item->a, (void *)product->a);
    if (!status) status = dnnl_memory_set_data_handle(item->b, (void *)product->b);
    if (!status) status = dnnl_memory_set_data_handle(item->c, product->c);
    if (status) return status;
    dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, item->a}, {DNNL_ARG_WEIGHTS, item->b}, {DNNL_ARG_DST, item->c}};
    status = dnnl_primitive_execute(item->primitive, state->stream, 3, arguments);
    return status ? status : dnnl_stream_wait(state->stream);
}

static int32_t multiply(const ck_onednn_product *product) { return (int32_t)run(product); }

static int32_t supports(int32_t type) {
    if (type != CK_FLOAT32 && type != CK_BFLOAT16) return 0;
    // The bytes of zeros in either type.
    uint32_t a[16] = {0}, b[16] = {0}, c[16] = {0};
    ck_onednn_product product = {a, b, c, 4, 4, 4, {4, 1}, {4, 1}, 4, type, CK_FLOAT32, 1, 0};
    if (multiply(&product) != 0) return 0;
    product.c_type = type;
    product.beta = 1;
    return multiply(&product) == 0;
}

static ck_onednn_table table = {CK_ONEDNN_FORMAT, 0, 0, 0, supports, multiply};

static void fill_table(void) {
    const dnnl_version_t *version = dnnl_version();
    table.major = version->major;
    table.minor = version->minor;
    table.patch = version->patch;
}

const ck_onednn_table *forktail_onednn(void) {
    static pthread_once_t filled = PTHREAD_ONCE_INIT;
    pthread_once(&filled, fill_table);
    return &table;
}
