/*
 * spamtest, spamtestplus and virustest (RFC 5235 3)
 *
 *	spamtest [":percent"] [comparator] [match-type] <value: string>
 *	virustest [comparator] [match-type] <value: string>
 *
 * The site says in which field its scanner leaves what it found.  The topmost
 * one counts: it was written last.
 *
 *	"X-Spam-Score 15"	a score, 15 or more is surely spam; the first
 *				number in the field, or the length of a row
 *				of the same character ("*****")
 *	"X-Virus-Status Clean ..."  how the value begins, for the results 1 to
 *				4 of RFC 5235 3.3; all else is 5
 */
#include "sieve/run.h"

#include <stdio.h>

enum {
	THOUSAND = 1000,       /* scores are kept in thousandths */
	MILLION = 1000 * 1000, /* ratios in millionths */
	NEARLY = 1000,	       /* a third of three is one */
	SCORE_MAX = 1000 * 1000 * 1000,
	VIRUS_WORDS_MAX = 4,
	INFECTED = 5
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number at the start, "-1.25" or ".5", in thousandths; false: none */
static bool read_number(struct pf_str s, int64_t *number)
{
	bool minus = pf_str_starts(s, PF_STR("-")), any = false;
	int64_t n = 0, unit = THOUSAND;
	size_t i = minus || pf_str_starts(s, PF_STR("+"));

	for (; i < s.n && is_digit(s.p[i]); i++, any = true)
		n = n > SCORE_MAX ? n : n * 10 + (s.p[i] - '0') * THOUSAND;
	if (i < s.n && s.p[i] == '.') {
		for (i++; i < s.n && is_digit(s.p[i]); i++, any = true)
			n += (s.p[i] - '0') * (unit /= 10);
	}
	*number = minus ? -n : n;
	return any;
}

/* The first number that stands by itself */
static bool find_number(struct pf_str s, int64_t *number)
{
	bool inside = false; /* a word */

	for (size_t i = 0; i < s.n; i++) {
		char c = pf_ascii_lower(s.p[i]);

		if (!inside && read_number(pf_str_from(s, i), number))
			return true;
		inside = is_digit(c) || (c >= 'a' && c <= 'z') || c == '_';
	}
	return false;
}

/* "*****" */
static bool count_row(struct pf_str s, int64_t *number)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == s.p[0])
		n++;
	*number = (int64_t)n * THOUSAND;
	return n > 0 && n == s.n && !is_digit(s.p[0]);
}

/* ---- the settings ---- */

/* "NAME rest" */
static bool split_setting(struct pf_str setting, struct pf_str *name,
			  struct pf_str *rest)
{
	*rest = pf_str_trim(setting);
	if (!pf_str_split(rest, ' ', name))
		return false;
	*rest = pf_str_trim(*rest);
	return name->n > 0 && rest->n > 0;
}

static bool read_spam_setting(struct pf_str setting, struct pf_str *name,
			      int64_t *most)
{
	struct pf_str rest;

	return split_setting(setting, name, &rest) && read_number(rest, most) &&
	       *most > 0;
}

bool sieve_spam_header_valid(struct pf_str setting)
{
	struct pf_str name;
	int64_t most;

	return pf_str_trim(setting).n == 0 ||
	       read_spam_setting(setting, &name, &most);
}

bool sieve_virus_header_valid(struct pf_str setting)
{
	struct pf_str name, rest, word;
	int words = 0;

	if (pf_str_trim(setting).n == 0)
		return true;
	if (!split_setting(setting, &name, &rest))
		return false;
	while (pf_str_split(&rest, ' ', &word))
		words += word.n > 0;
	return words <= VIRUS_WORDS_MAX;
}

/* ---- what was found ---- */

static bool topmost(struct sieve_run *run, struct pf_str name,
		    struct pf_str *value)
{
	size_t pos = 0;
	struct sieve_field *field = sieve_run_field(run, name, &pos);

	if (field)
		*value = sieve_field_value(run, field)->text;
	return field != NULL;
}

/* How sure it is that this is spam, in millionths; false: not tested */
static bool spam_ratio(struct sieve_run *run, int64_t *ratio)
{
	struct pf_str name, value;
	int64_t most, score;

	if (!read_spam_setting(run->message->spam_header, &name, &most) ||
	    !topmost(run, name, &value) || !sieve_run_step(run, value.n) ||
	    (!count_row(value, &score) && !find_number(value, &score)))
		return false;
	*ratio = score <= 0	 ? 0
		 : score >= most ? MILLION
				 : score * MILLION / most;
	return true;
}

/* 1..5, or 0: not tested */
static int virus_result(struct sieve_run *run)
{
	struct pf_str name, words, word, value;
	int result = 0;

	if (!split_setting(run->message->virus_header, &name, &words) ||
	    !topmost(run, name, &value))
		return 0;
	while (pf_str_split(&words, ' ', &word)) {
		if (word.n == 0)
			continue;
		result++;
		if (pf_str_istarts(value, word))
			return result;
	}
	return INFECTED;
}

/* Not tested is "0", and counts as nothing (RFC 5235 3.1). */
static bool match_result(struct sieve_run *run, const struct sieve_node *node,
			 bool tested, int result)
{
	struct sieve_matcher matcher;
	char text[16];

	sieve_matcher_begin(&matcher, run, node, node->params[0]);
	snprintf(text, sizeof text, "%d", result);
	/* kept: match variables may point into it */
	struct sieve_value value = {.text = sieve_run_keep(run, pf_str_c(text)),
				    .passing = true};
	if (tested || !node->match.type->counts)
		sieve_matcher_add(&matcher, &value);
	return sieve_matcher_end(&matcher);
}

static bool decide_spam(struct sieve_run *run, const struct sieve_node *node)
{
	int64_t ratio = 0;
	bool tested = spam_ratio(run, &ratio);
	bool percent = sieve_node_tag(node, "percent") != NULL;
	int64_t result = (ratio * (percent ? 100 : 9) + NEARLY) / MILLION;

	result += tested && !percent; /* 0 is "not tested" */
	return match_result(run, node, tested, (int)result);
}

static bool decide_virus(struct sieve_run *run, const struct sieve_node *node)
{
	int result = virus_result(run);

	return match_result(run, node, result > 0, result);
}

static const struct sieve_def spam[] = {
    {.name = "spamtest",
     .test = true,
     .params = "s",
     .flags = SIEVE_DEF_MATCH,
     .usage = "spamtest [:percent] :value \"ge\" :comparator "
	      "\"i;ascii-numeric\" \"5\"",
     .decide = decide_spam},
    {0},
};

static const struct sieve_def virus[] = {
    {.name = "virustest",
     .test = true,
     .params = "s",
     .flags = SIEVE_DEF_MATCH,
     .usage = "virustest :value \"ge\" :comparator \"i;ascii-numeric\" "
	      "\"4\"",
     .decide = decide_virus},
    {0},
};

static const struct sieve_tag plus_tags[] = {
    {.name = "percent", .on = "spamtest"},
    {0},
};

const struct sieve_extension sieve_ext_spamtest = {.name = "spamtest",
						   .defs = spam};
const struct sieve_extension sieve_ext_spamtestplus = {
    .name = "spamtestplus", .implies = "spamtest", .tags = plus_tags};
const struct sieve_extension sieve_ext_virustest = {.name = "virustest",
						    .defs = virus};
