/*
 * mailboxid (RFC 9042 4, 6)
 *
 *	fileinto :mailboxid <mailboxid: string> <mailbox: string>;
 *	mailboxidexists <mailbox-objectids: string-list>
 *
 * Where no mailbox has the id, the named one is taken.
 */
#include "sieve/run.h"

static bool find(struct sieve_run *run, struct pf_str id,
		 struct pf_str *mailbox)
{
	const struct sieve_message *message = run->message;
	struct pf_str found;

	/* looks at every mailbox */
	if (!message->mailbox_of_id || !sieve_run_step(run, 1000000) ||
	    !message->mailbox_of_id(message->arg, id, &found))
		return false;
	*mailbox = sieve_run_keep(run, found);
	return true;
}

static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *ids = node->params[0];
	struct pf_str mailbox;

	for (size_t i = 0; i < ids->count; i++) {
		if (!find(run, sieve_run_string(run, &ids->strings[i]),
			  &mailbox))
			return false;
	}
	return true;
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node,
		  const struct sieve_arg *value)
{
	(void)value;
	sieve_fcc_check(compiler, node, ":mailboxid");
}

static void apply(struct sieve_run *run, const struct sieve_arg *value,
		  struct sieve_action *action)
{
	struct pf_str mailbox;

	if (find(run, sieve_run_string(run, &value->strings[0]), &mailbox))
		action->mailbox = mailbox;
}

static const struct sieve_def defs[] = {
    {.name = "mailboxidexists",
     .test = true,
     .params = "l",
     .usage = "mailboxidexists [\"F6352ae03\", ...]",
     .decide = decide},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "mailboxid",
     .on = "fileinto vacation notify",
     .group = "way to find the mailbox",
     .value = 's',
     .check = check,
     .apply = apply},
    {0},
};

const struct sieve_extension sieve_ext_mailboxid = {
    .name = "mailboxid", .defs = defs, .tags = tags};
