#include "CKernels.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

// Work is announced by a generation number. A worker spins for a few microseconds, then sleeps on a condition variable.
// A call waits only for workers that took part, so one that wakes late costs nothing. Indices are handed out by a
// shared counter: which worker computes an index may differ between runs, so tasks must be functions of the index alone
// (the worker number only names scratch memory).
//
// While all spin, no lock is taken: a step of generation is hundreds of calls of a few microseconds. A sleeper first
// says that it sleeps and then looks again; who has news first tells it and then looks for sleepers (both in one order
// that all threads agree on), so none is missed.

enum { SPINS = 2000 };

struct ck_pool {
    int32_t threads;
    pthread_t *handles;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    atomic_llong generation;
    atomic_llong next;
    /// OPEN while workers may still take part, and how many of them are inside.
    atomic_int state;
    atomic_int sleeping, waiting, stopping;
    // Changed while the pool is closed and empty.
    int64_t count;
    ck_task task;
    void *context;
};

enum { OPEN = 1 << 30 };

typedef struct { ck_pool *pool; int32_t worker; } start_info;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(ck_pool *pool, int32_t worker) {
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count) return;
        pool->task(pool->context, index, worker);
    }
}

static void *worker_main(void *argument) {
    start_info info = *(start_info *)argument;
    free(argument);
    ck_pool *pool = info.pool;
    long long seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && atomic_load(&pool->generation) == seen; spin++) relax();
        if (atomic_load(&pool->generation) == seen) {
            pthread_mutex_lock(&pool->mutex);
            atomic_fetch_add(&pool->sleeping, 1);
            while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
            atomic_fetch_sub(&pool->sleeping, 1);
            pthread_mutex_unlock(&pool->mutex);
        }
        seen = atomic_load(&pool->generation);
        if (atomic_load(&pool->stopping)) return NULL;
        int state = atomic_load(&pool->state);
        while (state & OPEN && !atomic_compare_exchange_weak(&pool->state, &state, state + 1)) {}
        // Too late: the others have done everything.
        if (!(state & OPEN)) continue;
        work(pool, info.worker);
        if (atomic_fetch_sub(&pool->state, 1) == 1 && atomic_load(&pool->waiting)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

/// Tells workers of a new generation.
static void announce(ck_pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleeping) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

ck_pool *ck_pool_create(int32_t threads) {
    ck_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->threads = 1;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->handles = calloc((size_t)threads, sizeof *pool->handles);
    for (int32_t worker = 1; pool->handles && worker < threads; worker++) {
        start_info *info = malloc(sizeof *info);
        if (!info) break;
        *info = (start_info){pool, worker};
        if (pthread_create(&pool->handles[worker], NULL, worker_main, info) != 0) {
            free(info);
            break;
        }
        pool->threads++;
    }
    if (pool->threads == threads) return pool;
    ck_pool_destroy(pool);
    return NULL;
}

/// Waits until no worker is inside.
static void wait_for_workers(ck_pool *pool) {
    for (int spin = 0; spin < SPINS && atomic_load(&pool->state) > 0; spin++) relax();
    if (atomic_load(&pool->state) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->waiting, 1);
    while (atomic_load(&pool->state) > 0) pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->waiting, 0);
    pthread_mutex_unlock(&pool->mutex);
}

void ck_pool_run(ck_pool *pool, int64_t count, ck_task task, void *context) {
    if (pool->threads == 1 || count <= 1) {
        for (int64_t index = 0; index < count; index++) task(context, index, 0);
        return;
    }
    pool->count = count;
    pool->task = task;
    pool->context = context;
    atomic_store(&pool->next, 0);
    atomic_fetch_or(&pool->state, OPEN);
    announce(pool);
    work(pool, 0);
    atomic_fetch_and(&pool->state, ~OPEN);
    wait_for_workers(pool);
}

void ck_pool_destroy(ck_pool *pool) {
    atomic_store(&pool->stopping, 1);
    announce(pool);
    for (int32_t worker = 1; worker < pool->threads; worker++) pthread_join(pool->handles[worker], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->handles);
    free(pool);
}

void ck_await(const int32_t *count, int32_t value) {
    for (int spin = 0; __atomic_load_n(count, __ATOMIC_ACQUIRE) < value; spin++)
        if (spin < SPINS) relax();
        else sched_yield();
}

void ck_advance(int32_t *count, int32_t value) { __atomic_store_n(count, value, __ATOMIC_RELEASE); }
