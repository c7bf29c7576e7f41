#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void (*test_source)(void *to, size_t n);

void pf_rand_bytes(void *to, size_t n)
{
	char *at = to;

	if (test_source) {
		test_source(to, n);
		return;
	}
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

uint32_t pf_rand_u32(void)
{
	uint32_t value;

	pf_rand_bytes(&value, sizeof value);
	return value;
}

void pf_rand_set_source(void (*source)(void *to, size_t n))
{
	test_source = source;
}
