/*
 * copy (RFC 3894 3)
 *
 *	fileinto :copy mailbox;		redirect :copy address;
 *	pipe :copy program;
 *
 * The action leaves the implicit keep standing.
 */
#include "sieve/run.h"

static void apply(struct sieve_run *run, const struct sieve_arg *value,
		  struct sieve_action *action)
{
	(void)run;
	(void)value;
	action->copy = true;
}

static const struct sieve_tag tags[] = {
    {.name = "copy", .on = "fileinto redirect pipe", .apply = apply},
    {0},
};

const struct sieve_extension sieve_ext_copy = {.name = "copy", .tags = tags};
