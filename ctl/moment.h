/* A time as one writes it.  Private to ctl/ and its tests. */
#ifndef CTL_MOMENT_H
#define CTL_MOMENT_H

#include "base/str.h"

/* "2026-11-21", "2026-11-21 14:30[:05]" (local time, also with T), "90m",
 * "3h", "2d" (before `now_us`), "@1795262483[.25]"; in microseconds. */
bool ctl_moment(struct pf_str text, int64_t now_us, int64_t *us);

#endif
