/*
 * vnd.dovecot.pipe, vnd.dovecot.filter, vnd.dovecot.execute (Pigeonhole's
 * spec-bosch-sieve-extprograms)
 *
 *	pipe [":copy"] [":try"] <program: string> [<arguments: string-list>];
 *	filter <program: string> [<arguments: string-list>]
 *	execute [":input" <string> / ":pipe"] [":output" <varname: string>]
 *		<program: string> [<arguments: string-list>]
 *
 * The programs are the site's; only their names stand in a script.  pipe is an
 * action like fileinto and is done after the run; filter (the message becomes
 * what the program makes of it) and execute are done at once, and are tests,
 * too.
 */
#include "sieve/run.h"

#include <unistd.h>

#include "base/utf8.h"

extern const struct sieve_extension sieve_ext_variables;

enum {
	NAME_MAX_BYTES = 512,
	ARGS_MAX = 32,
	ARG_MAX_BYTES = 8192
};

/* ---- checks ---- */

static bool is_name(struct pf_str name)
{
	size_t step;

	if (name.n == 0 || name.n > NAME_MAX_BYTES || name.p[0] == '.' ||
	    !pf_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i += step) {
		uint32_t c = pf_utf8_next(pf_str_from(name, i), &step);

		if (c < 0x20 || c == '/' || (c >= 0x7f && c < 0xa0) ||
		    c == 0x2028 || c == 0x2029)
			return false;
	}
	return true;
}

static void check_program(struct sieve_compiler *compiler,
			  struct sieve_node *node)
{
	const struct sieve_string *name = &node->params[0]->strings[0];
	const struct sieve_arg *args = node->params[1];

	if (sieve_string_constant(compiler, name, "the name of a program") &&
	    !is_name(name->value.text))
		sieve_error(compiler, name->at, "a name without slashes",
			    "this is no name of a program");
	if (args && args->count > ARGS_MAX)
		sieve_error(compiler, args->at, NULL, "more than %d arguments",
			    ARGS_MAX);
}

static void check_output(struct sieve_compiler *compiler,
			 struct sieve_node *node, const struct sieve_arg *value)
{
	size_t index;

	if (!compiler->script
		 ->required[sieve_extension_index(&sieve_ext_variables)]) {
		sieve_error(compiler, node->at,
			    "put require \"variables\"; at the top",
			    ":output needs the extension \"variables\"");
		return;
	}
	if (!sieve_variable_name(compiler, &value->strings[0], &index))
		return;
	node->slots = pf_arena_alloc(compiler->arena, sizeof *node->slots);
	node->slots[0] = index;
}

/* ---- running ---- */

/* The program of the node with its arguments as they are now; false: the run
 * failed. */
static bool make_program(struct sieve_run *run, const struct sieve_node *node,
			 enum sieve_program_kind kind,
			 struct sieve_program *program)
{
	const struct sieve_arg *args = node->params[1];
	size_t n = args ? args->count : 0;
	struct pf_str *values = sieve_run_alloc(run, n + 1, sizeof *values);

	*program = (struct sieve_program){
	    .kind = kind,
	    .name = node->params[0]->strings[0].value.text,
	    .args = values,
	    .arg_count = n,
	    .output = -1,
	};
	for (size_t i = 0; values && i < n; i++) {
		struct pf_str s = sieve_run_string(run, &args->strings[i]);

		if (s.n > ARG_MAX_BYTES ||
		    (s.n > 0 && memchr(s.p, 0, s.n) != NULL)) {
			sieve_run_fail(run, "%s: an argument is too long",
				       node->def->name);
			return false;
		}
		values[i] = sieve_run_keep(run, s);
	}
	return !run->result->failed;
}

static void execute_pipe(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_program *program =
	    sieve_run_alloc(run, 1, sizeof *program);
	bool once = true;

	if (!program || !make_program(run, node, SIEVE_PROGRAM_PIPE, program))
		return;
	for (size_t i = run->first_action; i < run->result->count; i++) {
		const struct sieve_action *a = &run->result->actions[i];

		once &= a->kind != SIEVE_PIPE ||
			!pf_str_eq(a->program->name, program->name);
	}
	if (!once)
		sieve_run_fail(run, "pipe: a message goes to a program once");
	else
		sieve_run_action(
		    run, node,
		    (struct sieve_action){
			.kind = SIEVE_PIPE,
			.program = program,
			.attempt = sieve_node_tag(node, "try") != NULL});
}

/* The message as it is now is what the program reads. */
static bool give_message(struct sieve_run *run, struct sieve_program *program)
{
	size_t n;
	const struct sieve_span *body = sieve_content_body(run, &n);
	struct sieve_span *spans =
	    body ? sieve_run_alloc(run, n + 2, sizeof *spans) : NULL;

	if (!spans)
		return false;
	spans[0] = (struct sieve_span){.text = sieve_content_header(run)};
	spans[1] = (struct sieve_span){.text = PF_STR("\n")};
	memcpy(spans + 2, body, n * sizeof *spans);
	program->input = spans;
	program->input_count = n + 2;
	return true;
}

