/*
 * Dates (RFC 5322 3.3 and 4.3) and what programs have written instead: parts
 * in another order ("Nov 21 14:40:00 2026"), dashes, ISO 8601, two-digit
 * years, zones by name.  Each word is recognised by its form.
 */
#include "mime/scan.h"

struct date {
	int year, month, day;
	int hour, minute, second;
	int zone; /* seconds east */
	bool has_year, has_time, has_zone, bad;
};

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed",
				"Thu", "Fri", "Sat"};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	c = pf_ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static int number(struct pf_str s)
{
	uint64_t n;

	return pf_str_u64(s, 999999, &n) ? (int)n : -1;
}

/* Days from 1970-01-01 in the Gregorian calendar.  Counting years from March
 * puts the leap day at their end. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = (month + 9) % 12;
	int64_t in_year = (153 * m + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static int month_length(int year, int month)
{
	static const int length[12] = {31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return length[month - 1] + (month == 2 && leap);
}

/* RFC 5322 4.3: two digits below 50 are 20xx, other two and three digits
 * count from 1900. */
static void set_year(struct date *d, struct pf_str s)
{
	d->year = number(s);
	if (s.n == 2 && d->year < 50)
		d->year += 2000;
	else if (s.n <= 3)
		d->year += 1900;
	d->has_year = true;
}

