/*
 * extlists (RFC 6134)
 *
 *	:list, a match type: the keys name lists	2.2
 *	redirect :list <ext-list-name: string>;		2.3
 *	valid_ext_list <ext-list-names: string-list>	2.7
 *
 * A list is named by a tag: URI, or ":addrbook:default" and the like, which is
 * short for urn:ietf:params:sieve:addrbook:default.  Its text comes from the
 * caller: one member in each line, "#" begins a comment, of "Name <address>"
 * only the address counts.  The case of letters does not matter.
 */
#include "sieve/run.h"

#include <stdlib.h>

extern const struct sieve_extension sieve_ext_extlists;

enum {
	LISTS_MAX = 16,	     /* of one run */
	LOOK_STEPS = 100000, /* at a file */
	SORT_STEPS = 20	     /* for a byte */
};

struct list {
	struct pf_str name;
	bool known;
	struct pf_str *members; /* in order */
	size_t count;
};

struct state {
	struct list lists[LISTS_MAX];
	size_t count;
};

/* ---- names ---- */

/* The name in the form in which the caller knows it; false: it is none. */
static bool list_name(struct pf_arena *arena, struct pf_str written,
		      struct pf_str *name)
{
	static const struct pf_str urn = {"urn:ietf:params:sieve", 21};
	char *lower;

	*name = pf_str_trim(written);
	if (pf_str_istarts(*name, PF_STR("tag:")))
		return name->n > 4;
	if (pf_str_istarts(*name, urn))
		*name = pf_str_from(*name, urn.n);
	if (name->n < 2 || name->p[0] != ':')
		return false;
	lower = pf_arena_cstr(arena, *name);
	for (size_t i = 0; lower && i < name->n; i++)
		lower[i] = pf_ascii_lower(lower[i]);
	*name = lower ? pf_str_mem(lower, name->n) : PF_STR("");
	return true;
}

static bool is_addressbook(struct pf_str name)
{
	return pf_str_eq(name, PF_STR(":addrbook:default"));
}

/* ---- reading ---- */

static int compare(const void *a, const void *b)
{
	const struct pf_str *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;

	for (size_t i = 0; i < n; i++) {
		int d = (unsigned char)pf_ascii_lower(x->p[i]) -
			(unsigned char)pf_ascii_lower(y->p[i]);

		if (d != 0)
			return d;
	}
	return x->n < y->n ? -1 : x->n > y->n;
}

static struct pf_str member_of(struct sieve_run *run, struct pf_str line)
{
	struct sieve_address address;

	line = pf_str_trim(line);
	if (pf_str_ends(line, PF_STR(">")) &&
	    sieve_address_parse(run->arena, line, &address))
		return address.all;
	return line;
}

static void read_members(struct sieve_run *run, struct list *list,
			 struct pf_str text)
{
	struct pf_str rest = text, line;
	size_t lines = 1;

	if (!sieve_run_step(run, SORT_STEPS * text.n))
		return;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	list->members = sieve_run_alloc(run, lines, sizeof *list->members);
	while (list->members && pf_str_split(&rest, '\n', &line)) {
		struct pf_str member = member_of(run, line);

		if (member.n > 0 && member.p[0] != '#')
			list->members[list->count++] = member;
	}
	if (list->count > 1)
		qsort(list->members, list->count, sizeof *list->members,
		      compare);
}

/* The list, read once in a run; NULL: the run failed. */
static const struct list *open_list(struct sieve_run *run,
				    struct pf_str written)
{
	struct state *state = sieve_run_state(run, &sieve_ext_extlists);
	const struct sieve_message *message = run->message;
	struct pf_str name, text = {0};
	bool valid = list_name(run->arena, written, &name);

	for (size_t i = 0; i < state->count; i++) {
		if (pf_str_eq(state->lists[i].name, name))
			return &state->lists[i];
	}
	if (state->count == LISTS_MAX) {
		sieve_run_fail(run, "more than %d lists", LISTS_MAX);
		return NULL;
	}
	if (!sieve_run_step(run, LOOK_STEPS))
		return NULL;
	struct list *list = &state->lists[state->count++];
	list->name = sieve_run_keep(run, name);
	list->known =
	    valid && ((message->list &&
		       message->list(message->arg, list->name, &text)) ||
		      is_addressbook(name));
	if (list->known)
		read_members(run, list, sieve_run_keep(run, text));
	return run->result->failed ? NULL : list;
}

