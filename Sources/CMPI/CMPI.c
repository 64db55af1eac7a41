#include "ForktailMPI.h"
#include "CMPI.h"
#include <errno.h>
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// MPI moves large messages only while one of its functions is being called. A thread asks it at intervals while anything
// is under way, and sleeps on a condition when nothing is, so that messages go on during computations. One lock is held
// around every call, so the library needs to be no more than serialised.

enum { LONGEST_PART = 1 << 30, POLLS = 32, SHORTEST_SLEEP = 50000, LONGEST_SLEEP = 500000 };

static struct {
    pthread_mutex_t lock;
    // Something started; something ended.
    pthread_cond_t started, ended;
    pthread_t thread;
    int stopping;
    // A message failed: MPI forgets it, so this does not.
    int broken;
    int64_t last_number;
    // A message longer than LONGEST_PART has several requests of one number.
    MPI_Request *requests;
    int64_t *numbers;
    int *indices;
    MPI_Status *statuses;
    int count, capacity;
    char problem[MPI_MAX_ERROR_STRING + 1], version[MPI_MAX_LIBRARY_VERSION_STRING + 1];
} mpi = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int failed(int status) {
    if (status == MPI_SUCCESS) return 0;
    int length = 0;
    if (MPI_Error_string(status, mpi.problem, &length) != MPI_SUCCESS) length = 0;
    mpi.problem[length] = 0;
    return 1;
}

static int refuse(const char *problem) {
    strncpy(mpi.problem, problem, sizeof mpi.problem - 1);
    return 0;
}

static struct timespec after(double seconds) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t nanoseconds = time.tv_nsec + (int64_t)(seconds * 1e9);
    time.tv_sec += nanoseconds / 1000000000;
    time.tv_nsec = nanoseconds % 1000000000;
    return time;
}

/// Takes what is done off the list. Returns how many requests that was, or -1. The lock is held.
static int advance(void) {
    if (mpi.broken) return -1;
    if (mpi.count == 0) return 0;
    int done = 0;
    int status = MPI_Testsome(mpi.count, mpi.requests, &done, mpi.indices, mpi.statuses);
    for (int i = 0; status == MPI_ERR_IN_STATUS && i < done; i++)
        if (mpi.statuses[i].MPI_ERROR != MPI_SUCCESS) status = mpi.statuses[i].MPI_ERROR;
    if (failed(status)) {
        mpi.broken = 1;
        pthread_cond_broadcast(&mpi.ended);
        return -1;
    }
    if (done <= 0) return 0;
    int kept = 0;
    for (int i = 0; i < mpi.count; i++)
        if (mpi.requests[i] != MPI_REQUEST_NULL) {
            mpi.requests[kept] = mpi.requests[i];
            mpi.numbers[kept++] = mpi.numbers[i];
        }
    mpi.count = kept;
    pthread_cond_broadcast(&mpi.ended);
    return done;
}

static void *progress(void *unused) {
    (void)unused;
    int64_t sleep = SHORTEST_SLEEP;
    pthread_mutex_lock(&mpi.lock);
    while (!mpi.stopping) {
        if (mpi.count == 0) {
            pthread_cond_wait(&mpi.started, &mpi.lock);
            sleep = SHORTEST_SLEEP;
        } else {
            sleep = advance() != 0 ? SHORTEST_SLEEP : sleep * 2 < LONGEST_SLEEP ? sleep * 2 : LONGEST_SLEEP;
            struct timespec until = after((double)sleep * 1e-9);
            if (pthread_cond_timedwait(&mpi.started, &mpi.lock, &until) != ETIMEDOUT) sleep = SHORTEST_SLEEP;
        }
    }
    pthread_mutex_unlock(&mpi.lock);
    return NULL;
}

static int32_t start(int32_t *rank, int32_t *rank_count) {
    int provided = 0, size = 0, own = 0;
    if (failed(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided))) return 0;
    if (provided < MPI_THREAD_SERIALIZED) return refuse("the library was built without support for threads");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (failed(MPI_Comm_rank(MPI_COMM_WORLD, &own)) || failed(MPI_Comm_size(MPI_COMM_WORLD, &size))) return 0;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mpi.started, &attributes);
    pthread_cond_init(&mpi.ended, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&mpi.thread, NULL, progress, NULL) != 0) return refuse("the system refused to start a thread");
    *rank = own;
    *rank_count = size;
    return 1;
}

