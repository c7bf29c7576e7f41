#include "tests/mime/util.h"

struct example {
	const char *raw;
	long long when;
	int zone;
};

static void check(const char *test, const struct example *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		time_t when = 0;
		int zone = 0;
		bool good = mime_date(pf_str_c(list[i].raw), &when, &zone);
		tap_check_in(
		    test, good && when == list[i].when && zone == list[i].zone,
		    "%s: got %d %lld %d, want %lld %d", list[i].raw, good,
		    (long long)when, zone, list[i].when, list[i].zone);
	}
}
#define CHECK(list) check(__func__, list, sizeof(list) / sizeof((list)[0]))

static void reads_dates_of_rfc_5322(void)
{
	static const struct example list[] = {
	    {"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -21600},
	    {"Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, 7200},
	    {"Thu, 13 Feb 1969 23:32:54 -0330", -27723426, -12600},
	    {"Mon, 24 Nov 1997 14:22:01 -0800", 880410121, -28800},
	    {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      "
	     "23:32\r\n               -0330 (Newfoundland Time)",
	     -27723480, -12600},
	    {"21 Nov 97 09:55:06 GMT", 880106106, 0},
	    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706,
	     -21600},
	    {"Sat, 21 Nov 2026 14:40:00 +0000", 1795272000, 0},
	};

	CHECK(list);
}

static void reads_sloppy_dates(void)
{
	static const struct example list[] = {
	    {"Sat Nov 21 14:40:00 2026", 1795272000, 0},
	    {"Sat Nov 21 14:40:00 GMT 2026", 1795272000, 0},
	    {"Sat Nov 21 14:40:00 -0800 2026", 1795300800, -28800},
	    {"21-Nov-2026 14:40:00 +0000", 1795272000, 0},
	    {"Saturday, 21-Nov-26 14:40:00 GMT", 1795272000, 0},
	    {"2026-11-21T14:40:00Z", 1795272000, 0},
	    {"2026-11-21 14:40:00.123+01:00", 1795268400, 3600},
	    {"2026-11-21T14:40:00-08:00", 1795300800, -28800},
	    {"Sat, 21 November 2026 14:40 EST", 1795290000, -18000},
	    {"Sat, 21 Nov 126 14:40:00 +0000", 1795272000, 0},
	    {"Sat, 21 Nov 2026 14:40:00 GMT+0200", 1795264800, 7200},
	    {"Sat, 21 Nov 2026 14:40:00 A", 1795272000, 0},
	    {"Sat, 21 Nov 2026 14:40:00 +9999", 1795272000, 0},
	    {"29 Feb 2024 00:00:00 +0000", 1709164800, 0},
	    {"31 Dec 2026 23:59:60 +0000", 1798761600, 0},
	    {"21 Nov 2026", 1795219200, 0},
	};

	CHECK(list);
}

static void refuses_what_is_no_date(void)
{
	static const char *const list[] = {
	    "",
	    "yesterday",
	    "30 Feb 2026 10:00:00 +0000",
	    "29 Feb 2100 10:00:00 +0000",
	    "0 Jan 2026 10:00:00 +0000",
	    "1 Jan 2026 25:00:00 +0000",
	    "1 Jan 2026 10:61 +0000",
	    "1 Jan 10:00:00",
	    "1 Jan 99999 10:00:00",
	    "Fri, 21 Nov",
	    "1 2 3 4 5",
	    "::::",
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		time_t when = 7;
		int zone = 7;
		tap_check(!mime_date(pf_str_c(list[i]), &when, &zone), "%s",
			  list[i]);
		ok(when == 7 && zone == 7);
	}
}

static void formats(void)
{
	struct pf_buf b;

	pf_buf_init(&b, 100);
	mime_date_format(&b, 1795272000, 0);
	is_str(b.data, "Sat, 21 Nov 2026 14:40:00 +0000");
	pf_buf_clear(&b);
	mime_date_format(&b, -27723426, -12600);
	is_str(b.data, "Thu, 13 Feb 1969 23:32:54 -0330");
	pf_buf_release(&b);
}

/* Every day of 400 years there and back. */
static void agrees_with_itself(void)
{
	struct pf_buf b;
	int bad = 0;

	pf_buf_init(&b, 100);
	for (time_t t = -2208988800; t < 10413792000; t += 86399 * 7) {
		time_t when = 0;
		int zone = 0, want = (int)(labs(t) / 86399 % 25 - 12) * 1800;
		pf_buf_clear(&b);
		mime_date_format(&b, t + 86400, want);
		if (!mime_date(pf_buf_str(&b), &when, &zone) ||
		    when != t + 86400 || zone != want)
			bad++;
	}
	is_int(bad, 0);
	pf_buf_release(&b);
}

int main(void)
{
	reads_dates_of_rfc_5322();
	reads_sloppy_dates();
	refuses_what_is_no_date();
	formats();
	agrees_with_itself();
	return tap_done();
}
