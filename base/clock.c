#include "base/clock.h"

#include <stddef.h>

static int64_t (*test_source)(void);

int64_t pf_clock_us(void)
{
	struct timespec ts;

	if (test_source)
		return test_source();
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

time_t pf_clock_now(void)
{
	return (time_t)(pf_clock_us() / 1000000);
}

int64_t pf_clock_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void pf_clock_set_source(int64_t (*now_us)(void))
{
	test_source = now_us;
}
