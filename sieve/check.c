/*
 * What the words mean: finds each command, test and tag in the registry,
 * binds the arguments, and reports every fault with its place and what to do
 * about it.  A node without `def` afterwards was faulty.
 */
#include "sieve/lang.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 5, 0))) static void
report(struct sieve_compiler *compiler, struct sieve_place at, bool warning,
       const char *hint, const char *format, va_list ap)
{
	struct sieve_problem problem = {
	    .line = at.line, .column = at.column, .warning = warning};

	if (!warning)
		compiler->failed = true;
	if (compiler->reported >= SIEVE_PROBLEMS_MAX)
		return;
	compiler->reported++;
	int n = 0;
	if (compiler->script_name.p) {
		problem.line = compiler->script_at.line;
		problem.column = compiler->script_at.column;
		n = snprintf(
		    problem.text, sizeof problem.text, "in \"%.*s\", line %d: ",
		    compiler->script_name.n > 60 ? 60
						 : (int)compiler->script_name.n,
		    compiler->script_name.p, at.line);
	}
	vsnprintf(problem.text + n, sizeof problem.text - (size_t)n, format,
		  ap);
	sieve_text_clean(problem.text);
	snprintf(problem.hint, sizeof problem.hint, "%s", hint ? hint : "");
	pf_vec_push(compiler->problems, problem);
}

void sieve_error(struct sieve_compiler *compiler, struct sieve_place at,
		 const char *hint, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(compiler, at, false, hint, format, ap);
	va_end(ap);
}

void sieve_warning(struct sieve_compiler *compiler, struct sieve_place at,
		   const char *hint, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(compiler, at, true, hint, format, ap);
	va_end(ap);
}

/* For "%.*s": names are shown cut at 60 bytes. */
#define NAME(s) ((s).n > 60 ? 60 : (int)(s).n), (s).p

static const char *did_you_mean(char *to, size_t size, const char *near,
				const char *mark)
{
	if (!near)
		return NULL;
	snprintf(to, size, "did you mean %s%s?", mark, near);
	return to;
}

/* Is the extension required?  Else an error that says how. */
bool sieve_extension_allowed(struct sieve_compiler *compiler,
			     struct sieve_place at, size_t extension,
			     const char *mark, struct pf_str name)
{
	char hint[120];
	const char *needed = sieve_registry[extension]->name;

	if (!needed || compiler->script->required[extension])
		return true;
	snprintf(hint, sizeof hint, "put require \"%s\"; at the top", needed);
	sieve_error(compiler, at, hint, "%s%.*s needs the extension \"%s\"",
		    mark, NAME(name), needed);
	return false;
}

bool sieve_string_constant(struct sieve_compiler *compiler,
			   const struct sieve_string *string, const char *what)
{
	if (!string->pieces)
		return true;
	sieve_error(compiler, string->at, NULL, "%s must not hold variables",
		    what);
	return false;
}

const struct sieve_bound *sieve_node_tag(const struct sieve_node *node,
					 const char *name)
{
	for (size_t i = 0; i < node->tag_count; i++) {
		if (strcmp(node->tags[i].tag->name, name) == 0)
			return &node->tags[i];
	}
	return NULL;
}

/* ---- require ---- */

static void require(struct sieve_compiler *compiler,
		    const struct sieve_string *string)
{
	struct pf_str name = string->value.text;
	char hint[120];
	size_t i;

	if (compiler->reported >= SIEVE_PROBLEMS_MAX)
		return;
	if (!sieve_extension_find(compiler, name, &i)) {
		const char *near =
		    sieve_name_near(name, SIEVE_NAME_EXTENSION, NULL);
		sieve_error(compiler, string->at,
			    did_you_mean(hint, sizeof hint, near, ""),
			    "there is no extension \"%.*s\" here", NAME(name));
		return;
	}
	if (sieve_registry[i]->instead)
		sieve_warning(compiler, string->at, sieve_registry[i]->instead,
			      "\"%.*s\" is an old name", NAME(name));
	sieve_extension_require(compiler, i);
}

