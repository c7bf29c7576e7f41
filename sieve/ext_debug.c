/*
 * vnd.dovecot.debug
 *
 *	debug_log <message: string>;
 *
 * The message is a line of the trace; nobody else sees it.
 */
#include "sieve/run.h"

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str text =
	    sieve_run_string(run, &node->params[0]->strings[0]);

	sieve_run_trace(run, "debug: %.*s", text.n > 400 ? 400 : (int)text.n,
			text.n > 0 ? text.p : "");
}

static const struct sieve_def defs[] = {
    {.name = "debug_log",
     .params = "s",
     .usage = "debug_log \"message\";",
     .execute = execute},
    {0},
};

const struct sieve_extension sieve_ext_dovecot_debug = {
    .name = "vnd.dovecot.debug", .defs = defs};
