/*
 * envelope (RFC 5228 5.4)
 *
 *	envelope [comparator] [address-part] [match-type]
 *		 <envelope-part: string-list> <key-list: string-list>
 *
 * Parts: "from", "to", and "auth" (who logged in to send it, as in
 * Pigeonhole); other extensions bring more.
 */
#include "sieve/run.h"

static void check_part(struct sieve_compiler *compiler,
		       const struct sieve_node *node,
		       const struct sieve_string *string)
{
	struct pf_str name = string->value.text;
	size_t extension;

	if (string->pieces || sieve_word_in(name, "from to auth"))
		return;
	if (!sieve_envelope_part_find(name, &extension))
		sieve_error(compiler, string->at,
			    "there are \"from\", \"to\" and \"auth\"",
			    "there is no such part of the envelope");
	else if (sieve_extension_allowed(compiler, string->at, extension,
					 "the envelope's ", name) &&
		 node->part)
		sieve_warning(compiler, string->at, NULL,
			      "this part is no address: \":%s\" is ignored",
			      node->part->name);
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node)
{
	const struct sieve_arg *parts = node->params[0];

	for (size_t i = 0; i < parts->count; i++)
		check_part(compiler, node, &parts->strings[i]);
}

static void split(struct sieve_address *address)
{
	ptrdiff_t at = pf_str_rchr(address->all, '@');

	if (at < 0) /* postmaster, or a login name */
		at = (ptrdiff_t)address->all.n;
	address->local = pf_str_head(address->all, (size_t)at);
	address->domain = pf_str_from(address->all, (size_t)at + 1);
	if (!address->domain.p)
		address->domain = PF_STR("");
}

/* False: the message has no such part. */
static bool get_part(const struct sieve_message *message, struct pf_str name,
		     struct sieve_address *address)
{
	*address = (struct sieve_address){0};
	if (pf_str_ieq(name, PF_STR("from"))) {
		address->all = message->from;
		address->null_sender = message->from.n == 0;
	} else if (pf_str_ieq(name, PF_STR("to"))) {
		address->all = message->to;
		address->recipient = true;
	} else if (pf_str_ieq(name, PF_STR("auth"))) {
		address->all = message->auth;
	}
	if (address->all.n > 0)
		split(address);
	return address->all.n > 0 || address->null_sender;
}

static void match_address(struct sieve_matcher *matcher, struct pf_str name)
{
	struct sieve_run *run = matcher->run;
	const struct sieve_address_part *part = matcher->node->part;
	struct sieve_address address;

	if (!get_part(run->message, name, &address))
		return;
	struct sieve_value value = {.text = address.all, .passing = true};
	if (!part || part->get(run, &address, &value.text))
		sieve_matcher_add(matcher, &value);
}

static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *parts = node->params[0];
	struct sieve_matcher matcher;

	if (run->message->no_envelope) { /* RFC 6785 4.6 */
		sieve_run_fail(run, "there is no envelope here");
		return false;
	}
	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	for (size_t i = 0; i < parts->count && !matcher.found; i++) {
		struct pf_str name = sieve_run_string(run, &parts->strings[i]);
		size_t extension;
		const struct sieve_envelope_part *part =
		    sieve_envelope_part_find(name, &extension);

		if (!part)
			match_address(&matcher, name);
		else if (run->script->required[extension])
			part->give(&matcher);
	}
	return sieve_matcher_end(&matcher);
}

static const struct sieve_def defs[] = {
    {.name = "envelope",
     .test = true,
     .params = "ll",
     .flags = SIEVE_DEF_MATCH | SIEVE_DEF_ADDRESS,
     .usage = "envelope [:all | :localpart | :domain] [:is | :contains | "
	      ":matches] [\"from\" | \"to\"] [\"key\", ...]",
     .check = check,
     .decide = decide},
    {0},
};

const struct sieve_extension sieve_ext_envelope = {.name = "envelope",
						   .defs = defs};
