/*
 * relational (RFC 5231 4)
 *
 *	match-type =/ ":count" relation / ":value" relation
 *	relation = "gt" / "ge" / "lt" / "le" / "eq" / "ne"
 */
#include "sieve/run.h"

static bool holds(struct pf_str relation, int order)
{
	if (pf_str_ieq(relation, PF_STR("gt")))
		return order > 0;
	if (pf_str_ieq(relation, PF_STR("ge")))
		return order >= 0;
	if (pf_str_ieq(relation, PF_STR("lt")))
		return order < 0;
	if (pf_str_ieq(relation, PF_STR("le")))
		return order <= 0;
	if (pf_str_ieq(relation, PF_STR("eq")))
		return order == 0;
	return order != 0;
}

static bool match(struct sieve_run *run, const struct sieve_node *node,
		  struct sieve_value *value, struct sieve_value *key)
{
	const struct sieve_comparator *c = node->match.comparator;
	struct pf_str relation =
	    sieve_run_string(run, &node->match.relation->strings[0]);
	struct pf_str v = sieve_value_normal(run, node, value);
	struct pf_str k = sieve_value_normal(run, node, key);

	return sieve_run_step(run, 1 + k.n) &&
	       holds(relation, c->compare(v, k));
}

static void check(struct sieve_compiler *compiler, struct sieve_node *node,
		  const struct sieve_arg *value)
{
	const struct sieve_string *relation = &value->strings[0];

	(void)node;
	if (sieve_string_constant(compiler, relation, "the relation") &&
	    !sieve_word_in(relation->value.text, "gt ge lt le eq ne"))
		sieve_error(compiler, relation->at, NULL,
			    "a relation is gt, ge, lt, le, eq or ne");
}

/* As text, "10" stands before "9". */
static void check_count(struct sieve_compiler *compiler,
			struct sieve_node *node, const struct sieve_arg *value)
{
	check(compiler, node, value);
	if (!sieve_node_tag(node, "comparator"))
		sieve_warning(compiler, node->at,
			      "add :comparator \"i;ascii-numeric\"",
			      ":count compares as text here");
}

static const struct sieve_match_type count = {
    .name = "count", .counts = true, .match = match};
static const struct sieve_match_type value = {.name = "value", .match = match};

static const struct sieve_tag tags[] = {
    {.name = "count",
     .on = "@match",
     .group = "match type",
     .value = 's',
     .match = &count,
     .check = check_count},
    {.name = "value",
     .on = "@match",
     .group = "match type",
     .value = 's',
     .match = &value,
     .check = check},
    {0},
};

const struct sieve_extension sieve_ext_relational = {.name = "relational",
						     .tags = tags};
