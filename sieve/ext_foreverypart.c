/*
 * foreverypart (RFC 5703 3)
 *
 *	foreverypart [":name" string] block
 *	break [":name" string];
 *
 * Visits every part, depth first, the message itself first; inside another
 * loop only the parts in the outer one's part.  loop.c makes the turns.
 */
#include "sieve/run.h"

enum {
	NESTED_MAX = 4 /* as Pigeonhole */
};

static struct pf_str name_of(const struct sieve_node *node)
{
	const struct sieve_bound *name = sieve_node_tag(node, "name");

	return name ? name->value->strings[0].value.text : (struct pf_str){0};
}

static void check_name(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_arg *value)
{
	(void)node;
	sieve_string_constant(compiler, &value->strings[0],
			      "the name of a loop");
}

static bool is_loop(const struct sieve_node *node)
{
	return node->def && node->def->control == SIEVE_LOOP;
}

static void check_loop(struct sieve_compiler *compiler, struct sieve_node *node)
{
	int nested = 1;

	node->loops = true;
	for (const struct sieve_node *n = node->above; n; n = n->above)
		nested += is_loop(n);
	if (nested > NESTED_MAX)
		sieve_error(compiler, node->at, NULL,
			    "more than %d loops in each other", NESTED_MAX);
}

/* The loop that a break ends, NULL: it is in none */
static const struct sieve_node *target(const struct sieve_node *node)
{
	struct pf_str name = name_of(node);

	for (const struct sieve_node *n = node->above; n; n = n->above) {
		if (is_loop(n) &&
		    (!name.p || (name_of(n).p && pf_str_eq(name_of(n), name))))
			return n;
	}
	return NULL;
}

static void check_break(struct sieve_compiler *compiler,
			struct sieve_node *node)
{
	if (!target(node))
		sieve_error(compiler, node->at, NULL,
			    sieve_node_tag(node, "name")
				? "there is no loop of this name around break"
				: "break stands in no loop");
}

static void execute_break(struct sieve_run *run, const struct sieve_node *node)
{
	sieve_run_trace(run, "break");
	sieve_run_break(run, target(node));
}

static const struct sieve_def defs[] = {
    {.name = "foreverypart",
     .control = SIEVE_LOOP,
     .params = "",
     .usage = "foreverypart [:name \"name\"] { ... }",
     .check = check_loop},
    {.name = "break",
     .params = "",
     .usage = "break [:name \"name\"];",
     .check = check_break,
     .execute = execute_break},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "name",
     .on = "foreverypart break",
     .value = 's',
     .check = check_name},
    {0},
};

const struct sieve_extension sieve_ext_foreverypart = {
    .name = "foreverypart", .defs = defs, .tags = tags};
