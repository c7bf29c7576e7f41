/*
 * envelope-deliverby and redirect-deliverby (RFC 6009 6, 7)
 *
 *	envelope [":zone" <time-zone: string>] "bytimeabsolute"
 *				the deadline, as currentdate "iso8601" has it
 *	envelope "bytimerelative"	seconds until it; may be below 0
 *	envelope "bymode"		"notify" or "return"
 *	envelope "bytrace"		"true" or "false"
 *
 *	redirect [":bytimerelative" number / ":bytimeabsolute" string]
 *		 [":bymode" "notify" / "return"] [":bytrace"] <address: string>;
 */
#include "sieve/run.h"

#include <stdio.h>

enum {
	BY_MAX = 999999999 /* RFC 2852 4 */
};

/* ---- envelope ---- */

static void give_text(struct sieve_matcher *matcher, struct pf_str text)
{
	struct sieve_value value = {.text = text, .passing = true};

	sieve_matcher_add(matcher, &value);
}

static void give_absolute(struct sieve_matcher *matcher)
{
	struct sieve_run *run = matcher->run;
	const struct sieve_dsn *dsn = &run->message->dsn;
	struct pf_str text;

	if (dsn->has_by && sieve_date_text(run, matcher->node, dsn->by, &text))
		give_text(matcher, text);
}

static void give_relative(struct sieve_matcher *matcher)
{
	struct sieve_run *run = matcher->run;
	const struct sieve_dsn *dsn = &run->message->dsn;
	char text[24];

	if (!dsn->has_by)
		return;
	snprintf(text, sizeof text, "%lld",
		 (long long)dsn->by - (long long)run->message->now);
	/* kept: match variables may point into it */
	give_text(matcher, sieve_run_keep(run, pf_str_c(text)));
}

static void give_mode(struct sieve_matcher *matcher)
{
	const struct sieve_dsn *dsn = &matcher->run->message->dsn;

	if (dsn->has_by)
		give_text(matcher,
			  dsn->by_return ? PF_STR("return") : PF_STR("notify"));
}

static void give_trace(struct sieve_matcher *matcher)
{
	const struct sieve_dsn *dsn = &matcher->run->message->dsn;

	if (dsn->has_by)
		give_text(matcher,
			  dsn->by_trace ? PF_STR("true") : PF_STR("false"));
}

static const struct sieve_envelope_part parts[] = {
    {"bytimeabsolute", give_absolute},
    {"bytimerelative", give_relative},
    {"bymode", give_mode},
    {"bytrace", give_trace},
    {0},
};

/* ---- redirect ---- */

/* The number in s[at..at+n), or false */
static bool digits(struct pf_str s, size_t at, size_t n, int max, int *number)
{
	uint64_t value;

	if (s.n < at + n ||
	    !pf_str_u64(pf_str_mem(s.p + at, n), (uint64_t)max, &value))
		return false;
	*number = (int)value;
	return true;
}

/* "Z", "+hh:mm", "+hhmm" (as currentdate "zone" gives it) */
static bool read_zone(struct pf_str s, int *seconds)
{
	int hours, minutes;

	*seconds = 0;
	if (pf_str_ieq(s, PF_STR("Z")))
		return true;
	if ((s.n != 5 && s.n != 6) || (s.n == 6 && s.p[3] != ':') ||
	    !digits(s, 1, 2, 23, &hours) ||
	    !digits(s, s.n - 2, 2, 59, &minutes) ||
	    (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	*seconds = (hours * 60 + minutes) * 60;
	if (s.p[0] == '-')
		*seconds = -*seconds;
	return true;
}

/* RFC 3339 5.6: 2026-11-21T22:00:00+01:00 */
static bool read_time(struct pf_str s, time_t *when)
{
	struct tm tm = {0};
	int year, month, zone;
	size_t end = 19;

	s = pf_str_trim(s);
	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' ||
	    pf_ascii_upper(s.p[10]) != 'T' || s.p[13] != ':' || s.p[16] != ':')
		return false;
	if (s.p[end] == '.') {
		end++;
		while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9')
			end++;
	}
	if (!digits(s, 0, 4, 9999, &year) || !digits(s, 5, 2, 12, &month) ||
	    !digits(s, 8, 2, 31, &tm.tm_mday) ||
	    !digits(s, 11, 2, 23, &tm.tm_hour) ||
	    !digits(s, 14, 2, 59, &tm.tm_min) ||
	    !digits(s, 17, 2, 60, &tm.tm_sec) ||
	    !read_zone(pf_str_from(s, end), &zone) || month < 1 ||
	    tm.tm_mday < 1)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*when = timegm(&tm) - zone;
	return true;
}

static void check_absolute(struct sieve_compiler *compiler,
			   struct sieve_node *node,
			   const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];
	time_t when;

	(void)node;
	if (!s->pieces && !read_time(s->value.text, &when))
		sieve_error(compiler, s->at,
			    "such as \"2026-11-21T22:00:00+01:00\"",
			    "this is no point in time");
}

