#include "Check.h"
#include <stdatomic.h>
#include <sys/mman.h>

typedef struct { int32_t threads; int64_t count; int32_t *runs; int64_t *scratch; atomic_int strangers; } job;

static void once(void *context, int64_t index, int32_t worker) {
    job *shared = context;
    if (worker < 0 || worker >= shared->threads || index < 0 || index >= shared->count) {
        atomic_fetch_add(&shared->strangers, 1);
        return;
    }
    shared->runs[index]++;
    // Unguarded, as the kernels use their scratch memory: the pool must not lend one worker's number twice at a time.
    shared->scratch[worker] += index;
}

void test_pool(void) {
    EACH(threads, 1, 2, 5) {
        ck_pool *pool = ck_pool_create((int32_t)threads);
        expect("a pool", pool != NULL);
        for (int64_t round = 0; pool && round < 400; round++) {
            int64_t count = (const int64_t[]){0, 1, 2, 7, 1000}[round % 5];
            describe("ck_pool_run of %lld on %lld threads", (long long)count, (long long)threads);
            job shared = {(int32_t)threads, count, array(CK_INT32, count), array(CK_FLOAT64, threads), 0};
            for (int64_t i = 0; i < count; i++) shared.runs[i] = 0;
            for (int64_t i = 0; i < threads; i++) shared.scratch[i] = 0;
            ck_pool_run(pool, count, once, &shared);
            int64_t total = 0;
            for (int64_t i = 0; i < count; i++) near("runs", i, shared.runs[i], 1, 0, 0);
            for (int64_t i = 0; i < threads; i++) total += shared.scratch[i];
            expect("every index is worked on once", total == count * (count - 1) / 2);
            expect("indices and workers are in range", shared.strangers == 0);
            release();
        }
        if (pool) ck_pool_destroy(pool);
    }
}

void test_advise_huge(void) {
    describe("ck_advise_huge");
    size_t bytes = 4 << 20;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect("memory", memory != MAP_FAILED);
    memory[1] = 7;
    ck_advise_huge(memory, bytes);
    expect("memory is as it was", memory[0] == 0 && memory[1] == 7);
    munmap(memory, bytes);
}

void test_has(void) {
    describe("what the CPU has");
    expect("bfloat16 products are AVX-512 code", !ck_has_bfloat16() || ck_has_avx512());
}