static const struct list *need_list(struct sieve_run *run, struct pf_str name)
{
	const struct list *list = open_list(run, name);

	if (list && !list->known) {
		sieve_run_fail(run, "there is no list \"%.*s\"",
			       name.n > 100 ? 100 : (int)name.n, name.p);
		return NULL;
	}
	return list;
}

/* ---- :list ---- */

static bool has(struct sieve_run *run, const struct list *list,
		struct pf_str member)
{
	return list->count > 0 &&
	       sieve_run_step(run, SORT_STEPS * (1 + member.n)) &&
	       bsearch(&member, list->members, list->count,
		       sizeof *list->members, compare);
}

static bool match(struct sieve_run *run, const struct sieve_node *node,
		  struct sieve_value *value, struct sieve_value *key)
{
	const struct list *list = need_list(run, key->text);

	(void)node;
	/* a field "Name <address>" is in the list if its address is, as in
	 * the examples of RFC 6134 3 */
	if (!list || (!has(run, list, value->text) &&
		      !has(run, list, member_of(run, value->text))))
		return false;
	sieve_captures_set(run, &value->text, 1);
	return true;
}

static void check_names(struct sieve_compiler *compiler,
			const struct sieve_arg *names)
{
	for (size_t i = 0; names && i < names->count; i++) {
		const struct sieve_string *s = &names->strings[i];
		struct pf_str name;

		if (!s->pieces &&
		    !list_name(compiler->arena, s->value.text, &name))
			sieve_warning(compiler, s->at,
				      "such as \":addrbook:default\" or "
				      "\"tag:example.org,2026:friends\"",
				      "there cannot be such a list here");
	}
}

static void check_list(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_arg *value)
{
	(void)value;
	if (sieve_node_tag(node, "comparator"))
		sieve_error(compiler, node->at, "leave out :comparator",
			    ":list takes no comparator");
	check_names(compiler, node->params[sieve_def_keys(node->def)]);
}

/* ---- redirect :list ---- */

/* The list counts as one redirect, each member as an action. */
void sieve_list_redirect(struct sieve_run *run, const struct sieve_node *node)
{
	const struct list *list =
	    need_list(run, sieve_run_string(run, &node->params[0]->strings[0]));
	struct sieve_address address;
	bool first = true;

	for (size_t i = 0; list && i < list->count && !run->result->failed;
	     i++) {
		if (!sieve_address_parse(run->arena, list->members[i],
					 &address)) {
			sieve_run_trace(run, "redirect: a member of the list "
					     "is not an address");
			continue;
		}
		if (!first)
			run->redirects--;
		first = false;
		sieve_run_action(run, node,
				 (struct sieve_action){.kind = SIEVE_REDIRECT,
						       .address = address.all});
	}
}

static void check_redirect(struct sieve_compiler *compiler,
			   struct sieve_node *node,
			   const struct sieve_arg *value)
{
	(void)value;
	check_names(compiler, node->params[0]);
}

/* ---- valid_ext_list ---- */

static bool decide_valid(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];

	for (size_t i = 0; i < names->count; i++) {
		const struct list *list =
		    open_list(run, sieve_run_string(run, &names->strings[i]));

		if (!list || !list->known)
			return false;
	}
	return true;
}

static const struct sieve_match_type list = {.name = "list", .match = match};

static const struct sieve_def defs[] = {
    {.name = "valid_ext_list",
     .test = true,
     .params = "l",
     .usage = "valid_ext_list [\":addrbook:default\", ...]",
     .decide = decide_valid},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "list",
     .on = "@match",
     .group = "match type",
     .match = &list,
     .check = check_list},
    {.name = "list", .on = "redirect", .check = check_redirect},
    {0},
};

const struct sieve_extension sieve_ext_extlists = {.name = "extlists",
						   .defs = defs,
						   .tags = tags,
						   .state_size =
						       sizeof(struct state)};
