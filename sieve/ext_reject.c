/*
 * reject and ereject (RFC 5429 2.1, 2.2)
 *
 *	reject <reason: string>;	notice to the sender
 *	ereject <reason: string>;	refusal by the protocol, else a notice
 */
#include "sieve/run.h"

static void give(struct sieve_run *run, const struct sieve_node *node,
		 bool refuse)
{
	struct pf_str reason =
	    sieve_run_string(run, &node->params[0]->strings[0]);

	sieve_run_action(run, node,
			 (struct sieve_action){.kind = SIEVE_REJECT,
					       .refuse = refuse,
					       .text = reason});
}

static void execute_reject(struct sieve_run *run, const struct sieve_node *node)
{
	give(run, node, false);
}

static void execute_ereject(struct sieve_run *run,
			    const struct sieve_node *node)
{
	give(run, node, true);
}

static const struct sieve_def reject[] = {
    {.name = "reject",
     .params = "s",
     .usage = "reject \"reason\";",
     .execute = execute_reject},
    {0},
};
static const struct sieve_def ereject[] = {
    {.name = "ereject",
     .params = "s",
     .usage = "ereject \"reason\";",
     .execute = execute_ereject},
    {0},
};

const struct sieve_extension sieve_ext_reject = {
    .name = "reject", .delivery = true, .defs = reject};
const struct sieve_extension sieve_ext_ereject = {
    .name = "ereject", .delivery = true, .defs = ereject};