static void check_require(struct sieve_compiler *compiler,
			  const struct sieve_node *node)
{
	if (node->arg_count != 1 || node->args[0].kind != SIEVE_STRINGS) {
		sieve_error(compiler, node->at,
			    "require \"name\"; or require [\"a\", \"b\"];",
			    "require takes one list of extensions");
		return;
	}
	for (size_t i = 0; i < node->args[0].count; i++)
		require(compiler, &node->args[0].strings[i]);
	if (node->tests || node->has_block)
		sieve_error(compiler, node->at, NULL,
			    "require takes no test and no block");
}

/* ---- arguments ---- */

static void compile_strings(struct sieve_compiler *compiler,
			    struct sieve_arg *arg)
{
	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_extension *x = sieve_registry[i];

		if (!x->string || !compiler->script->required[i])
			continue;
		for (size_t k = 0; k < arg->count; k++)
			x->string(compiler, &arg->strings[k]);
	}
}

static const char *kind_name(char kind)
{
	return kind == 'n'   ? "a number"
	       : kind == 's' ? "a string"
			     : "a list of strings";
}

static bool arg_fits(const struct sieve_arg *arg, char kind)
{
	switch (kind) {
	case 'n':
		return arg->kind == SIEVE_NUMBER;
	case 's':
		return arg->kind == SIEVE_STRINGS && !arg->list &&
		       arg->count == 1;
	default:
		return arg->kind == SIEVE_STRINGS;
	}
}

/* Binds the tag at args[i] and says how many arguments it took; 0: it is
 * faulty, and nobody knows. */
static size_t bind_tag(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_def *def, size_t i)
{
	const struct sieve_arg *arg = &node->args[i];
	const struct sieve_arg *value =
	    i + 1 < node->arg_count ? arg + 1 : NULL;
	char hint[120];
	size_t extension;
	const struct sieve_tag *tag = sieve_tag_find(
	    arg->tag, def, compiler->script->required, &extension);

	if (!tag) {
		const char *near =
		    sieve_name_near(arg->tag, SIEVE_NAME_TAG, def);
		sieve_error(compiler, arg->at,
			    near ? did_you_mean(hint, sizeof hint, near, ":")
				 : def->usage,
			    "%s knows no \":%.*s\"", def->name, NAME(arg->tag));
		return 0;
	}
	if (!sieve_extension_allowed(compiler, arg->at, extension, ":",
				     arg->tag))
		return 0;
	for (size_t k = 0; k < node->tag_count; k++) {
		const struct sieve_tag *other = node->tags[k].tag;

		if (other != tag && !(tag->group && other->group &&
				      strcmp(tag->group, other->group) == 0))
			continue;
		if (other == tag)
			sieve_error(compiler, arg->at, NULL,
				    "\":%s\" is given twice", tag->name);
		else
			sieve_error(compiler, arg->at, NULL,
				    "\":%s\" after \":%s\": only one %s may "
				    "be given",
				    tag->name, other->name, tag->group);
		return 0;
	}
	if (tag->value && (!value || !arg_fits(value, tag->value))) {
		sieve_error(compiler, arg->at, def->usage,
			    "\":%s\" must be followed by %s", tag->name,
			    kind_name(tag->value));
		return 0;
	}
	node->tags[node->tag_count++] =
	    (struct sieve_bound){tag, tag->value ? value : NULL};
	return tag->value ? 2 : 1;
}

