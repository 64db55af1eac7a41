#ifndef FORKTAIL_MPI_H
#define FORKTAIL_MPI_H

struct ck_mpi_table;

/// The one function that libForktailMPI.so exports; CMPI.h of CKernels declares its table.
__attribute__((visibility("default"))) const struct ck_mpi_table *forktail_mpi(void);

#endif
