/* CRC-32C (Castagnoli), the check of our log records and cache files. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Start with 0; feed the result back in to go on. */
uint32_t pf_crc32c(uint32_t crc, const void *p, size_t n);

#endif
