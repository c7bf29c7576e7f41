/*
 * date (RFC 5260 4, 5)
 *
 *	date [":zone" <time-zone: string> / ":originalzone"] [comparator]
 *	     [match-type] <header-name: string> <date-part: string>
 *	     <key-list: string-list>
 *	currentdate [":zone" <time-zone: string>] [comparator] [match-type]
 *	     <date-part: string> <key-list: string-list>
 *
 * Without :zone a date is shown in the zone of this machine.  The current
 * date is the same in all of a run.
 */
#include "sieve/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "mime/mime.h"

enum {
	DAY = 24 * 60 * 60,
	JULIAN_1970 = 40587, /* modified Julian day of 1970-01-01 */
	ZONE_MAX = DAY - 1,
};

struct moment {
	time_t when;
	int zone; /* seconds east */
	struct tm tm;
};

/* ---- zones ---- */

/* "+hhmm", "-hhmm" */
static bool parse_zone(struct pf_str s, int *zone)
{
	uint64_t n;

	s = pf_str_trim(s);
	if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-') ||
	    !pf_str_u64(pf_str_from(s, 1), 2359, &n) || n % 100 > 59)
		return false;
	*zone = (int)(n / 100 * 3600 + n % 100 * 60);
	if (s.p[0] == '-')
		*zone = -*zone;
	return true;
}

static int local_zone(time_t when)
{
	struct tm tm;

	return localtime_r(&when, &tm) ? (int)tm.tm_gmtoff : 0;
}

static bool find_zone(struct sieve_run *run, const struct sieve_node *node,
		      time_t when, int original, int *zone)
{
	const struct sieve_bound *wanted = sieve_node_tag(node, "zone");

	if (sieve_node_tag(node, "originalzone"))
		*zone = original;
	else if (!wanted)
		*zone = local_zone(when);
	else if (!parse_zone(sieve_run_string(run, &wanted->value->strings[0]),
			     zone))
		return false;
	return *zone >= -ZONE_MAX && *zone <= ZONE_MAX;
}

/* ---- parts (RFC 5260 4.2) ---- */

enum {
	PART_SIZE = 64
};

static const char *const part_names[] = {
    "year",   "month", "day",	  "date",  "julian", "hour",	"minute",
    "second", "time",  "iso8601", "std11", "zone",   "weekday",
};
enum part {
	YEAR,
	MONTH,
	MDAY,
	DATE,
	JULIAN,
	HOUR,
	MINUTE,
	SECOND,
	TIME,
	ISO8601,
	STD11,
	ZONE,
	WEEKDAY,
	PARTS
};

static enum part find_part(struct pf_str name)
{
	int i = 0;

	while (i < PARTS && !pf_str_ieq(name, pf_str_c(part_names[i])))
		i++;
	return (enum part)i;
}

static void put_std11(char *to, const struct moment *m)
{
	struct pf_buf text = PF_BUF_INIT(PART_SIZE - 1);

	mime_date_format(&text, m->when, m->zone);
	/* two digits for the day, as Pigeonhole has it: scripts take the text
	 * apart */
	struct pf_str s = pf_buf_str(&text);
	bool short_day = s.n > 6 && s.p[6] == ' ';
	snprintf(to, PART_SIZE, "%.5s%s%.*s", s.p, short_day ? "0" : "",
		 (int)s.n - 5, s.p + 5);
	pf_buf_release(&text);
}

static bool write_part(enum part part, const struct moment *m, char *to)
{
	const struct tm *tm = &m->tm;
	char sign = m->zone < 0 ? '-' : '+';
	int zone = abs(m->zone), year = tm->tm_year + 1900;
	int64_t local = (int64_t)m->when + m->zone;
	int64_t days = local / DAY - (local % DAY < 0);

	switch (part) {
	case YEAR:
		snprintf(to, PART_SIZE, "%04d", year);
		break;
	case MONTH:
		snprintf(to, PART_SIZE, "%02d", tm->tm_mon + 1);
		break;
	case MDAY:
		snprintf(to, PART_SIZE, "%02d", tm->tm_mday);
		break;
	case DATE:
		snprintf(to, PART_SIZE, "%04d-%02d-%02d", year, tm->tm_mon + 1,
			 tm->tm_mday);
		break;
	case JULIAN:
		snprintf(to, PART_SIZE, "%lld",
			 (long long)(days + JULIAN_1970));
		break;
	case HOUR:
		snprintf(to, PART_SIZE, "%02d", tm->tm_hour);
		break;
	case MINUTE:
		snprintf(to, PART_SIZE, "%02d", tm->tm_min);
		break;
	case SECOND:
		snprintf(to, PART_SIZE, "%02d", tm->tm_sec);
		break;
	case TIME:
		snprintf(to, PART_SIZE, "%02d:%02d:%02d", tm->tm_hour,
			 tm->tm_min, tm->tm_sec);
		break;
	case ISO8601:
		snprintf(to, PART_SIZE,
			 zone ? "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d"
			      : "%04d-%02d-%02dT%02d:%02d:%02dZ",
			 year, tm->tm_mon + 1, tm->tm_mday, tm->tm_hour,
			 tm->tm_min, tm->tm_sec, sign, zone / 3600,
			 zone / 60 % 60);
		break;
	case STD11:
		put_std11(to, m);
		break;
	case ZONE:
		snprintf(to, PART_SIZE, "%c%02d%02d", sign, zone / 3600,
			 zone / 60 % 60);
		break;
	case WEEKDAY:
		snprintf(to, PART_SIZE, "%d", tm->tm_wday);
		break;
	case PARTS:
		return false;
	}
	return true;
}