static void apply_absolute(struct sieve_run *run, const struct sieve_arg *value,
			   struct sieve_action *action)
{
	if (!read_time(sieve_run_string(run, &value->strings[0]),
		       &action->dsn.by))
		sieve_run_fail(run, "redirect: bad value of :bytimeabsolute");
	action->dsn.has_by = true;
}

static void check_relative(struct sieve_compiler *compiler,
			   struct sieve_node *node,
			   const struct sieve_arg *value)
{
	(void)node;
	if (value->number > BY_MAX)
		sieve_error(compiler, value->at, NULL,
			    ":bytimerelative takes at most %d seconds", BY_MAX);
}

static void apply_relative(struct sieve_run *run, const struct sieve_arg *value,
			   struct sieve_action *action)
{
	action->dsn.by = run->message->now + (time_t)value->number;
	action->dsn.has_by = true;
}

static void need_time(struct sieve_compiler *compiler, struct sieve_node *node,
		      const char *tag)
{
	if (!sieve_node_tag(node, "bytimerelative") &&
	    !sieve_node_tag(node, "bytimeabsolute"))
		sieve_error(compiler, node->at,
			    "add :bytimerelative or :bytimeabsolute",
			    "%s without a time", tag);
}

static void check_mode(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];

	need_time(compiler, node, ":bymode");
	if (!s->pieces && !sieve_word_in(s->value.text, "notify return"))
		sieve_error(compiler, s->at, NULL,
			    ":bymode takes \"notify\" or \"return\"");
}

static void apply_mode(struct sieve_run *run, const struct sieve_arg *value,
		       struct sieve_action *action)
{
	struct pf_str mode = sieve_run_string(run, &value->strings[0]);

	action->dsn.by_return = pf_str_ieq(mode, PF_STR("return"));
	if (!action->dsn.by_return && !pf_str_ieq(mode, PF_STR("notify")))
		sieve_run_fail(run, "redirect: bad value of :bymode");
}

static void check_trace(struct sieve_compiler *compiler,
			struct sieve_node *node, const struct sieve_arg *value)
{
	(void)value;
	need_time(compiler, node, ":bytrace");
}

static void apply_trace(struct sieve_run *run, const struct sieve_arg *value,
			struct sieve_action *action)
{
	(void)run;
	(void)value;
	action->dsn.by_trace = true;
}

static const struct sieve_tag envelope_tags[] = {
    {.name = "zone", .on = "envelope", .value = 's', .check = sieve_zone_check},
    {0},
};

static const struct sieve_tag redirect_tags[] = {
    {.name = "bytimerelative",
     .on = "redirect",
     .group = "time",
     .value = 'n',
     .check = check_relative,
     .apply = apply_relative},
    {.name = "bytimeabsolute",
     .on = "redirect",
     .group = "time",
     .value = 's',
     .check = check_absolute,
     .apply = apply_absolute},
    {.name = "bymode",
     .on = "redirect",
     .value = 's',
     .check = check_mode,
     .apply = apply_mode},
    {.name = "bytrace",
     .on = "redirect",
     .check = check_trace,
     .apply = apply_trace},
    {0},
};

const struct sieve_extension sieve_ext_envelope_deliverby = {
    .name = "envelope-deliverby",
    .implies = "envelope",
    .tags = envelope_tags,
    .parts = parts};
const struct sieve_extension sieve_ext_redirect_deliverby = {
    .name = "redirect-deliverby", .tags = redirect_tags};
