/*
 * include (RFC 6609 3)
 *
 *	include [":global" / ":personal"] [":once"] [":optional"]
 *		<script-name: string>;				3.2
 *	return;							3.3
 *	global <variables: string-list>;  "${global.name}"	3.4
 *
 * Included scripts are compiled into the one that includes them, each once,
 * with extensions and variables of their own; lower.c then puts them in place.
 */
#include "sieve/run.h"

extern const struct sieve_extension sieve_ext_include, sieve_ext_variables;

enum {
	DEPTH_MAX = 10,
	NAME_MAX_BYTES = 200
};

struct state {
	bool executed[SIEVE_INCLUDES_MAX + 1];
};

/* ---- compiling ---- */

/* Fit to be part of a file's name */
static bool is_name(struct pf_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == '/' ||
		    name.p[i] == 0x7f)
			return false;
	}
	return name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] != '.';
}

static struct sieve_included *find(struct sieve_compiler *compiler, bool global,
				   struct pf_str name)
{
	for (int i = 0; i < compiler->include_count; i++) {
		struct sieve_included *x = &compiler->includes[i];

		if (x->global == global && pf_str_eq(x->name, name))
			return x;
	}
	return NULL;
}

static struct sieve_included *add(struct sieve_compiler *compiler,
				  struct sieve_place at, bool global,
				  struct pf_str name)
{
	if (compiler->include_count >= SIEVE_INCLUDES_MAX) {
		sieve_error(compiler, at, NULL,
			    "more than %d scripts to include",
			    SIEVE_INCLUDES_MAX);
		return NULL;
	}
	if (!compiler->includes)
		compiler->includes =
		    pf_arena_array(compiler->arena, SIEVE_INCLUDES_MAX,
				   sizeof *compiler->includes);
	struct sieve_included *x =
	    &compiler->includes[compiler->include_count++];
	*x = (struct sieve_included){
	    .name = name, .global = global, .number = compiler->include_count};
	return x;
}

/* Checks the text as a script of its own. */
static void compile(struct sieve_compiler *compiler, struct sieve_place at,
		    struct sieve_included *x, struct pf_str text)
{
	bool *required = compiler->script->required;
	bool outer[SIEVE_EXTENSIONS_MAX];
	int number = compiler->script_number;
	struct pf_str name = compiler->script_name;

	memcpy(outer, required, sizeof outer);
	memset(required, 0, sizeof outer);
	if (!name.p)
		compiler->script_at = at;
	compiler->script_name = x->name;
	compiler->script_number = x->number;
	compiler->include_depth++;
	x->open = true;
	x->commands =
	    sieve_parse(compiler, pf_arena_str(compiler->arena, text));
	sieve_check(compiler, x->commands);
	for (const struct sieve_node *c = x->commands; c; c = c->next)
		x->loops |= c->loops;
	x->open = false;
	compiler->include_depth--;
	compiler->script_number = number;
	compiler->script_name = name;
	for (size_t i = 0; i < SIEVE_EXTENSIONS_MAX; i++)
		compiler->used[i] |= required[i];
	memcpy(required, outer, sizeof outer);
}

static struct sieve_included *load(struct sieve_compiler *compiler,
				   struct sieve_place at, bool global,
				   struct pf_str name, bool optional)
{
	struct pf_buf text = PF_BUF_INIT(compiler->limits->script_max);
	struct sieve_included *x = NULL;
	struct pf_error err;

	pf_status status = compiler->source->load(compiler->source->arg, global,
						  name, &text, &err);
	if (status == PF_OK)
		status = pf_buf_status(&text, &err);
	if (status == PF_OK) {
		x = add(compiler, at, global, name);
		if (x)
			compile(compiler, at, x, pf_buf_str(&text));
	} else if (status != PF_NOTFOUND || !optional) {
		sieve_error(compiler, at,
			    optional ? NULL : ":optional if it may be missing",
			    status == PF_NOTFOUND
				? "there is no %s script \"%.*s\""
				: "the %s script \"%.*s\" cannot be read",
			    global ? "global" : "personal",
			    name.n > 60 ? 60 : (int)name.n, name.p);
	}
	pf_buf_release(&text);
	return x;
}

