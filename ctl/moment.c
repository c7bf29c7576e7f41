/* See moment.h. */
#include "ctl/moment.h"

#include <time.h>

#define SECOND INT64_C(1000000)

static bool ago(struct pf_str text, int64_t now_us, int64_t *us)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	uint64_t n;

	if (text.n < 2 ||
	    !pf_str_u64(pf_str_head(text, text.n - 1), 100000000, &n))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (text.p[text.n - 1] == units[i].unit) {
			*us = now_us - (int64_t)n * units[i].seconds * SECOND;
			return *us > 0;
		}
	return false;
}

/* "@seconds.fraction" */
static bool since_1970(struct pf_str text, int64_t *us)
{
	struct pf_str seconds;
	uint64_t n, fraction = 0;

	text = pf_str_from(text, 1);
	if (!pf_str_split(&text, '.', &seconds) ||
	    !pf_str_u64(seconds, (uint64_t)1 << 40, &n))
		return false;
	if (text.p) {
		struct pf_str digits = pf_str_head(text, 6);
		if (!pf_str_u64(digits, 999999, &fraction))
			return false;
		for (size_t i = digits.n; i < 6; i++)
			fraction *= 10;
	}
	*us = (int64_t)n * SECOND + (int64_t)fraction;
	return true;
}

/* A number of just so many digits, and what stands behind it. */
static bool take(struct pf_str *rest, size_t digits, const char *behind,
		 int *value)
{
	uint64_t n;

	if (rest->n < digits ||
	    !pf_str_u64(pf_str_head(*rest, digits), 9999, &n))
		return false;
	*rest = pf_str_from(*rest, digits);
	*value = (int)n;
	if (!*behind)
		return true;
	if (rest->n == 0 || !strchr(behind, rest->p[0]))
		return false;
	*rest = pf_str_from(*rest, 1);
	return true;
}

static bool in_calendar(struct pf_str text, int64_t *us)
{
	struct tm tm = {.tm_isdst = -1};

	if (!take(&text, 4, "-", &tm.tm_year) ||
	    !take(&text, 2, "-", &tm.tm_mon))
		return false;
	bool clock = text.n > 2;
	if (!take(&text, 2, clock ? " T" : "", &tm.tm_mday))
		return false;
	bool seconds_too = text.n > 5;
	if (clock && (!take(&text, 2, ":", &tm.tm_hour) ||
		      !take(&text, 2, seconds_too ? ":" : "", &tm.tm_min)))
		return false;
	if (seconds_too && !take(&text, 2, "", &tm.tm_sec))
		return false;
	if (text.n || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	time_t seconds = mktime(&tm);
	*us = (int64_t)seconds * SECOND;
	return seconds > 0;
}

bool ctl_moment(struct pf_str text, int64_t now_us, int64_t *us)
{
	if (pf_str_starts(text, PF_STR("@")))
		return since_1970(text, us);
	return ago(text, now_us, us) || in_calendar(text, us);
}
