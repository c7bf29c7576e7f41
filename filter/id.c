/*
 * Delivery ids: 64 bits of microseconds, which never stand still in one
 * process, and 66 bits of chance.  Written in Crockford's base 32 (no i, l, o,
 * u), so that ids sort by time as text and can be read out on the telephone.
 */
#include "filter/filter.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/rand.h"

static uint64_t next_time(void)
{
	static _Atomic uint64_t last;
	uint64_t now = (uint64_t)pf_clock_us();
	uint64_t seen = atomic_load(&last);

	for (;;) {
		uint64_t mine = now > seen ? now : seen + 1;

		if (atomic_compare_exchange_weak(&last, &seen, mine))
			return mine;
	}
}

void filter_id_make(char id[FILTER_ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t when = next_time();
	unsigned char chance[13];

	pf_rand_bytes(chance, sizeof chance);
	for (int i = 12; i >= 0; i--, when >>= 5)
		id[i] = digits[when & 31];
	for (int i = 0; i < 13; i++)
		id[13 + i] = digits[chance[i] & 31];
	id[FILTER_ID_SIZE - 1] = 0;
}
