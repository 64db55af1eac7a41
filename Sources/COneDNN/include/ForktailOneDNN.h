#ifndef FORKTAIL_ONEDNN_H
#define FORKTAIL_ONEDNN_H

struct ck_onednn_table;

/// The one function that libForktailOneDNN.so exports; COneDNN.h of CKernels declares its table.
__attribute__((visibility("default"))) const struct ck_onednn_table *forktail_onednn(void);

#endif
