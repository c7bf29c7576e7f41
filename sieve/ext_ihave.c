/*
 * ihave (RFC 5463 4, 5)
 *
 *	ihave <capabilities: string-list>	are all of them there?
 *	error <message: string>;		ends the run with an error
 *
 * It is decided when the script is compiled: what is there counts as
 * required from here on, and what stands behind a no is not looked at.
 */
#include "sieve/run.h"

static void check_ihave(struct sieve_compiler *compiler,
			struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];
	size_t extension;

	node->truth = SIEVE_YES;
	for (size_t i = 0; i < names->count; i++) {
		if (!sieve_string_constant(compiler, &names->strings[i],
					   "the name of an extension"))
			return;
		if (!sieve_extension_find(
			compiler, names->strings[i].value.text, &extension))
			node->truth = SIEVE_NO;
	}
	for (size_t i = 0; node->truth == SIEVE_YES && i < names->count; i++) {
		if (sieve_extension_find(compiler, names->strings[i].value.text,
					 &extension))
			sieve_extension_require(compiler, extension);
	}
}

static void execute_error(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str text =
	    sieve_run_string(run, &node->params[0]->strings[0]);

	sieve_run_fail(run, "%.*s", text.n > 180 ? 180 : (int)text.n,
		       text.n > 0 ? text.p : "");
	sieve_text_clean(run->result->problem);
}

static const struct sieve_def defs[] = {
    {.name = "ihave",
     .test = true,
     .params = "l",
     .usage = "ihave [\"extension\", ...]",
     .check = check_ihave},
    {.name = "error",
     .params = "s",
     .usage = "error \"message\";",
     .execute = execute_error},
    {0},
};

const struct sieve_extension sieve_ext_ihave = {.name = "ihave", .defs = defs};
