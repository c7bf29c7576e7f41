/*
 * special-use (RFC 8579 3, 4)
 *
 *	specialuse_exists [<mailbox: string>] <special-use-attrs: string-list>
 *	fileinto ":specialuse" <special-use-attr: string> mailbox;
 *
 * Where no mailbox has the role, the named one is taken.
 */
#include "sieve/run.h"

/* "\Junk" -> "Junk"; false: not of that form */
static bool role_of(struct pf_str attribute, struct pf_str *role)
{
	*role = pf_str_from(attribute, 1);
	return attribute.n > 1 && attribute.p[0] == '\\';
}

static bool find(struct sieve_run *run, struct pf_str attribute,
		 struct pf_str *mailbox)
{
	const struct sieve_message *message = run->message;
	struct pf_str role, found;

	/* a look at the disk costs more than a comparison */
	if (!role_of(attribute, &role) || !message->special_use ||
	    !sieve_run_step(run, 100000) ||
	    !message->special_use(message->arg, role, &found))
		return false;
	*mailbox = sieve_run_keep(run, found);
	return true;
}

static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *wanted = node->params[0];
	const struct sieve_arg *roles = node->params[1];
	struct pf_str mailbox;

	for (size_t i = 0; i < roles->count; i++) {
		if (!find(run, sieve_run_string(run, &roles->strings[i]),
			  &mailbox))
			return false;
		if (wanted &&
		    !pf_str_eq(mailbox,
			       sieve_run_string(run, &wanted->strings[0])))
			return false;
	}
	return true;
}

static void check_role(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_arg *value)
{
	(void)node;
	struct pf_str role;

	for (size_t i = 0; i < value->count; i++) {
		const struct sieve_string *s = &value->strings[i];

		if (!s->pieces && !role_of(s->value.text, &role))
			sieve_error(compiler, s->at,
				    "such as \"\\\\Junk\" or \"\\\\Archive\"",
				    "this is no special use");
	}
}

static void check_tag(struct sieve_compiler *compiler, struct sieve_node *node,
		      const struct sieve_arg *value)
{
	check_role(compiler, node, value);
	sieve_fcc_check(compiler, node, ":specialuse");
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node)
{
	check_role(compiler, node, node->params[1]);
}

static void apply(struct sieve_run *run, const struct sieve_arg *value,
		  struct sieve_action *action)
{
	struct pf_str mailbox;

	if (!find(run, sieve_run_string(run, &value->strings[0]), &mailbox))
		return;
	action->mailbox = mailbox;
	action->create = false;
}

static const struct sieve_def defs[] = {
    {.name = "specialuse_exists",
     .test = true,
     .params = "?sl",
     .usage = "specialuse_exists [\"mailbox\"] [\"\\\\Junk\", ...]",
     .check = check,
     .decide = decide},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "specialuse",
     .on = "fileinto vacation notify",
     .group = "way to find the mailbox",
     .value = 's',
     .check = check_tag,
     .apply = apply},
    {0},
};

const struct sieve_extension sieve_ext_special_use = {
    .name = "special-use", .defs = defs, .tags = tags};
