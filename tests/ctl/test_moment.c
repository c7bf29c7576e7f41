#include "ctl/moment.h"

#include <stdlib.h>
#include <time.h>

#include "tests/tap.h"

#define NOW INT64_C(1795262483000000)

static int64_t moment(const char *text)
{
	int64_t us = -1;

	return ctl_moment(pf_str_c(text), NOW, &us) ? us : -1;
}

static void in_the_calendar(void)
{
	is_int(moment("2026-11-21"), INT64_C(1795219200000000));
	is_int(moment("2026-11-21 12:01"), INT64_C(1795262460000000));
	is_int(moment("2026-11-21T12:01:23"), INT64_C(1795262483000000));
}

static void some_time_ago(void)
{
	is_int(moment("30s"), NOW - INT64_C(30000000));
	is_int(moment("90m"), NOW - INT64_C(5400000000));
	is_int(moment("2d"), NOW - INT64_C(172800000000));
}

static void since_1970(void)
{
	is_int(moment("@12"), 12000000);
	is_int(moment("@12.25"), 12250000);
	is_int(moment("@12.1234567"), 12123456);
}

static void what_is_no_time(void)
{
	static const char *const wrong[] = {"",
					    "now",
					    "12",
					    "h",
					    "@",
					    "@x",
					    "2026-11",
					    "2026-13-01",
					    "2026-11-0",
					    "2026-11-21 ",
					    "2026-11-21 25:00",
					    "2026-11-21 12",
					    "2026-11-21x",
					    "99999999999999999999d"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		is_int(moment(wrong[i]), -1);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	in_the_calendar();
	some_time_ago();
	since_1970();
	what_is_no_time();
	return tap_done();
}
