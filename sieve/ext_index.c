/*
 * index (RFC 5260 6): header, address and date look at one field only
 *
 *	":index" <fieldno: number> [":last"]
 *
 * Fields are counted from 1 over all names of the test; ":last" counts from
 * the last one.
 */
#include "sieve/run.h"

void sieve_fields_begin(struct sieve_fields *fields, struct sieve_run *run,
			const struct sieve_node *node,
			const struct sieve_arg *names)
{
	const struct sieve_bound *index = sieve_node_tag(node, "index");
	uint64_t all = 0;

	*fields = (struct sieve_fields){.run = run, .names = names};
	if (!index)
		return;
	if (sieve_node_tag(node, "last")) {
		while (sieve_fields_next(fields))
			all++;
		*fields = (struct sieve_fields){.run = run, .names = names};
		fields->wanted = index->value->number > all
				     ? UINT64_MAX
				     : all + 1 - index->value->number;
	} else {
		fields->wanted = index->value->number;
	}
}

/* The next field with one of the names, whatever its number */
static struct sieve_field *next(struct sieve_fields *fields)
{
	const struct sieve_arg *names = fields->names;

	for (; fields->name < names->count; fields->name++) {
		struct sieve_field *field = sieve_run_field(
		    fields->run,
		    sieve_run_string(fields->run,
				     &names->strings[fields->name]),
		    &fields->pos);

		if (field)
			return field;
		fields->pos = 0;
	}
	return NULL;
}

struct sieve_field *sieve_fields_next(struct sieve_fields *fields)
{
	struct sieve_field *field;

	while ((field = next(fields))) {
		fields->seen++;
		if (fields->wanted == 0 || fields->seen == fields->wanted)
			return field;
	}
	return NULL;
}

static void check_index(struct sieve_compiler *compiler,
			struct sieve_node *node, const struct sieve_arg *value)
{
	(void)node;
	if (value->number == 0)
		sieve_error(compiler, value->at, NULL, ":index counts from 1");
}

static void check_last(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_arg *value)
{
	(void)value;
	if (!sieve_node_tag(node, "index"))
		sieve_error(compiler, node->at, "write :last :index 1",
			    ":last needs :index");
}

static const struct sieve_tag tags[] = {
    {.name = "index",
     .on = "header address date",
     .value = 'n',
     .check = check_index},
    {.name = "last", .on = "header address date", .check = check_last},
    {0},
};

const struct sieve_extension sieve_ext_index = {.name = "index", .tags = tags};
