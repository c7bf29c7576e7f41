#include "base/crc.h"

#include <pthread.h>

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		table[i] = c;
	}
}

#if defined __x86_64__
#include <nmmintrin.h>
#include <string.h>

/* The processor's own instruction: snapshots of mailboxes have megabytes. */
__attribute__((target("sse4.2"))) static uint32_t
crc_by_cpu(uint32_t crc, const unsigned char *at, size_t n)
{
	uint64_t wide = (uint32_t)~crc, word;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	while (n--)
		crc = _mm_crc32_u8(crc, *at++);
	return ~crc;
}
#endif

uint32_t pf_crc32c(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *at = p;

#if defined __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc_by_cpu(crc, at, n);
#endif
	pthread_once(&table_once, make_table);
	crc = ~crc;
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *at++) & 0xff];
	return ~crc;
}
