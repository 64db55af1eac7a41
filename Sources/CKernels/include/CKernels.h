#ifndef CKERNELS_H
#define CKERNELS_H

// Inner loops of the CPU backend. Shapes: N rows, C columns, M N K matrix dims, B batch, T queries, S keys, H heads,
// K key/value heads, D head size, V vocabulary. Strides count elements. Nothing here allocates or spawns threads
// except the pool; every function is a pure function of its arguments.

#include "CMPI.h"
#include "COneDNN.h"
#include <stddef.h>
#include <stdint.h>

// Element types, in the order that CPUBackend maps `DType` to.
enum { CK_FLOAT32 = 0, CK_BFLOAT16 = 1, CK_FLOAT64 = 2, CK_INT32 = 3, CK_UINT8 = 4 };

// ---- pool.c: threads that sleep while idle

typedef struct ck_pool ck_pool;
typedef void (*ck_task)(void *context, int64_t index, int32_t worker);

/// A pool of `threads` workers, the caller of ck_pool_run being worker 0; NULL when a thread cannot be started.
ck_pool *ck_pool_create(int32_t threads);
/// Calls task(context, i, worker) once for each i in 0..<count; returns when all are done.
void ck_pool_run(ck_pool *pool, int64_t count, ck_task task, void *context);
/// Joins the workers and frees the pool.
void ck_pool_destroy(ck_pool *pool);
/// Waits until *count is at least `value`. Indices are taken in their order, so a task may wait for one of a lower index.
void ck_await(const int32_t *count, int32_t value);
/// Sets *count, after everything that the caller has done.
void ck_advance(int32_t *count, int32_t value);

// ---- memory.c

/// Asks the system to back [address, address + byte_count) with huge pages; advice only.
void ck_advise_huge(void *address, size_t byte_count);
/// Reads whole words once, for measuring how fast that is; returns their exclusive or.
uint64_t ck_read(const void *x, int64_t byte_count);

// ---- copy.c

/// y[r * y_row + c * y_column] = x[r * x_row + c * x_column], converted (to nearest even; to integers by truncation).
void ck_copy(void *y, int32_t y_type, int64_t y_row, int64_t y_column, const void *x, int32_t x_type, int64_t x_row,
             int64_t x_column, int64_t rows, int64_t columns);
/// y[i * stride] = value
void ck_fill(void *y, int32_t type, int64_t stride, int64_t count, double value);
/// y[r, c] += x[r, c] with y and x rows of `columns` dense elements, row strides given.
void ck_add_row(void *y, int32_t y_type, const void *x, int32_t x_type, int64_t x_column, int64_t columns);

// ---- random.c

/// y[i] = uniform number `first + i` of Philox-4x32-10 with key `seed` and upper counter `stream`, rounded to `type`.
void ck_random(void *y, int32_t type, uint64_t seed, uint64_t stream, uint64_t first, int64_t count);

// ---- sum.c

/// The sum of n elements of stride `stride`: float32 blocks of 2048, added up in float64.
double ck_sum_row(const void *x, int32_t type, int64_t stride, int64_t n);
/// sums[c] += sum over r of x[r, c]: float32 over 64 rows, then float64.
void ck_sum_columns(const void *x, int32_t type, int64_t row_stride, int64_t column_stride, int64_t rows,
                    int64_t columns, double *sums);
/// y[i * stride] = sums[i], or += when `accumulate`.
void ck_store_sums(void *y, int32_t type, int64_t stride, const double *sums, int64_t n, int32_t accumulate);

// ---- program.c: straight-line programs over tiles

// Kinds of a value: one number for the whole run, one per row, or one per element.
enum { CK_UNIFORM = 0, CK_ROW = 1, CK_FULL = 2 };
// Codes: 0-15 unary (Program.Unary), 16-31 binary (Program.Binary), then:
enum { CK_SELECT = 32, CK_ROW_SUM = 33, CK_ROW_MAX = 34, CK_COLUMN = 35 };

enum { CK_MAX_DIMS = 8 };

