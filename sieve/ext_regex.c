/*
 * regex (draft-ietf-sieve-regex)
 *
 *	match-type =/ ":regex"
 *	modifier =/ ":quoteregex"	of the command set
 *
 * Case counts as the comparator says.  Constant patterns are compiled with
 * the script, others when they are needed.
 */
#include "sieve/regex.h"
#include "sieve/run.h"

extern const struct sieve_extension sieve_ext_variables;

static enum sieve_regex_fold fold_of(const struct sieve_node *node)
{
	const struct sieve_comparator *c = node->match.comparator;

	return c == &sieve_comparator_octet	? SIEVE_REGEX_EXACT
	       : c == &sieve_comparator_casemap ? SIEVE_REGEX_ASCII
						: SIEVE_REGEX_UNICODE;
}

static bool step(void *run, uint64_t steps)
{
	return sieve_run_step(run, steps);
}

static bool match(struct sieve_run *run, const struct sieve_node *node,
		  struct sieve_value *value, struct sieve_value *key)
{
	struct pf_str groups[SIEVE_REGEX_GROUPS_MAX];
	const char *problem = NULL;
	size_t max = 0;

	if (!key->regex && sieve_run_step(run, 1000 + 50 * key->text.n))
		key->regex = sieve_regex_compile(run->arena, key->text,
						 fold_of(node), &problem);
	if (problem)
		sieve_run_fail(run, "regex: %s", problem);
	if (!key->regex)
		return false;
	if (sieve_run_state(run, &sieve_ext_variables))
		max = sieve_regex_groups(key->regex);
	if (!sieve_regex_match(key->regex, value->text, groups, max, step,
			       run) ||
	    run->result->failed)
		return false;
	sieve_captures_set(run, groups, max);
	return true;
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node,
		  const struct sieve_arg *value)
{
	const struct sieve_arg *keys = node->params[sieve_def_keys(node->def)];
	const char *problem;

	(void)value;
	for (size_t i = 0; keys && i < keys->count; i++) {
		struct sieve_string *string = &keys->strings[i];

		if (string->pieces)
			continue;
		string->value.regex =
		    sieve_regex_compile(compiler->arena, string->value.text,
					fold_of(node), &problem);
		if (!string->value.regex)
			sieve_error(compiler, string->at, NULL, "regex: %s",
				    problem);
	}
}

static void quote(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] && strchr("\\.^$*+?{}[]|()", s.p[i]))
			pf_buf_add_byte(to, '\\');
		pf_buf_add_byte(to, s.p[i]);
	}
}

static const struct sieve_match_type regex = {
    .name = "regex", .substring = true, .match = match};

static const struct sieve_tag tags[] = {
    {.name = "regex",
     .on = "@match",
     .group = "match type",
     .match = &regex,
     .check = check},
    {.name = "quoteregex",
     .on = "set",
     .group = "kind of quoting",
     .precedence = 20,
     .modify = quote},
    {0},
};

const struct sieve_extension sieve_ext_regex = {.name = "regex", .tags = tags};