/* True: it ran, and was content. */
static bool run_program(struct sieve_run *run, const struct sieve_node *node,
			struct sieve_program *program)
{
	const struct sieve_message *message = run->message;
	int code = message->program ? message->program(message->arg, program)
				    : SIEVE_PROGRAM_UNKNOWN;

	sieve_run_trace(run, "%s %.*s: %d", node->def->name,
			(int)program->name.n, program->name.p, code);
	if (code == SIEVE_PROGRAM_UNKNOWN && !node->def->test)
		sieve_run_fail(run, "%s: there is no program \"%.*s\"",
			       node->def->name,
			       program->name.n > 60 ? 60 : (int)program->name.n,
			       program->name.p);
	return code == 0;
}

static bool decide_filter(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_program program;

	if (run->part) {
		sieve_run_fail(run, "filter cannot be used in a loop");
		return false;
	}
	if (!make_program(run, node, SIEVE_PROGRAM_FILTER, &program) ||
	    !give_message(run, &program))
		return false;
	program.output = sieve_content_scratch(run);
	return program.output >= 0 && run_program(run, node, &program) &&
	       sieve_content_take(run, program.output);
}

static void execute_filter(struct sieve_run *run, const struct sieve_node *node)
{
	(void)decide_filter(run, node);
}

static void take_output(struct sieve_run *run, const struct sieve_node *node,
			int fd)
{
	char *text = sieve_run_alloc(run, SIEVE_VARIABLE_MAX + 4, 1);
	ssize_t n = text ? pread(fd, text, SIEVE_VARIABLE_MAX + 4, 0) : -1;

	if (n >= 0)
		sieve_variable_set(run, node->slots[0],
				   pf_str_mem(text, (size_t)n));
}

static bool decide_execute(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_bound *input = sieve_node_tag(node, "input");
	const struct sieve_bound *output = sieve_node_tag(node, "output");
	struct sieve_program program;
	struct sieve_span text;

	if (!make_program(run, node, SIEVE_PROGRAM_EXECUTE, &program))
		return false;
	if (input) {
		text = (struct sieve_span){
		    .text = sieve_run_string(run, &input->value->strings[0])};
		program.input = &text;
		program.input_count = text.text.n > 0;
	}
	if (sieve_node_tag(node, "pipe") && !give_message(run, &program))
		return false;
	if (output)
		program.output = sieve_content_scratch(run);
	if (run->result->failed || !run_program(run, node, &program))
		return false;
	if (output)
		take_output(run, node, program.output);
	return true;
}

static void execute_execute(struct sieve_run *run,
			    const struct sieve_node *node)
{
	(void)decide_execute(run, node);
}

static const struct sieve_def pipe_defs[] = {
    {.name = "pipe",
     .params = "s?l",
     .usage = "pipe [:copy] [:try] \"program\" [\"argument\", ...];",
     .check = check_program,
     .execute = execute_pipe},
    {0},
};
static const struct sieve_tag pipe_tags[] = {
    {.name = "try", .on = "pipe"},
    {0},
};

static const struct sieve_def filter_defs[] = {
    {.name = "filter",
     .params = "s?l",
     .flags = SIEVE_DEF_SLOW,
     .usage = "filter \"program\" [\"argument\", ...];",
     .check = check_program,
     .execute = execute_filter},
    {.name = "filter",
     .test = true,
     .params = "s?l",
     .flags = SIEVE_DEF_SLOW,
     .usage = "filter \"program\" [\"argument\", ...]",
     .check = check_program,
     .decide = decide_filter},
    {0},
};

static const struct sieve_def execute_defs[] = {
    {.name = "execute",
     .params = "s?l",
     .flags = SIEVE_DEF_SLOW,
     .usage = "execute [:input \"text\" | :pipe] [:output \"variable\"] "
	      "\"program\" [\"argument\", ...];",
     .check = check_program,
     .execute = execute_execute},
    {.name = "execute",
     .test = true,
     .params = "s?l",
     .flags = SIEVE_DEF_SLOW,
     .usage = "execute [:input \"text\" | :pipe] [:output \"variable\"] "
	      "\"program\" [\"argument\", ...]",
     .check = check_program,
     .decide = decide_execute},
    {0},
};
static const struct sieve_tag execute_tags[] = {
    {.name = "input", .on = "execute", .group = "kind of input", .value = 's'},
    {.name = "pipe", .on = "execute", .group = "kind of input"},
    {.name = "output", .on = "execute", .value = 's', .check = check_output},
    {0},
};

const struct sieve_extension sieve_ext_dovecot_pipe = {
    .name = "vnd.dovecot.pipe",
    .offer = SIEVE_PROGRAM_PIPE,
    .defs = pipe_defs,
    .tags = pipe_tags};
const struct sieve_extension sieve_ext_dovecot_filter = {
    .name = "vnd.dovecot.filter",
    .offer = SIEVE_PROGRAM_FILTER,
    .defs = filter_defs};
const struct sieve_extension sieve_ext_dovecot_execute = {
    .name = "vnd.dovecot.execute",
    .offer = SIEVE_PROGRAM_EXECUTE,
    .defs = execute_defs,
    .tags = execute_tags};
