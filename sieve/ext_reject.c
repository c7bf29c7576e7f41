/*
 * reject and ereject (RFC 5429 2.1, 2.2)
 *
 *	reject <reason: string>;	ereject <reason: string>;
 *
 * Both give a notice to the sender: a refusal after DATA would only make the
 * server before us write a bounce instead.
 */
#include "sieve/run.h"

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	sieve_run_action(
	    run, node,
	    (struct sieve_action){
		.kind = SIEVE_REJECT,
		.text = sieve_run_string(run, &node->params[0]->strings[0])});
}

static const struct sieve_def reject[] = {
    {.name = "reject",
     .params = "s",
     .usage = "reject \"reason\";",
     .execute = execute},
    {0},
};
static const struct sieve_def ereject[] = {
    {.name = "ereject",
     .params = "s",
     .usage = "ereject \"reason\";",
     .execute = execute},
    {0},
};

const struct sieve_extension sieve_ext_reject = {.name = "reject",
						 .defs = reject};
const struct sieve_extension sieve_ext_ereject = {.name = "ereject",
						  .defs = ereject};
