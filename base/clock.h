/* Time, replaceable by tests. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Unix time in microseconds / seconds. */
int64_t pf_clock_us(void);
time_t pf_clock_now(void);

/* Milliseconds that never run backwards; the zero point is arbitrary. */
int64_t pf_clock_mono_ms(void);

/* Tests only: a fixed or stepping wall clock in microseconds; NULL = real. */
void pf_clock_set_source(int64_t (*now_us)(void));

#endif
