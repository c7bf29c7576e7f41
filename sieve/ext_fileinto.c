/*
 * fileinto (RFC 5228 4.1)
 *
 *	fileinto mailbox;
 */
#include "sieve/run.h"

#include "base/utf8.h"

enum {
	MAILBOX_MAX = 1000
};

bool sieve_mailbox_name(struct pf_str name)
{
	if (name.n == 0 || name.n > MAILBOX_MAX || !pf_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return false;
	}
	return true;
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node)
{
	const struct sieve_string *mailbox = &node->params[0]->strings[0];

	if (!mailbox->pieces && !sieve_mailbox_name(mailbox->value.text))
		sieve_error(compiler, mailbox->at, NULL,
			    "this is no name of a mailbox");
}

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str name =
	    sieve_run_string(run, &node->params[0]->strings[0]);

	if (!sieve_mailbox_name(name)) {
		sieve_run_fail(run, "fileinto: this is no name of a mailbox");
		return;
	}
	sieve_run_action(
	    run, node,
	    (struct sieve_action){.kind = SIEVE_FILEINTO, .mailbox = name});
}

static const struct sieve_def defs[] = {
    {.name = "fileinto",
     .params = "s",
     .usage = "fileinto \"mailbox\";",
     .check = check,
     .execute = execute},
    {0},
};

const struct sieve_extension sieve_ext_fileinto = {.name = "fileinto",
						   .defs = defs};