typedef struct { int32_t kind, index; } ck_value;
/// `output`: the output that is written where it lies instead of in register `to`, which stands for it; or -1. It is
/// float32 with dense rows, and no later instruction reads an input from the same memory.
typedef struct { int32_t code; ck_value to, a, b, c; int32_t output; } ck_instruction;
typedef struct {
    char *base;
    int32_t type;
    ck_value value;
    /// Of an input: whether a tile may be read where it lies (float32 and dense), instead of being copied to its
    /// register: 1 when it is one row, 2 always. Of an output: 0 for one number a row, else as for inputs.
    int32_t direct;
    int64_t strides[CK_MAX_DIMS];
    int64_t column_stride;
} ck_map_view;

typedef struct {
    const ck_instruction *instructions;
    const ck_map_view *inputs, *outputs;
    const float *uniforms;
    int32_t instruction_count, input_count, output_count;
    /// Registers of full and of row kind.
    int32_t full_count, row_count;
    /// Rows are the elements of shape[0] x ... x shape[dims - 1], `columns` long.
    int32_t dims;
    int64_t shape[CK_MAX_DIMS];
    int64_t columns;
    /// Elements of one full register and of one row register.
    int64_t full_size, row_size;
} ck_map;

/// Runs the program on rows [row, row + rows) and columns [column, column + columns); rows * columns <= full_size and
/// rows <= row_size. `scratch` holds full_count * full_size + row_count * row_size floats.
void ck_map_tile(const ck_map *map, int64_t row, int64_t rows, int64_t column, int64_t columns, float *scratch);

// ---- gemm.c

/// The signature of cblas_sgemm with 32-bit integers: order 101 is row-major, transposition 111 none and 112 yes.
typedef void (*ck_sgemm)(int32_t order, int32_t transpose_a, int32_t transpose_b, int32_t m, int32_t n, int32_t k,
                         float alpha, const float *a, int32_t lda, const float *b, int32_t ldb, float beta, float *c,
                         int32_t ldc);
/// A plain product with the signature of cblas_sgemm, row-major only; for machines without a BLAS library.
void ck_sgemm_plain(int32_t order, int32_t transpose_a, int32_t transpose_b, int32_t m, int32_t n, int32_t k,
                    float alpha, const float *a, int32_t lda, const float *b, int32_t ldb, float beta, float *c,
                    int32_t ldc);
/// c[m, n] = alpha * sum_k a[m, k] b[n, k] + beta * c[m, n] for few rows m: every product is one dot, whose order of
/// additions depends on K alone. a [M, K], b [N, K] with dense rows; b float32 or bfloat16.
void ck_dots(int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const void *b, int32_t b_type,
             int64_t ldb, float beta, float *c, int64_t ldc);
// ---- pack.c, panels.c: products by panels of 32-bit words along K: a float32, or a pair of bfloat16

enum { CK_PANEL_ROWS = 12, CK_PANEL_COLUMNS = 32, CK_PANEL_DEPTH = 512, CK_FEW_ROWS = 64, CK_FEW_DEPTH = 256 };

/// Whether this CPU has the bfloat16 dot product that makes panels of pairs worth their packing.
int32_t ck_has_bfloat16(void);
/// Panels [words, width] of `lines` lines: number p of line w is x[w * stride + p * k_stride], of `type` float32 or
/// bfloat16; zero past the last line and past K. Words [start, end) are written. `ahead`: how many bytes further on the
/// next call reads.
void ck_pack(uint32_t *panels, int64_t width, const void *x, int32_t type, int64_t stride, int64_t k_stride,
             int64_t lines, int64_t k, int64_t start, int64_t end, int64_t ahead);

/// c [M, N] = alpha a b + beta c: what a product writes, and the element type of a and b.
typedef struct {
    int64_t m, n;
    int32_t type, c_type;
    float alpha, beta;
    void *c;
    int64_t ldc;
} ck_product;

/// One side of a product as it lies in memory: number p < k of line w < count is x[w * stride + p * k_stride].
typedef struct {
    const void *x;
    int64_t count, k, stride, k_stride;
} ck_lines;

/// How many lines of a, so many words long, one call of ck_panel_product takes at most.
int64_t ck_panel_lines(int64_t words);
/// How many 32-bit words of `scratch` it needs.
int64_t ck_panel_scratch(int64_t n, int64_t words);
/// For M = a->count <= ck_panel_lines lines, which are packed on the way, and panels b; float32 sums. `next`: a of the
/// call after this one, fetched meanwhile; none when its count is 0.
void ck_panel_product(const ck_product *product, const ck_lines *a, const uint32_t *b, uint32_t *scratch,
                      const ck_lines *next);