/* ---- the tests ---- */

/* A moment in the zone that the test asks for, against its keys */
static void match_moment(struct sieve_matcher *matcher,
			 const struct sieve_arg *part, time_t when,
			 int original)
{
	struct sieve_run *run = matcher->run;
	struct moment m = {.when = when};
	char text[PART_SIZE];
	enum part wanted = find_part(sieve_run_string(run, &part->strings[0]));

	if (!find_zone(run, matcher->node, when, original, &m.zone))
		return;
	time_t local = when + m.zone;
	if (!gmtime_r(&local, &m.tm) || !write_part(wanted, &m, text))
		return;
	/* kept: match variables may point into it */
	struct sieve_value value = {.text = sieve_run_keep(run, pf_str_c(text)),
				    .passing = true};
	sieve_matcher_add(matcher, &value);
}

bool sieve_date_text(struct sieve_run *run, const struct sieve_node *node,
		     time_t when, struct pf_str *text)
{
	struct moment m = {.when = when};
	char shown[PART_SIZE];

	if (!find_zone(run, node, when, 0, &m.zone))
		return false;
	time_t local = when + m.zone;
	if (!gmtime_r(&local, &m.tm) || !write_part(ISO8601, &m, shown))
		return false;
	*text = sieve_run_keep(run, pf_str_c(shown));
	return true;
}

/* Also the date behind the last ";", as Received has it (RFC 5260 4) */
static bool field_date(struct pf_str raw, time_t *when, int *zone)
{
	ptrdiff_t at = pf_str_rchr(raw, ';');

	if (at >= 0)
		raw = pf_str_from(raw, (size_t)at + 1);
	return mime_date(raw, when, zone);
}

static bool decide_date(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;
	struct sieve_fields fields;
	struct sieve_field *field;
	time_t when;
	int zone;

	sieve_matcher_begin(&matcher, run, node, node->params[2]);
	sieve_fields_begin(&fields, run, node, node->params[0]);
	while (!matcher.found && (field = sieve_fields_next(&fields))) {
		if (sieve_run_step(run, field->raw.n) &&
		    field_date(field->raw, &when, &zone))
			match_moment(&matcher, node->params[1], when, zone);
	}
	return sieve_matcher_end(&matcher);
}

static bool decide_current(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	match_moment(&matcher, node->params[0], run->message->now, 0);
	return sieve_matcher_end(&matcher);
}

static void check_part(struct sieve_compiler *compiler,
		       const struct sieve_string *part)
{
	if (!part->pieces && find_part(part->value.text) == PARTS)
		sieve_error(compiler, part->at,
			    "year, month, day, date, julian, hour, minute, "
			    "second, time, iso8601, std11, zone, weekday",
			    "a date has no such part");
}

static void check_date(struct sieve_compiler *compiler, struct sieve_node *node)
{
	check_part(compiler, &node->params[1]->strings[0]);
}

static void check_current(struct sieve_compiler *compiler,
			  struct sieve_node *node)
{
	check_part(compiler, &node->params[0]->strings[0]);
}

void sieve_zone_check(struct sieve_compiler *compiler, struct sieve_node *node,
		      const struct sieve_arg *value)
{
	const struct sieve_string *zone = &value->strings[0];
	int seconds;

	(void)node;
	if (!zone->pieces && !parse_zone(zone->value.text, &seconds))
		sieve_error(compiler, zone->at, "such as \"+0100\"",
			    "this is no time zone");
}

static const struct sieve_def defs[] = {
    {.name = "date",
     .test = true,
     .params = "ssl",
     .flags = SIEVE_DEF_MATCH,
     .usage = "date [:zone \"+0100\" | :originalzone] [:is | :value \"ge\"] "
	      "\"field\" \"part\" [\"key\", ...]",
     .check = check_date,
     .decide = decide_date},
    {.name = "currentdate",
     .test = true,
     .params = "sl",
     .flags = SIEVE_DEF_MATCH,
     .usage = "currentdate [:zone \"+0100\"] [:is | :value \"ge\"] \"part\" "
	      "[\"key\", ...]",
     .check = check_current,
     .decide = decide_current},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "zone",
     .on = "date currentdate",
     .group = "zone",
     .value = 's',
     .check = sieve_zone_check},
    {.name = "originalzone", .on = "date", .group = "zone"},
    {0},
};

const struct sieve_extension sieve_ext_date = {
    .name = "date", .defs = defs, .tags = tags};
