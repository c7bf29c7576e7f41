/*
 * vnd.dovecot.report (Pigeonhole's spec-bosch-sieve-report, RFC 5965)
 *
 *	report [":headers_only"] <feedback-type: string> <message: string>
 *	       <address: string>;
 *
 * Tells somebody of abuse, with the message or its header.  It leaves the
 * implicit keep standing.
 */
#include "sieve/run.h"

/* A token (RFC 2045 5.1) */
static bool is_type(struct pf_str type)
{
	for (size_t i = 0; i < type.n; i++) {
		if (type.p[i] <= ' ' || type.p[i] == 0x7f ||
		    strchr("()<>@,;:\\\"/[]?=", type.p[i]))
			return false;
	}
	return type.n > 0 && type.n <= 60;
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node)
{
	const struct sieve_string *type = &node->params[0]->strings[0];
	const struct sieve_string *to = &node->params[2]->strings[0];
	struct sieve_address address;

	if (!type->pieces && !is_type(type->value.text))
		sieve_error(compiler, type->at, "\"abuse\", \"fraud\", ...",
			    "this is no type of feedback");
	if (!to->pieces &&
	    !sieve_address_parse(compiler->arena, to->value.text, &address))
		sieve_error(compiler, to->at,
			    "one address, such as \"user@example.org\"",
			    "this is not an address");
}

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str type =
	    sieve_run_string(run, &node->params[0]->strings[0]);
	struct pf_str text =
	    sieve_run_string(run, &node->params[1]->strings[0]);
	struct sieve_address address;

	if (!is_type(type)) {
		sieve_run_fail(run, "report: this is no type of feedback");
		return;
	}
	if (!sieve_address_parse(
		run->arena, sieve_run_string(run, &node->params[2]->strings[0]),
		&address)) {
		sieve_run_fail(run, "report: not an address");
		return;
	}
	sieve_run_action(
	    run, node,
	    (struct sieve_action){
		.kind = SIEVE_REPORT,
		.copy = true,
		.handle = sieve_run_keep(run, type),
		.text = sieve_run_keep(run, text),
		.address = address.all,
		.headers_only = sieve_node_tag(node, "headers_only") != NULL});
}

static const struct sieve_def defs[] = {
    {.name = "report",
     .params = "sss",
     .usage = "report [:headers_only] \"abuse\" \"message\" "
	      "\"address@example.org\";",
     .check = check,
     .execute = execute},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "headers_only", .on = "report"},
    {0},
};

const struct sieve_extension sieve_ext_dovecot_report = {
    .name = "vnd.dovecot.report", .defs = defs, .tags = tags};