/// For M <= CK_FEW_ROWS rows: b, whose column j has number p at b[j * stride + p * k_stride], is read once and packed a
/// piece at a time. Same bits as ck_panel_product.
void ck_few_rows_product(const ck_product *product, const uint32_t *a, const void *b, int64_t stride, int64_t k_stride,
                         int64_t k);

// ---- attention.c: softmax(scale * q k^T over visible keys) v in tiles; last dims dense

enum { CK_ATTENTION_KEYS = 192, CK_ATTENTION_QUERIES = 96 };

typedef struct {
    // q, out, dout, dq [B, T, H, D]; k, v, dk, dv [B, S, K, D]; strides of batch, token and head.
    const void *q, *k, *v, *dout;
    void *out;
    /// Added to; D rounded up to a multiple of 16.
    float *dq, *dk, *dv;
    /// [B, H, T] strides of batch, head and token.
    float *lse;
    int32_t q_type, k_type, v_type, out_type, dout_type;
    int64_t q_strides[3], k_strides[3], v_strides[3], out_strides[3], dout_strides[3], dq_strides[3], dk_strides[3],
        dv_strides[3], lse_strides[3];
    int64_t queries, keys, heads, kv_heads, head_size;
    /// Not negative.
    float scale;
    /// Latest keys seen; 0 is all.
    int64_t window;
    /// [B] and [B, T]; NULL is keys - queries and 0.
    const int32_t *query_start, *document_start;
    int64_t query_start_stride, document_strides[2];
    /// The kernels: of this CPU or for any, on float32 or on pairs of bfloat16.
    int32_t level;
} ck_tiled_attention;

enum { CK_LEVEL_PLAIN = 0, CK_LEVEL_AVX512 = 1, CK_LEVEL_BFLOAT16 = 2 };

/// Words of one packed block of CK_ATTENTION_KEYS keys and values.
int64_t ck_attention_packed_size(const ck_tiled_attention *attention);
/// Words of scratch memory that a call of ck_attention_block, or ck_attention_backward, needs.
int64_t ck_attention_scratch(const ck_tiled_attention *attention, int32_t backward);
/// Lays out block `block` of the keys and values of a head for ck_attention_block, if any query sees one of them.
void ck_attention_pack(const ck_tiled_attention *attention, int64_t b, int64_t kv, int64_t block, uint32_t *packed);
/// out and lse of block `block` (CK_ATTENTION_QUERIES) of the queries of head h; `packed` are all blocks of its keys. A
/// query's result does not depend on the others.
void ck_attention_block(const ck_tiled_attention *attention, int64_t b, int64_t h, int64_t block,
                        const uint32_t *packed, uint32_t *scratch);
/// Adds what the queries of one block and the keys of another (both CK_ATTENTION_KEYS long), of all heads of one
/// key/value head, give to each other's gradients. No two calls at a time may share a block of either.
void ck_attention_backward(const ck_tiled_attention *attention, int64_t b, int64_t kv, int64_t key_block,
                           int64_t query_block, uint32_t *scratch);

// ---- attention_cached.c: attention of new tokens over keys and values that a cache holds in blocks

enum {
    /// S: tokens of a block.
    CK_CACHE_BLOCK = 64,
    /// Keys whose scores are held at once; a multiple of S. What is added in which order depends on it.
    CK_CACHE_PIECE = 512
};

typedef struct {
    /// [N, H, D] float32 or bfloat16, heads dense
    const void *q;
    void *out;
    /// [P, K, D, S] and [P, S, K, D], dense, both of `type`
    const void *keys, *values;
    int32_t q_type, out_type, type;
    int64_t q_strides[2], out_strides[2];
    int64_t heads, kv_heads, head_size;
    float scale;
    /// Latest keys seen; 0 is all.
    int64_t window;
    /// [N]: each token sees the keys of its sequence up to its own position.
    const int32_t *positions;
    /// [B, W]: the blocks of each sequence.
    const int32_t *blocks;
    int64_t positions_stride, blocks_stride;
} ck_cached_attention;

/// Floats of scratch memory that a tile of so many tokens needs.
int64_t ck_cached_attention_scratch(const ck_cached_attention *attention, int64_t tokens);
/// Tokens [token, token + count) of one sequence at consecutive positions, all heads of one key/value head, over pieces
/// [first_piece, end_piece) of its keys: piece by piece, merged in order, finished.
void ck_cached_attention_tile(const ck_cached_attention *attention, int64_t token, int64_t count, int64_t sequence,
                              int64_t kv, int64_t first_piece, int64_t end_piece, float *scratch);
