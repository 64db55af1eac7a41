#ifndef CPLUGINLOADER_H
#define CPLUGINLOADER_H

/* memfd_create and its seals, which Swift's Glibc module hides. Each returns -1 and sets errno on failure. */
int ft_memory_file(const char *name);
/* Nothing can write to the file or change its length any more. */
int ft_seal(int descriptor);

#endif