static void check_include(struct sieve_compiler *compiler,
			  struct sieve_node *node)
{
	const struct sieve_string *string = &node->params[0]->strings[0];
	struct pf_str name = string->value.text;
	bool global = sieve_node_tag(node, "global") != NULL;

	if (!sieve_string_constant(compiler, string, "the name of a script"))
		return;
	if (!is_name(name)) {
		sieve_error(compiler, string->at, NULL,
			    "this is no name of a script");
		return;
	}
	if (!compiler->source) {
		/* an editor only wants to know whether this one is right */
		sieve_warning(compiler, node->at, NULL,
			      "whether this script is there is not checked");
		return;
	}
	if (compiler->include_depth >= DEPTH_MAX) {
		sieve_error(compiler, node->at, NULL,
			    "more than %d scripts include each other",
			    DEPTH_MAX);
		return;
	}
	node->included = find(compiler, global, name);
	if (!node->included)
		node->included = load(compiler, string->at, global, name,
				      sieve_node_tag(node, "optional") != NULL);
	else if (node->included->open)
		sieve_error(compiler, string->at, NULL,
			    "the script \"%.*s\" includes itself",
			    name.n > 60 ? 60 : (int)name.n, name.p);
}

static void check_global(struct sieve_compiler *compiler,
			 struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];

	if (!compiler->script
		 ->required[sieve_extension_index(&sieve_ext_variables)]) {
		sieve_error(compiler, node->at,
			    "put require \"variables\"; at the top",
			    "global needs the extension \"variables\"");
		return;
	}
	for (size_t i = 0; i < names->count; i++)
		sieve_variable_share(compiler, &names->strings[i]);
}

/* ---- running ---- */

static bool decide_include(struct sieve_run *run, const struct sieve_node *node)
{
	struct state *state = sieve_run_state(run, &sieve_ext_include);
	bool *executed = &state->executed[node->included->number];

	if (*executed && sieve_node_tag(node, "once"))
		return false;
	*executed = true;
	return true;
}

/* The end of the included script */
static void execute_include(struct sieve_run *run,
			    const struct sieve_node *node)
{
	run->returning = false;
	sieve_run_trace(
	    run, "end of \"%.*s\"",
	    node->included->name.n > 60 ? 60 : (int)node->included->name.n,
	    node->included->name.p);
}

static void execute_return(struct sieve_run *run, const struct sieve_node *node)
{
	(void)node;
	run->returning = true;
	sieve_run_trace(run, "return");
}

/* It has done its work when the script was compiled. */
static void execute_global(struct sieve_run *run, const struct sieve_node *node)
{
	(void)run;
	(void)node;
}

static const struct sieve_def defs[] = {
    {.name = "include",
     .control = SIEVE_INCLUDE,
     .params = "s",
     .usage = "include [:personal | :global] [:once] [:optional] \"name\";",
     .check = check_include,
     .decide = decide_include,
     .execute = execute_include},
    {.name = "return",
     .control = SIEVE_RETURN,
     .params = "",
     .usage = "return;",
     .decide = sieve_decide_stop, /* of the main script */
     .execute = execute_return},
    {.name = "global",
     .params = "l",
     .usage = "global [\"variable\", ...];",
     .check = check_global,
     .execute = execute_global},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "personal", .on = "include", .group = "place of the script"},
    {.name = "global", .on = "include", .group = "place of the script"},
    {.name = "once", .on = "include"},
    {.name = "optional", .on = "include"},
    {0},
};

const struct sieve_extension sieve_ext_include = {
    .name = "include",
    .defs = defs,
    .tags = tags,
    .space = "global",
    .state_size = sizeof(struct state),
};