/// One piece alone: count * G * (D + 2) floats.
void ck_cached_attention_piece(const ck_cached_attention *attention, int64_t token, int64_t count, int64_t sequence,
                               int64_t kv, int64_t piece, float *partial, float *scratch);
/// Adds the next piece to the sums of those before it.
void ck_cached_attention_merge(const ck_cached_attention *attention, int64_t count, float *sums, const float *partial);
/// Divides the sums of all pieces and writes them.
void ck_cached_attention_finish(const ck_cached_attention *attention, int64_t token, int64_t count, int64_t kv,
                                float *sums);

// ---- draw.c

typedef struct {
    /// 0: the likeliest token
    double temperature;
    /// 1 and 0: all tokens
    double top_p, min_p;
    /// In [0, 1)
    double uniform;
    /// At least the vocabulary: all tokens
    int64_t top_k;
    /// Tokens whose logits the penalty makes smaller, each once
    const int32_t *seen;
    int64_t seen_count;
    float penalty;
} ck_draw;

/// Bytes of scratch memory for a row of n logits.
int64_t ck_draw_scratch(int64_t n);
/// Draws from one row of n logits, on which the penalty is left; the token's log-probability is that under the
/// distribution it was drawn from.
void ck_draw_token(float *logits, int64_t n, const ck_draw *draw, void *scratch, int32_t *id, float *log_prob);

// ---- norm.c: normalisation of rows; x, y, dy float32 or bfloat16 with dense rows, the rest float32

typedef struct {
    /// [N, C]
    const void *x;
    /// [N, C]: y, or dx of the backward pass (NULL: not wanted)
    void *y;
    int32_t x_type, y_type;
    int64_t x_stride, y_stride, columns;
    /// [C] dense; bias may be NULL
    const float *weight, *bias;
    /// [N]; mean is NULL for an RMS norm
    float *inverse, *mean;
    int64_t inverse_stride, mean_stride;
    /// [N, C] what dx is added to, float32 or bfloat16 with dense rows; NULL: nothing
    const void *added;
    int32_t added_type;
    int64_t added_stride;
} ck_norm_rows;

/// Rows [first, end); scratch holds 2 C floats.
void ck_norm(const ck_norm_rows *norm, double epsilon, int64_t first, int64_t end, float *scratch);
/// Rows [first, end); dweight and dbias [C] (either may be NULL) are added to; scratch holds 4 C floats.
void ck_norm_backward(const ck_norm_rows *norm, const void *dy, int32_t dy_type, int64_t dy_stride, float *dweight,
                      float *dbias, int64_t first, int64_t end, float *scratch);

// ---- swiglu.c

/// Matrices of one type, float32 or bfloat16, with dense rows: y = gate sigmoid(gate) up, or the gradients of both for
/// the gradient dy of y.
typedef struct {
    const void *gate, *up, *dy;
    void *y, *dgate, *dup;
    int64_t gate_stride, up_stride, dy_stride, y_stride, dgate_stride, dup_stride, columns;
    int32_t type;
} ck_swiglu_rows;

/// Rows [first, end) of y.
void ck_swiglu(const ck_swiglu_rows *x, int64_t first, int64_t end);
/// Rows [first, end) of dgate and dup.
void ck_swiglu_backward(const ck_swiglu_rows *x, int64_t first, int64_t end);

// ---- rotary.c

/// Heads [H, D] of one token: pairs (x[i], x[half + i]) turned by the angle of cosine[i], sign * sine[i]. y may be x.
void ck_rotary(void *y, int32_t y_type, const void *x, int32_t x_type, int64_t y_head, int64_t x_head, int64_t heads,
               int64_t head_size, int64_t half, const float *cosine, const float *sine, float sign);

// ---- scores.c: rows of logits, a block of the vocabulary at a time