static bool bind_params(struct sieve_compiler *compiler,
			struct sieve_node *node, const struct sieve_def *def,
			const struct sieve_arg **args, size_t count)
{
	char kinds[SIEVE_PARAMS_MAX + 1];
	size_t max = 0, left_out = SIEVE_PARAMS_MAX;

	for (const char *p = def->params; *p; p++) {
		if (*p == '?')
			left_out = max;
		else
			kinds[max++] = *p;
	}
	bool optional = left_out < max;
	size_t skip = optional && count == max - 1;

	if (count != max - skip) {
		sieve_error(compiler, node->at, def->usage,
			    "%s takes %s%zu argument%s, not %zu", def->name,
			    optional ? "at most " : "", max,
			    max == 1 ? "" : "s", count);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		size_t to = i + (i >= left_out ? skip : 0);

		if (!arg_fits(args[i], kinds[to])) {
			sieve_error(compiler, args[i]->at, def->usage,
				    "%s wants %s here", def->name,
				    kind_name(kinds[to]));
			return false;
		}
		node->params[to] = args[i];
	}
	return true;
}

static bool bind_args(struct sieve_compiler *compiler, struct sieve_node *node,
		      const struct sieve_def *def)
{
	const struct sieve_arg *params[SIEVE_PARAMS_MAX + 1];
	size_t count = 0, tags = 0;
	bool faulty = false;

	for (size_t i = 0; i < node->arg_count; i++) {
		tags += node->args[i].kind == SIEVE_TAG;
		if (node->args[i].kind == SIEVE_STRINGS)
			compile_strings(compiler, &node->args[i]);
	}
	if (tags > 0)
		node->tags =
		    pf_arena_array(compiler->arena, tags, sizeof *node->tags);
	for (size_t i = 0; i < node->arg_count;) {
		if (node->args[i].kind == SIEVE_TAG) {
			size_t taken = bind_tag(compiler, node, def, i);

			faulty |= taken == 0;
			i += taken > 0 ? taken : 1;
			continue;
		}
		if (count < SIEVE_PARAMS_MAX)
			params[count] = &node->args[i];
		count++;
		i++;
	}
	/* after a faulty tag, its value may be among them */
	return !faulty && bind_params(compiler, node, def, params, count);
}

/* ---- match type, comparator, address part ---- */

static const struct sieve_comparator *
find_comparator(struct sieve_compiler *compiler, const struct sieve_arg *arg)
{
	const struct sieve_string *string = &arg->strings[0];
	struct pf_str name = string->value.text;
	size_t extension;

	if (!sieve_string_constant(compiler, string, "the comparator"))
		return NULL;
	const struct sieve_comparator *c =
	    sieve_comparator_find(name, &extension);
	if (!c) {
		sieve_error(compiler, string->at,
			    "there are i;ascii-casemap, i;octet, "
			    "i;ascii-numeric, i;unicode-casemap",
			    "there is no comparator \"%.*s\" here", NAME(name));
		return NULL;
	}
	/* these two need no require (RFC 5228 2.7.3) */
	if (c == &sieve_comparator_octet || c == &sieve_comparator_casemap)
		return c;
	return sieve_extension_allowed(compiler, string->at, extension,
				       "comparator ", name)
		   ? c
		   : NULL;
}

/* Keys that are constants are folded once and for all. */
static void fold_keys(struct sieve_compiler *compiler,
		      const struct sieve_arg *keys)
{
	for (size_t i = 0; keys && i < keys->count; i++) {
		struct sieve_value *value = &keys->strings[i].value;
		char *upper = pf_arena_cstr(compiler->arena, value->text);

		for (size_t k = 0; k < value->text.n; k++)
			upper[k] = pf_ascii_upper(upper[k]);
		value->upper = pf_str_mem(upper, value->text.n);
	}
}

static void bind_match(struct sieve_compiler *compiler, struct sieve_node *node)
{
	const struct sieve_bound *comparator =
	    sieve_node_tag(node, "comparator");
	struct sieve_match *match = &node->match;

	match->type = &sieve_match_is;
	match->comparator = &sieve_comparator_casemap;
	for (size_t i = 0; i < node->tag_count; i++) {
		if (!node->tags[i].tag->match)
			continue;
		match->type = node->tags[i].tag->match;
		match->relation = node->tags[i].value;
	}
	if (comparator) {
		const struct sieve_comparator *c =
		    find_comparator(compiler, comparator->value);
		if (c)
			match->comparator = c;
	}
	if (match->type->substring && !match->comparator->substring)
		sieve_error(compiler, node->at, "use :is, or :value",
			    "comparator %s cannot be used with :%s",
			    match->comparator->name, match->type->name);
	fold_keys(compiler, node->params[sieve_def_keys(node->def)]);
}

