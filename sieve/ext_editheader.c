/*
 * editheader (RFC 5293 4, 5)
 *
 *	addheader [":last"] <field-name: string> <value: string>;
 *	deleteheader [":index" <fieldno: number> [":last"]] [comparator]
 *		     [match-type] <field-name: string>
 *		     [<value-patterns: string-list>];
 *
 * Tests and actions behind it see the edited header; each action carries the
 * header as it was then.  Received and Auto-Submitted cannot be deleted
 * (RFC 5293 5), nor what stops redirects from going round.
 */
#include "sieve/run.h"

enum {
	NAME_MAX_BYTES = 200
};

static bool is_name(struct pf_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] == 0x7f || name.p[i] == ':')
			return false;
	}
	return name.n > 0 && name.n <= NAME_MAX_BYTES;
}

static bool is_protected(const struct sieve_run *run, struct pf_str name)
{
	return sieve_word_in(name, "received auto-submitted "
				   "x-sieve-redirected-from") ||
	       (run && run->content.replaced && /* RFC 5703 5 */
		sieve_word_in(name, "original-subject original-from"));
}

/* ---- adding ---- */

static bool begin_edit(struct sieve_run *run)
{
	if (!sieve_run_fields(run)) {
		sieve_run_trace(run, "the header is too large to be edited");
		return false;
	}
	return sieve_run_step(run, run->field_count);
}

static void execute_add(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str name =
	    sieve_run_string(run, &node->params[0]->strings[0]);
	struct pf_str value =
	    sieve_run_string(run, &node->params[1]->strings[0]);
	struct sieve_field field;

	if (!is_name(name)) {
		sieve_run_fail(run, "addheader: this is no name of a field");
		return;
	}
	if (!begin_edit(run) || !sieve_run_step(run, 10 * value.n) ||
	    !sieve_field_make(run, name, value, &field))
		return;
	if (run->field_count >= run->field_room) {
		sieve_run_fail(run, "more than %d fields are added",
			       SIEVE_EDITS_MAX);
		return;
	}
	size_t at = run->field_count;
	if (!sieve_node_tag(node, "last")) {
		memmove(run->fields + 1, run->fields,
			run->field_count * sizeof *run->fields);
		at = 0;
	}
	run->fields[at] = field;
	run->field_count++;
	sieve_content_edited(run);
	sieve_run_trace(run, "addheader: %.*s", (int)name.n, name.p);
}

/* ---- deleting ---- */

static bool matches(struct sieve_run *run, const struct sieve_node *node,
		    struct sieve_field *field)
{
	struct sieve_matcher matcher;

	if (!node->params[1])
		return true;
	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	sieve_matcher_add(&matcher, sieve_field_value(run, field));
	return sieve_matcher_end(&matcher);
}

/* Which of the fields of that name, from 1; 0: all */
static uint64_t wanted(struct sieve_run *run, const struct sieve_node *node,
		       struct pf_str name)
{
	const struct sieve_bound *index = sieve_node_tag(node, "index");
	uint64_t all = 0;
	size_t pos = 0;

	if (!index)
		return 0;
	if (!sieve_node_tag(node, "last"))
		return index->value->number;
	while (sieve_run_field(run, name, &pos))
		all++;
	return index->value->number > all ? UINT64_MAX
					  : all + 1 - index->value->number;
}

static void execute_delete(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str name =
	    sieve_run_string(run, &node->params[0]->strings[0]);
	size_t kept = 0;
	uint64_t seen = 0;

	if (!begin_edit(run) || is_protected(run, name))
		return;
	uint64_t which = wanted(run, node, name);
	for (size_t i = 0; i < run->field_count; i++) {
		struct sieve_field *field = &run->fields[i];

		if (pf_str_ieq(field->name, name) &&
		    (which == 0 || ++seen == which) &&
		    matches(run, node, field))
			continue;
		run->fields[kept++] = *field;
	}
	if (kept < run->field_count)
		sieve_content_edited(run);
	sieve_run_trace(run, "deleteheader: %zu", run->field_count - kept);
	run->field_count = kept;
}

/* ---- checks ---- */

static bool check_name(struct sieve_compiler *compiler,
		       const struct sieve_node *node)
{
	const struct sieve_string *name = &node->params[0]->strings[0];

	if (name->pieces || is_name(name->value.text))
		return true;
	sieve_error(compiler, name->at, NULL,
		    "this is no name of a header field");
	return false;
}

static void check_add(struct sieve_compiler *compiler, struct sieve_node *node)
{
	check_name(compiler, node);
}

static void check_delete(struct sieve_compiler *compiler,
			 struct sieve_node *node)
{
	const struct sieve_string *name = &node->params[0]->strings[0];

	if (sieve_node_tag(node, "last") && !sieve_node_tag(node, "index"))
		sieve_error(compiler, node->at, "write :last :index 1",
			    ":last needs :index");
	if (node->match.type->counts)
		sieve_error(compiler, node->at, NULL,
			    "deleteheader cannot count");
	if (check_name(compiler, node) && !name->pieces &&
	    is_protected(NULL, name->value.text))
		sieve_warning(compiler, name->at, NULL,
			      "this field is never deleted");
}

static const struct sieve_def defs[] = {
    {.name = "addheader",
     .params = "ss",
     .usage = "addheader [:last] \"name\" \"value\";",
     .check = check_add,
     .execute = execute_add},
    {.name = "deleteheader",
     .params = "s?l",
     .flags = SIEVE_DEF_MATCH,
     .usage = "deleteheader [:index 1 [:last]] [:is | :contains | :matches] "
	      "\"name\" [\"pattern\", ...];",
     .check = check_delete,
     .execute = execute_delete},
    {0},
};

/* deleteheader has them without the extension index */
static const struct sieve_tag tags[] = {
    {.name = "last", .on = "addheader deleteheader"},
    {.name = "index", .on = "deleteheader", .value = 'n'},
    {0},
};

const struct sieve_extension sieve_ext_editheader = {
    .name = "editheader",
    .defs = defs,
    .tags = tags,
};
