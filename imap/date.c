/* INTERNALDATE and the dates of SEARCH (RFC 3501 9, date-time and date). */
#include "imap/imap.h"

#include <time.h>

#include "imap/private.h"

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void imap_write_date_time(struct pf_buf *to, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	/* out of range, or a year that the grammar's four digits cannot say */
	if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
		t = 0;
		gmtime_r(&t, &tm);
	}
	pf_buf_addf(to, "\"%02d-%s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday,
		    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
}

/* Exactly n digits at *s. */
static bool take_digits(struct pf_str *s, size_t n, int max, int *value)
{
	uint64_t v;

	if (s->n < n || !pf_str_u64(pf_str_head(*s, n), (uint64_t)max, &v))
		return false;
	*s = pf_str_from(*s, n);
	*value = (int)v;
	return true;
}

static bool take_char(struct pf_str *s, char c)
{
	if (s->n == 0 || *s->p != c)
		return false;
	*s = pf_str_from(*s, 1);
	return true;
}

static bool take_month(struct pf_str *s, int *month)
{
	for (int i = 0; i < 12; i++)
		if (pf_str_ieq(pf_str_head(*s, 3), pf_str_c(months[i]))) {
			*s = pf_str_from(*s, 3);
			*month = i;
			return true;
		}
	return false;
}

static int month_days(int month, int year)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30,
				     31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month] + (month == 1 && leap);
}

/* "1-Feb-2026", " 1-Feb-2026", "01-Feb-2026" */
static bool take_date(struct pf_str *s, struct tm *tm)
{
	take_char(s, ' ');
	size_t digits = s->n > 1 && s->p[1] == '-' ? 1 : 2;
	if (!take_digits(s, digits, 31, &tm->tm_mday) || !take_char(s, '-') ||
	    !take_month(s, &tm->tm_mon) || !take_char(s, '-') ||
	    !take_digits(s, 4, 9999, &tm->tm_year))
		return false;
	if (tm->tm_mday < 1 ||
	    tm->tm_mday > month_days(tm->tm_mon, tm->tm_year))
		return false;
	tm->tm_year -= 1900;
	return true;
}

static bool take_zone(struct pf_str *s, int *seconds)
{
	int hours, minutes;
	bool west = s->n > 0 && *s->p == '-';

	if (!take_char(s, west ? '-' : '+') || !take_digits(s, 2, 99, &hours) ||
	    !take_digits(s, 2, 59, &minutes))
		return false;
	*seconds = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
	return true;
}

bool imap_parse_date_time(struct pf_str s, int64_t *when)
{
	struct tm tm = {0};
	int zone;

	if (!take_date(&s, &tm) || !take_char(&s, ' ') ||
	    !take_digits(&s, 2, 23, &tm.tm_hour) || !take_char(&s, ':') ||
	    !take_digits(&s, 2, 59, &tm.tm_min) || !take_char(&s, ':') ||
	    !take_digits(&s, 2, 60, &tm.tm_sec) || !take_char(&s, ' ') ||
	    !take_zone(&s, &zone) || s.n > 0)
		return false;
	*when = (int64_t)timegm(&tm) - zone;
	return true;
}

bool imap_date_parse(struct pf_str s, int64_t *midnight)
{
	struct tm tm = {0};

	if (!take_date(&s, &tm) || s.n > 0)
		return false;
	*midnight = (int64_t)timegm(&tm);
	return true;
}