static void bind_address_part(struct sieve_node *node)
{
	for (size_t i = 0; i < node->tag_count; i++) {
		if (node->tags[i].tag->part)
			node->part = node->tags[i].tag->part;
	}
}

/* ---- commands and tests ---- */

static void check_tests(struct sieve_compiler *compiler,
			const struct sieve_node *node,
			const struct sieve_def *def)
{
	bool one = def->control == SIEVE_IF || def->control == SIEVE_ELSIF ||
		   def->control == SIEVE_NOT;
	bool many = def->control == SIEVE_ANYOF || def->control == SIEVE_ALLOF;

	if (one && (!node->tests || node->test_list))
		sieve_error(compiler, node->at, def->usage,
			    "%s takes exactly one test", def->name);
	else if (many && !node->test_list)
		sieve_error(compiler, node->at, def->usage,
			    "%s takes a list of tests in parentheses",
			    def->name);
	else if (!one && !many && (node->tests || node->test_list))
		sieve_error(compiler, node->tests ? node->tests->at : node->at,
			    def->usage, "%s takes no test", def->name);
}

static void check_blocks(struct sieve_compiler *compiler,
			 const struct sieve_node *node,
			 const struct sieve_def *def)
{
	bool wanted = def->control == SIEVE_IF || def->control == SIEVE_ELSIF ||
		      def->control == SIEVE_ELSE || def->control == SIEVE_LOOP;

	if (wanted && !node->has_block)
		sieve_error(compiler, node->at, def->usage,
			    "%s takes a block { ... }", def->name);
	else if (!wanted && node->has_block)
		sieve_error(compiler, node->at, def->usage, "%s takes no block",
			    def->name);
}

static const struct sieve_def *find_def(struct sieve_compiler *compiler,
					const struct sieve_node *node,
					bool test)
{
	size_t extension;
	char hint[120];
	const struct sieve_def *def = sieve_def_find(
	    node->name, test, compiler->script->required, &extension);

	if (def)
		return sieve_extension_allowed(compiler, node->at, extension,
					       "", node->name)
			   ? def
			   : NULL;
	if (sieve_def_find(node->name, !test, compiler->script->required,
			   &extension)) {
		sieve_error(compiler, node->at,
			    test ? NULL : "tests stand behind if or elsif",
			    "%.*s is a %s, not a %s", NAME(node->name),
			    test ? "command" : "test",
			    test ? "test" : "command");
		return NULL;
	}
	const char *near = sieve_name_near(
	    node->name, test ? SIEVE_NAME_TEST : SIEVE_NAME_COMMAND, NULL);
	sieve_error(compiler, node->at,
		    did_you_mean(hint, sizeof hint, near, ""),
		    "there is no %s \"%.*s\"", test ? "test" : "command",
		    NAME(node->name));
	return NULL;
}

static void check_node(struct sieve_compiler *compiler, struct sieve_node *node,
		       bool test);

/* The tests in a command or test, and what is known of it by them.  Behind
 * one that decides, the rest may be anything (RFC 5463 4). */
static void check_inner_tests(struct sieve_compiler *compiler,
			      struct sieve_node *node)
{
	enum sieve_control control =
	    node->def ? node->def->control : SIEVE_LEAF;
	enum sieve_truth decides = control == SIEVE_ALLOF   ? SIEVE_NO
				   : control == SIEVE_ANYOF ? SIEVE_YES
							    : SIEVE_OPEN;
	size_t same = 0, n = 0;

