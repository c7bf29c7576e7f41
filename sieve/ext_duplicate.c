/*
 * duplicate (RFC 7352 3)
 *
 *	duplicate [":handle" <handle: string>]
 *		  [":header" <header-name: string> /
 *		   ":uniqueid" <value: string>]
 *		  [":seconds" <timeout: number>] [":last"]
 *
 * True where a message with this id was delivered before.  The ids of this
 * one are given to the caller, who remembers them once all is done; so the
 * test says the same throughout a run, and a delivery that failed is none.
 */
#include "sieve/run.h"

enum {
	SEEN_MAX = 32,
	SECONDS_DEFAULT = 7 * 24 * 60 * 60,
	SECONDS_MAX = 365 * 24 * 60 * 60,
	LOOK_STEPS = 100000 /* at a file */
};

static struct pf_str tag_string(struct sieve_run *run,
				const struct sieve_node *node, const char *name)
{
	const struct sieve_bound *bound = sieve_node_tag(node, name);

	return bound ? sieve_run_string(run, &bound->value->strings[0])
		     : PF_STR("");
}

/* False: the message has none, and is no duplicate (RFC 7352 3.1). */
static bool find_id(struct sieve_run *run, const struct sieve_node *node,
		    struct pf_str *id)
{
	struct pf_str name = PF_STR("Message-ID");
	struct sieve_field *field;
	size_t pos = 0;

	if (sieve_node_tag(node, "uniqueid")) {
		*id = tag_string(run, node, "uniqueid");
		return true;
	}
	if (sieve_node_tag(node, "header"))
		name = tag_string(run, node, "header");
	field = sieve_run_field(run, name, &pos);
	if (!field)
		return false;
	*id = sieve_field_value(run, field)->text;
	return id->n > 0;
}

static void remember(struct sieve_run *run, struct pf_str handle,
		     struct pf_str id)
{
	struct sieve_result *result = run->result;

	if (!result->seen)
		result->seen =
		    sieve_run_alloc(run, SEEN_MAX, sizeof *result->seen);
	for (size_t i = 0; i < result->seen_count; i++) {
		if (pf_str_eq(result->seen[i].handle, handle) &&
		    pf_str_eq(result->seen[i].id, id))
			return;
	}
	if (result->seen && result->seen_count < SEEN_MAX)
		result->seen[result->seen_count++] =
		    (struct sieve_seen){handle, id};
}

static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_message *message = run->message;
	const struct sieve_bound *seconds = sieve_node_tag(node, "seconds");
	int64_t within = SECONDS_DEFAULT;
	struct pf_str id;

	if (seconds)
		within = seconds->value->number > SECONDS_MAX
			     ? SECONDS_MAX
			     : (int64_t)seconds->value->number;
	if (!find_id(run, node, &id) || !sieve_run_step(run, LOOK_STEPS))
		return false;
	struct pf_str handle = tag_string(run, node, "handle");
	bool seen = message->duplicate &&
		    message->duplicate(message->arg, handle, id, within);
	if (!seen || sieve_node_tag(node, "last"))
		remember(run, handle, id);
	return seen;
}

static const struct sieve_def defs[] = {
    {.name = "duplicate",
     .test = true,
     .params = "",
     .usage = "duplicate [:handle \"name\"] [:header \"field\" | :uniqueid "
	      "\"id\"] [:seconds 86400] [:last]",
     .decide = decide},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "handle", .on = "duplicate", .value = 's'},
    {.name = "header", .on = "duplicate", .group = "id", .value = 's'},
    {.name = "uniqueid", .on = "duplicate", .group = "id", .value = 's'},
    {.name = "seconds", .on = "duplicate", .value = 'n'},
    {.name = "last", .on = "duplicate"},
    {0},
};

const struct sieve_extension sieve_ext_duplicate = {
    .name = "duplicate", .defs = defs, .tags = tags};
