/*
 * envelope-dsn and redirect-dsn (RFC 6009 4, 5)
 *
 *	envelope "notify"	the conditions of NOTIFY=, each a value
 *	envelope "orcpt"	of ORCPT=, decoded: "rfc822;user@example.org"
 *	envelope "ret"		FULL or HDRS
 *	envelope "envid"	decoded
 *
 *	redirect [":notify" "NEVER" / "SUCCESS,FAILURE,DELAY"]
 *		 [":ret" "FULL" / "HDRS"] <address: string>;
 */
#include "sieve/run.h"

#include <stdio.h>

/* ---- envelope ---- */

static void give_text(struct sieve_matcher *matcher, struct pf_str text)
{
	struct sieve_value value = {.text = text, .passing = true};

	if (text.n > 0)
		sieve_matcher_add(matcher, &value);
}

static void give_notify(struct sieve_matcher *matcher)
{
	struct pf_str rest = matcher->run->message->dsn.notify, word;

	while (!matcher->found && pf_str_split(&rest, ',', &word))
		give_text(matcher, word);
}

static void give_orcpt(struct sieve_matcher *matcher)
{
	give_text(matcher, matcher->run->message->dsn.orcpt);
}

static void give_ret(struct sieve_matcher *matcher)
{
	give_text(matcher, matcher->run->message->dsn.ret);
}

static void give_envid(struct sieve_matcher *matcher)
{
	give_text(matcher, matcher->run->message->dsn.envid);
}

static const struct sieve_envelope_part parts[] = {
    {"notify", give_notify},
    {"orcpt", give_orcpt},
    {"ret", give_ret},
    {"envid", give_envid},
    {0},
};

/* ---- redirect ---- */

enum {
	NOTIFY_SIZE = 40
};

/* The conditions, each once and in our order; false: there is another word,
 * or NEVER is not alone. */
static bool read_notify(struct pf_str text, char *to)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
	bool wanted[3] = {false};
	struct pf_str rest = text, word;
	size_t n = 0;

	if (pf_str_ieq(pf_str_trim(text), PF_STR("NEVER"))) {
		snprintf(to, NOTIFY_SIZE, "NEVER");
		return true;
	}
	while (pf_str_split(&rest, ',', &word)) {
		size_t i = 0;

		word = pf_str_trim(word);
		while (i < 3 && !pf_str_ieq(word, pf_str_c(words[i])))
			i++;
		if (i == 3)
			return false;
		wanted[i] = true;
	}
	for (size_t i = 0; i < 3; i++) {
		if (wanted[i])
			n += (size_t)snprintf(to + n, NOTIFY_SIZE - n, "%s%s",
					      n ? "," : "", words[i]);
	}
	return n > 0;
}

static void check_notify(struct sieve_compiler *compiler,
			 struct sieve_node *node, const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];
	char text[NOTIFY_SIZE];

	(void)node;
	if (!s->pieces && !read_notify(s->value.text, text))
		sieve_error(compiler, s->at, "such as \"SUCCESS,FAILURE\"",
			    ":notify takes NEVER, or some of SUCCESS, FAILURE "
			    "and DELAY");
}

static void apply_notify(struct sieve_run *run, const struct sieve_arg *value,
			 struct sieve_action *action)
{
	char text[NOTIFY_SIZE];

	if (read_notify(sieve_run_string(run, &value->strings[0]), text))
		action->dsn.notify = sieve_run_keep(run, pf_str_c(text));
	else
		sieve_run_fail(run, "redirect: bad value of :notify");
}

static void check_ret(struct sieve_compiler *compiler, struct sieve_node *node,
		      const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];

	(void)node;
	if (!s->pieces && !sieve_word_in(s->value.text, "FULL HDRS"))
		sieve_error(compiler, s->at, NULL, ":ret takes FULL or HDRS");
}

static void apply_ret(struct sieve_run *run, const struct sieve_arg *value,
		      struct sieve_action *action)
{
	struct pf_str text = sieve_run_string(run, &value->strings[0]);

	if (pf_str_ieq(text, PF_STR("FULL")))
		action->dsn.ret = PF_STR("FULL");
	else if (pf_str_ieq(text, PF_STR("HDRS")))
		action->dsn.ret = PF_STR("HDRS");
	else
		sieve_run_fail(run, "redirect: bad value of :ret");
}

static const struct sieve_tag tags[] = {
    {.name = "notify",
     .on = "redirect",
     .value = 's',
     .check = check_notify,
     .apply = apply_notify},
    {.name = "ret",
     .on = "redirect",
     .value = 's',
     .check = check_ret,
     .apply = apply_ret},
    {0},
};

const struct sieve_extension sieve_ext_envelope_dsn = {
    .name = "envelope-dsn", .implies = "envelope", .parts = parts};
const struct sieve_extension sieve_ext_redirect_dsn = {.name = "redirect-dsn",
						       .tags = tags};
