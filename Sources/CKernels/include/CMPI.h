#ifndef CMPI_H
#define CMPI_H

// The one function table of libForktailMPI.so, which is opened when a run has ranks in several processes.

#include <stdint.h>

enum { CK_MPI_FORMAT = 1 };

/// Messages between processes. All functions may be called from any thread.
typedef struct ck_mpi_table {
    /// CK_MPI_FORMAT; a table of another format is not read further.
    int32_t format;
    /// Joins the processes that were started together. Once per process. Returns whether it worked; else `problem` says
    /// why not.
    int32_t (*start)(int32_t *rank, int32_t *rank_count);
    /// Starts a message and returns its number (> 0), or 0 and `problem`. The bytes stay where they are until `wait` has
    /// named the number.
    int64_t (*send)(const void *bytes, int64_t count, int32_t to, int32_t tag);
    int64_t (*receive)(void *bytes, int64_t count, int32_t from, int32_t tag);
    /// Waits until some of the messages are done, replaces their numbers by 0 and returns how many; 0 after `seconds`
    /// without any, -1 and `problem` when one failed.
    int32_t (*wait)(int64_t *numbers, int32_t count, double seconds);
    /// Leaves the others, who must leave too. Nothing may be under way.
    void (*finish)(void);
    /// Ends all processes.
    void (*abort)(int32_t status);
    /// The last failure in MPI's words.
    const char *(*problem)(void);
    /// The library's name and version.
    const char *(*version)(void);
} ck_mpi_table;

#endif