/* "+0100", "-08:00" behind the sign */
static void set_zone(struct date *d, char sign, struct pf_str s)
{
	int hours = number(pf_str_head(s, 2)), minutes = 0;
	size_t at = s.n > 2 && s.p[2] == ':' ? 3 : 2;

	d->has_zone = true;
	if (s.n > at)
		minutes = number(pf_str_head(pf_str_from(s, at), 2));
	if (s.n < 2 || hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
		return; /* nonsense says nothing */
	d->zone = (hours * 60 + minutes) * 60;
	if (sign == '-')
		d->zone = -d->zone;
}

static bool set_zone_name(struct date *d, struct pf_str s)
{
	static const struct {
		char name[5];
		int hours;
	} zones[] = {{"UT", 0},	   {"UTC", 0},	 {"GMT", 0},   {"EDT", -4},
		     {"EST", -5},  {"CDT", -5},	 {"CST", -6},  {"MDT", -6},
		     {"MST", -7},  {"PDT", -7},	 {"PST", -8},  {"CET", 1},
		     {"MET", 1},   {"CEST", 2},	 {"MEST", 2},  {"MSK", 3},
		     {"BST", 1},   {"IST", 5},	 {"JST", 9},   {"KST", 9},
		     {"AKDT", -8}, {"AKST", -9}, {"HST", -10}, {"WET", 0},
		     {"EET", 2},   {"EEST", 3}};

	if (d->has_zone)
		return true;
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
		if (pf_str_ieq(s, pf_str_c(zones[i].name))) {
			d->zone = zones[i].hours * 3600;
			if (zones[i].name[0] == 'I')
				d->zone += 1800;
			d->has_zone = true;
			return true;
		}
	/* military letters were defined with the wrong sign: RFC 5322 4.3
	 * says to read them as nothing */
	if (s.n == 1 && d->has_time)
		d->has_zone = true;
	return s.n == 1;
}

static size_t span(const struct mime_scan *scan, bool (*in)(char))
{
	const char *p = scan->p;

	while (p < scan->end && in(*p))
		p++;
	return (size_t)(p - scan->p);
}

/* Digits behind the next colon, or -1: "09 : 55" is a time too (RFC 5322
 * 4.3). */
static int next_number(struct mime_scan *scan)
{
	struct mime_scan ahead = *scan;

	mime_scan_cfws(&ahead, NULL);
	if (!mime_scan_at(&ahead, ':'))
		return -1;
	ahead.p++;
	mime_scan_cfws(&ahead, NULL);
	size_t n = span(&ahead, is_digit);
	int value = number(pf_str_mem(ahead.p, n));
	ahead.p += n;
	*scan = ahead;
	return n ? value : 99;
}

/* "14:40", "14:40:00", "14:40:00.123"; false: a number that is no hour. */
static bool set_time(struct date *d, struct mime_scan *scan, int hour)
{
	int minute = next_number(scan), second = -1;

	if (minute < 0)
		return false;
	second = next_number(scan);
	if (mime_scan_at(scan, '.')) {
		scan->p++;
		scan->p += span(scan, is_digit);
	}
	if (d->has_time)
		return true;
	d->has_time = true;
	d->hour = hour;
	d->minute = minute;
	d->second = second < 0 ? 0 : second;
	d->bad = hour < 0 || hour > 23 || minute > 59 || second > 60;
	return true;
}

static void set_number(struct date *d, struct pf_str s)
{
	if (s.n >= 3 && !d->has_year)
		set_year(d, s);
	else if (s.n <= 2 && d->day == 0)
		d->day = number(s);
	else if (s.n <= 2 && !d->has_year)
		set_year(d, s);
}

static void set_word(struct date *d, struct pf_str s)
{
	for (int i = 0; d->month == 0 && s.n >= 3 && i < 12; i++)
		if (pf_str_istarts(s, pf_str_c(months[i])))
			d->month = i + 1;
	(void)set_zone_name(d, s);
}

/* "2026-11-21" with anything behind */
static bool set_iso_date(struct date *d, struct pf_str s)
{
	if (s.n < 10 || s.p[4] != '-' || s.p[7] != '-')
		return false;
	int year = number(pf_str_head(s, 4));
	int month = number(pf_str_head(pf_str_from(s, 5), 2));
	int day = number(pf_str_head(pf_str_from(s, 8), 2));
	if (year < 0 || month < 0 || day < 0)
		return false;
	d->year = year;
	d->has_year = true;
	d->month = month;
	d->day = day;
	return true;
}

static bool is_zone(char c)
{
	return is_digit(c) || c == ':';
}

static void read_piece(struct date *d, struct mime_scan *scan, bool blank)
{
	char c = *scan->p;
	struct pf_str rest = {scan->p, (size_t)(scan->end - scan->p)};

	if (is_alpha(c)) {
		size_t n = span(scan, is_alpha);
		set_word(d, pf_str_head(rest, n));
		scan->p += n;
	} else if (is_digit(c)) {
		if (!d->has_year && set_iso_date(d, rest)) {
			scan->p += 10;
			return;
		}
		struct pf_str digits = pf_str_head(rest, span(scan, is_digit));
		scan->p += digits.n;
		if (!set_time(d, scan, number(digits)))
			set_number(d, digits);
	} else {
		/* before the year a "-" is more likely part of the date */
		bool zone = c == '+' || (c == '-' && (d->has_year || blank));
		scan->p++;
		if (zone && d->has_time && scan->p < scan->end &&
		    is_digit(*scan->p)) {
			size_t n = span(scan, is_zone);
			set_zone(d, c, pf_str_mem(scan->p, n));
			scan->p += n;
		}
	}
}

bool mime_date(struct pf_str raw, time_t *when, int *zone_seconds)
{
	struct mime_scan scan = mime_scan_of(raw);
	struct date d = {0};

	for (;;) {
		bool blank = mime_scan_cfws(&scan, NULL);
		if (scan.p == scan.end || d.bad)
			break;
		read_piece(&d, &scan, blank);
	}
	if (d.bad || !d.has_year || d.month < 1 || d.month > 12 || d.day < 1 ||
	    d.year < 1900 || d.year > 9999 ||
	    d.day > month_length(d.year, d.month))
		return false;
	int64_t seconds = days_from_date(d.year, d.month, d.day) * 86400 +
			  d.hour * 3600 + d.minute * 60 + d.second - d.zone;
	*when = (time_t)seconds;
	*zone_seconds = d.zone;
	return true;
}

void mime_date_format(struct pf_buf *to, time_t when, int zone_seconds)
{
	time_t local = when + zone_seconds;
	int minutes = (zone_seconds < 0 ? -zone_seconds : zone_seconds) / 60;
	struct tm tm;

	if (!gmtime_r(&local, &tm))
		return;
	pf_buf_addf(to, "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d",
		    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
		    zone_seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}