typedef struct {
    /// [N, columns] with dense rows; the first column is token `first`.
    const float *logits;
    int64_t stride, columns, first;
    /// [N]; negative is none
    const int32_t *targets;
    int64_t target_stride;
    /// Logits become cap * tanh(logits / cap); 0 is none.
    float cap;
    /// [N, columns] float32 or bfloat16 with dense rows, or NULL: e^(z - top) of logits without a cap.
    void *weights;
    int32_t weights_type;
    int64_t weights_stride;
    /// [N], the largest logit of each row of the block, beside weights.
    float *tops;
    int64_t tops_stride;
} ck_logit_rows;

typedef struct {
    /// [N] of whole rows
    const float *log_sum_exp, *entropy;
    int64_t log_sum_exp_stride, entropy_stride;
    /// [N] of log p(target), log-sum-exp, mean log p and entropy; NULL is 0
    const float *gradients[4];
    int64_t strides[4];
    int64_t vocabulary;
    /// [N, columns] float32 (may be the logits) or bfloat16, dense rows; may be the weights
    void *dlogits;
    int32_t type;
    int64_t stride;
} ck_logit_gradients_of;

/// Adds the block to the sums [5, N] of rows [begin, end): the largest logit; sums of e^(z - largest),
/// e^(z - largest) (z - largest) and z; the target's logit once it was seen. Writes weights and tops where they are
/// given; then sums may be NULL.
void ck_logit_sums(const ck_logit_rows *rows, float *sums, int64_t sums_stride, int64_t step, int64_t begin,
                   int64_t end);
/// Writes the block's gradients of rows [begin, end), from weights and tops where they are given, else from logits.
void ck_logit_gradients(const ck_logit_rows *rows, const ck_logit_gradients_of *of, int64_t begin, int64_t end);

// ---- quantize.c: numbers kept in 8 or 4 bits

// 8-bit dynamic codes (Dettmers et al. 2021, arXiv 2110.02861) in blocks of 256 with one float32 scale: the number of
// largest magnitude of the block, with its sign. A code is an index of the ascending table of 256 numbers.
enum { CK_BLOCK = 256 };

/// to[i] = table[codes[first + i]] * scales[(first + i) / 256] for `count` codes.
void ck_dequantize(float *to, const uint8_t *codes, const float *scales, int32_t is_signed, int64_t first,
                   int64_t count);
/// Codes and scales of `count` numbers, which start a block; nearest, but what is not 0 never becomes 0 when unsigned.
void ck_quantize(uint8_t *codes, float *scales, int32_t is_signed, const float *from, int64_t count);

/// y[i] = x[i] rounded up or down to bfloat16 at random, up with probability (x - down) / (up - down) to 1/65536. Number
/// e = first + i takes half (e / 16) % 8 of block (e / 128) * 16 + e % 16 of Philox-4x32-10.
void ck_round_bfloat16(uint16_t *y, const float *x, uint64_t seed, uint64_t stream, uint64_t first, int64_t count);

/// How a flat array of a stored map holds its numbers.
typedef struct {
    /// Numbers of `type`, or codes.
    char *base;
    /// Of codes; NULL: plain numbers.
    float *scales;
    int32_t type, is_signed;
    /// Whether a bfloat16 output is rounded at random, with the numbers that follow.
    int32_t is_random;
    uint64_t seed, stream, first;
} ck_stored;

/// Runs an elementwise program on elements [first, first + count), count <= full_size; `first` starts a block. The
/// map's views give registers, types and `direct`; memory is the stored arrays'. `scratch` holds what ck_map_tile needs
/// and full_size floats for each input and output.
void ck_stored_tile(const ck_map *map, const ck_stored *inputs, const ck_stored *outputs, int64_t first,
                    int64_t count, float *scratch);

/// A matrix [O, I] of frozen weights.
typedef struct {
    /// Rows of `columns` bytes q, worth (q - 128) * scales[o]; or of (columns + 1) / 2 bytes with two NF4 codes each,
    /// the first in the upper half.
    const uint8_t *codes;
    /// [O]; NULL: NF4
    const float *scales;
    /// NF4: one signed 8-bit code for each block of 64 of a row, in row order, and their block scales.
    const uint8_t *absmax_codes;
    const float *absmax_scales;
    float absmax_offset;
    int64_t columns;
} ck_quantized;

/// to[r, :] = row first + r, dense, float32 or bfloat16.
void ck_dequantize_rows(void *to, int32_t to_type, const ck_quantized *matrix, int64_t first, int64_t rows);

/// Whether this CPU runs AVX-512 (x86-64-v4) code.
int32_t ck_has_avx512(void);

#endif