/// Room for `more` requests. The lock is held.
static int reserve(int64_t more) {
    if (mpi.count + more <= mpi.capacity) return 1;
    int64_t capacity = 2 * (mpi.count + more);
    void *requests = realloc(mpi.requests, (size_t)capacity * sizeof *mpi.requests);
    if (requests) mpi.requests = requests;
    void *numbers = realloc(mpi.numbers, (size_t)capacity * sizeof *mpi.numbers);
    if (numbers) mpi.numbers = numbers;
    void *indices = realloc(mpi.indices, (size_t)capacity * sizeof *mpi.indices);
    if (indices) mpi.indices = indices;
    void *statuses = realloc(mpi.statuses, (size_t)capacity * sizeof *mpi.statuses);
    if (statuses) mpi.statuses = statuses;
    if (!requests || !numbers || !indices || !statuses) return refuse("the system has no memory left");
    mpi.capacity = (int)capacity;
    return 1;
}

static int64_t begin(char *bytes, int64_t count, int32_t peer, int32_t tag, int sends) {
    pthread_mutex_lock(&mpi.lock);
    int64_t parts = count / LONGEST_PART + 1, number = reserve(parts) ? ++mpi.last_number : 0;
    for (int64_t part = 0; number && part < parts; part++) {
        char *from = bytes + part * LONGEST_PART;
        int size = (int)(part + 1 < parts ? LONGEST_PART : count % LONGEST_PART);
        MPI_Request *request = &mpi.requests[mpi.count];
        int status = sends ? MPI_Isend(from, size, MPI_BYTE, peer, tag, MPI_COMM_WORLD, request)
                           : MPI_Irecv(from, size, MPI_BYTE, peer, tag, MPI_COMM_WORLD, request);
        if (failed(status)) number = 0;
        else mpi.numbers[mpi.count++] = number;
    }
    pthread_cond_signal(&mpi.started);
    pthread_mutex_unlock(&mpi.lock);
    return number;
}

static int64_t send_bytes(const void *bytes, int64_t count, int32_t to, int32_t tag) {
    return begin((char *)bytes, count, to, tag, 1);
}

static int64_t receive_bytes(void *bytes, int64_t count, int32_t from, int32_t tag) {
    return begin(bytes, count, from, tag, 0);
}

/// Replaces the numbers of messages that have no request left. The lock is held.
static int32_t strike(int64_t *numbers, int32_t count) {
    int32_t done = 0;
    for (int32_t i = 0; i < count; i++) {
        int open = numbers[i] == 0;
        for (int j = 0; j < mpi.count && !open; j++) open = mpi.numbers[j] == numbers[i];
        if (!open) numbers[i] = 0, done++;
    }
    return done;
}

static int32_t wait_for(int64_t *numbers, int32_t count, double seconds) {
    struct timespec until = after(seconds);
    pthread_mutex_lock(&mpi.lock);
    int32_t done = strike(numbers, count);
    for (int poll = 0; done == 0; poll++) {
        int late = 0;
        // At first often, since most answers are near; then the progress thread's pace will do.
        if (poll < POLLS) {
            pthread_mutex_unlock(&mpi.lock);
            sched_yield();
            pthread_mutex_lock(&mpi.lock);
        } else {
            late = pthread_cond_timedwait(&mpi.ended, &mpi.lock, &until) == ETIMEDOUT;
        }
        if (advance() < 0) {
            done = -1;
        } else {
            done = strike(numbers, count);
            if (late) break;
        }
    }
    pthread_mutex_unlock(&mpi.lock);
    return done;
}

static void finish(void) {
    pthread_mutex_lock(&mpi.lock);
    mpi.stopping = 1;
    pthread_cond_signal(&mpi.started);
    pthread_mutex_unlock(&mpi.lock);
    pthread_join(mpi.thread, NULL);
    MPI_Finalize();
}

static void end_all(int32_t status) { MPI_Abort(MPI_COMM_WORLD, status); }

static const char *last_problem(void) { return mpi.problem; }

static const char *library_version(void) {
    int length = 0;
    if (mpi.version[0] == 0) MPI_Get_library_version(mpi.version, &length);
    return mpi.version;
}

const ck_mpi_table *forktail_mpi(void) {
    static const ck_mpi_table table = {
        .format = CK_MPI_FORMAT, .start = start, .send = send_bytes, .receive = receive_bytes, .wait = wait_for,
        .finish = finish, .abort = end_all, .problem = last_problem, .version = library_version,
    };
    return &table;
}
