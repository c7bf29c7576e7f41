/*
 * Random bytes from the kernel.  Tests replace the source to get the same
 * names and UIDVALIDITY each time.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Never fails (aborts when the kernel has none). */
void pf_rand_bytes(void *to, size_t n);
uint32_t pf_rand_u32(void);

/* Tests only: NULL brings the kernel's source back. */
void pf_rand_set_source(void (*source)(void *to, size_t n));

#endif
