/*
 * mailbox (RFC 5490 3)
 *
 *	mailboxexists <mailbox-names: string-list>	are all there?
 *	fileinto :create mailbox;			made when missing
 */
#include "sieve/run.h"

static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_message *message = run->message;
	const struct sieve_arg *names = node->params[0];

	for (size_t i = 0; i < names->count; i++) {
		struct pf_str name = sieve_run_string(run, &names->strings[i]);

		/* a look at the disk costs more than a comparison */
		if (!sieve_run_step(run, 10000) || !message->mailbox_exists ||
		    !message->mailbox_exists(message->arg, name))
			return false;
	}
	return true;
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node,
		  const struct sieve_arg *value)
{
	(void)value;
	sieve_fcc_check(compiler, node, ":create");
}

static void apply(struct sieve_run *run, const struct sieve_arg *value,
		  struct sieve_action *action)
{
	(void)run;
	(void)value;
	action->create = true;
}

static const struct sieve_def defs[] = {
    {.name = "mailboxexists",
     .test = true,
     .params = "l",
     .usage = "mailboxexists [\"mailbox\", ...]",
     .decide = decide},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "create",
     .on = "fileinto vacation notify",
     .check = check,
     .apply = apply},
    {0},
};

const struct sieve_extension sieve_ext_mailbox = {
    .name = "mailbox", .defs = defs, .tags = tags};
