/* sieve_compile: text in, script and problems out. */
#include "sieve/lang.h"

#include <stdlib.h>

#include "base/map.h"

const struct sieve_limits sieve_default_limits = {
    .script_max = 1 << 20,
    .depth_max = 32,
    .actions_max = 32,
    .redirects_max = 4,
    .steps_max = 200 * 1000 * 1000,
    .memory_max = 32 << 20,
};

/* By place; each of them few, and in order already but for two passes */
static void sort_problems(struct sieve_problems *problems, size_t from)
{
	struct sieve_problem *v = problems->v;

	for (size_t i = from + 1; i < problems->n; i++) {
		struct sieve_problem p = v[i];
		size_t k = i;

		for (; k > from &&
		       (v[k - 1].line > p.line || (v[k - 1].line == p.line &&
						   v[k - 1].column > p.column));
		     k--)
			v[k] = v[k - 1];
		v[k] = p;
	}
}

static void compile(struct sieve_compiler *compiler, struct pf_str text)
{
	/* the tree points into it */
	struct pf_str copy = pf_arena_str(compiler->arena, text);
	struct sieve_node *commands = sieve_parse(compiler, copy);

	sieve_check(compiler, commands);
	/* a run sees what any of the scripts asked for */
	for (size_t i = 0; i < SIEVE_EXTENSIONS_MAX; i++)
		compiler->script->required[i] |= compiler->used[i];
	if (compiler->failed)
		return;
	compiler->script->commands = commands;
	sieve_lower(compiler, commands);
}

static const struct sieve_problem *
first_error(const struct sieve_problems *problems, size_t from)
{
	static const struct sieve_problem none = {.text = "unknown"};

	for (size_t i = from; i < problems->n; i++) {
		if (!problems->v[i].warning)
			return &problems->v[i];
	}
	return &none;
}

pf_status sieve_compile(struct pf_str text, const struct sieve_limits *limits,
			struct sieve_script **script,
			struct sieve_problems *problems, struct pf_error *err)
{
	return sieve_compile_from(text, limits, NULL, script, problems, err);
}

pf_status sieve_compile_from(struct pf_str text,
			     const struct sieve_limits *limits,
			     const struct sieve_source *source,
			     struct sieve_script **script,
			     struct sieve_problems *problems,
			     struct pf_error *err)
{
	struct pf_map variables = {0};
	struct sieve_problems found = {0};

	if (!limits)
		limits = &sieve_default_limits;
	struct sieve_script *fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		abort();
	/* bounded by script_max and SIEVE_NODES_MAX instead */
	pf_arena_init(&fresh->arena, SIZE_MAX);
	struct sieve_compiler compiler = {
	    .script = fresh,
	    .arena = &fresh->arena,
	    .limits = limits,
	    .problems = problems ? problems : &found,
	    .variables = &variables,
	    .source = source,
	};
	size_t before = compiler.problems->n;
	if (text.n > limits->script_max)
		sieve_error(&compiler, (struct sieve_place){1, 1, 0}, NULL,
			    "the script is larger than %zu bytes",
			    limits->script_max);
	else
		compile(&compiler, text);
	sort_problems(compiler.problems, before);
	fresh->variable_count = compiler.variable_count;
	fresh->includes = compiler.includes;
	pf_map_release(&variables);
	pf_status status = PF_OK;
	if (compiler.failed) {
		const struct sieve_problem *first =
		    first_error(compiler.problems, before);
		status = pf_error_set(err, PF_INVALID, "The script has errors",
				      "sieve script: line %d: %s", first->line,
				      first->text);
		sieve_script_free(&fresh);
	} else {
		*script = fresh;
	}
	pf_vec_release(&found);
	return status;
}

void sieve_script_free(struct sieve_script **script)
{
	if (!*script)
		return;
	pf_arena_release(&(*script)->arena);
	free(*script);
	*script = NULL;
}

struct pf_str sieve_script_core(const struct sieve_script *script)
{
	return script->programs[0];
}
