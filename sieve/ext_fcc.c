/*
 * fcc (RFC 8580 3)
 *
 *	vacation / notify ":fcc" <mailbox: string> [":create"] [":flags" ...]
 *		 [":specialuse" ...] ...
 *
 * A copy of the letter is filed.  The other tags are those of fileinto and
 * come from their own extensions.
 */
#include "sieve/run.h"

void sieve_fcc_check(struct sieve_compiler *compiler,
		     const struct sieve_node *node, const char *tag)
{
	if (sieve_word_in(node->name, "vacation notify") &&
	    !sieve_node_tag(node, "fcc"))
		sieve_error(compiler, node->at, "add :fcc \"Sent\"",
			    "%s without :fcc", tag);
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node,
		  const struct sieve_arg *value)
{
	const struct sieve_string *mailbox = &value->strings[0];

	(void)node;
	if (!mailbox->pieces && !sieve_mailbox_name(mailbox->value.text))
		sieve_error(compiler, mailbox->at, NULL,
			    "this is no name of a mailbox");
}

static void apply(struct sieve_run *run, const struct sieve_arg *value,
		  struct sieve_action *action)
{
	struct pf_str name = sieve_run_string(run, &value->strings[0]);

	if (!sieve_mailbox_name(name))
		sieve_run_fail(run, ":fcc: this is no name of a mailbox");
	else if (action->mailbox.n == 0) /* :specialuse found a better one */
		action->mailbox = name;
}

static const struct sieve_tag tags[] = {
    {.name = "fcc",
     .on = "vacation notify",
     .value = 's',
     .check = check,
     .apply = apply},
    {0},
};

const struct sieve_extension sieve_ext_fcc = {.name = "fcc", .tags = tags};