	for (struct sieve_node *t = node->tests; t; t = t->next, n++) {
		check_node(compiler, t, true);
		if (t->truth == SIEVE_OPEN)
			continue;
		if (t->truth == decides) {
			node->truth = decides;
			return;
		}
		same++;
	}
	if (n == 0 || same < n || !node->def)
		return;
	node->truth = node->tests->truth;
	if (control == SIEVE_NOT)
		node->truth = node->truth == SIEVE_YES ? SIEVE_NO : SIEVE_YES;
}

static void check_node(struct sieve_compiler *compiler, struct sieve_node *node,
		       bool test)
{
	if (compiler->reported >= SIEVE_PROBLEMS_MAX)
		return; /* hints for all of a broken script take time */
	const struct sieve_def *def = find_def(compiler, node, test);
	if (def) {
		check_tests(compiler, node, def);
		check_blocks(compiler, node, def);
		node->def = def;
		bool bound = bind_args(compiler, node, def);
		if (def->flags & SIEVE_DEF_MATCH)
			bind_match(compiler, node);
		if (def->flags & SIEVE_DEF_ADDRESS)
			bind_address_part(node);
		for (size_t i = 0; i < node->tag_count; i++) {
			const struct sieve_bound *b = &node->tags[i];

			if (b->tag->check)
				b->tag->check(compiler, node, b->value);
		}
		if (bound && def->check)
			def->check(compiler, node);
	}
	check_inner_tests(compiler, node);
}

/* elsif and else follow an if or elsif and nothing else (RFC 5228 3.1). */
static void check_order(struct sieve_compiler *compiler,
			const struct sieve_node *node, enum sieve_control last)
{
	enum sieve_control now = node->def ? node->def->control : SIEVE_LEAF;

	if ((now == SIEVE_ELSIF || now == SIEVE_ELSE) && last != SIEVE_IF &&
	    last != SIEVE_ELSIF)
		sieve_error(compiler, node->at, NULL,
			    "%s without an if before it", node->def->name);
	if (last == SIEVE_STOP)
		sieve_warning(compiler, node->at, NULL,
			      "this is never reached: stop is before it");
}

/* A branch that is never taken, whatever is in it; false: it is none. */
static bool skip_branch(struct sieve_node *node)
{
	size_t extension;
	const struct sieve_def *def =
	    sieve_def_find(node->name, false, NULL, &extension);

	if (!def ||
	    (def->control != SIEVE_ELSIF && def->control != SIEVE_ELSE) ||
	    (def->control == SIEVE_ELSIF && !node->tests))
		return false;
	node->def = def;
	node->block = NULL;
	if (node->tests)
		node->tests->truth = SIEVE_NO;
	return true;
}

static void check_commands(struct sieve_compiler *compiler,
			   struct sieve_node *commands,
			   struct sieve_node *outer)
{
	enum sieve_control last = SIEVE_REQUIRE;
	bool requires_over = outer != NULL, settled = false;

	for (struct sieve_node *node = commands; node; node = node->next) {
		if (pf_str_ieq(node->name, PF_STR("require"))) {
			if (requires_over)
				sieve_error(compiler, node->at,
					    "move it to the top",
					    "require must stand before all "
					    "other commands");
			check_require(compiler, node);
			continue;
		}
		requires_over = true;
		if (settled && skip_branch(node)) {
			check_order(compiler, node, last);
			last = node->def->control;
			continue;
		}
		check_node(compiler, node, false);
		check_order(compiler, node, last);
		settled = node->truth == SIEVE_YES;
		if (node->truth == SIEVE_NO)
			node->block = NULL;
		/* after a faulty one, do not complain about its else */
		last = node->def ? node->def->control : SIEVE_IF;
		check_commands(compiler, node->block, node);
		node->loops |= node->included && node->included->loops;
		if (outer)
			outer->loops |= node->loops;
	}
}

void sieve_check(struct sieve_compiler *compiler, struct sieve_node *commands)
{
	check_commands(compiler, commands, NULL);
}
