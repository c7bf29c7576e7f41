/*
 * A checked tree to a core program, the only thing that libsieve is given:
 *
 *	if TEST { ... } elsif TEST { ... } else { ... }
 *	stop;		fileinto "7";		do operation 7
 *	anyof(TEST, ...)	not TEST	true	false
 *	exists "t5"					what does test 5 say?
 *
 * allof(a, b) becomes not anyof(not a, not b): it is short-circuited all the
 * same, and some versions of libsieve evaluate the tests of an allof twice.
 *
 * The core has no loops.  A list of commands is cut behind each command that
 * holds a loop: that command becomes the last one of its program, what follows
 * is a program of its own, and so is a loop's body.  run.c keeps the stack of
 * what is still to do:
 *
 *	a; if b { loop { c; } d; } e;
 *
 *	program 0	a; push 1; if b { push 2; loop 3; }
 *	program 1	e;
 *	program 2	d;
 *	program 3	c;
 *
 * So nothing follows where a loop begins, and each command is in one program
 * only.
 *
 * libsieve's parser has a stack of fixed size that grows with the place in a
 * list, so long lists are cut into nested pieces of CHUNK, and what would
 * still not fit is refused here (a chain of 3,000 elsif, for instance).
 */
#include "sieve/lang.h"

enum {
	CHUNK = 64,	     /* commands of a block, tests of an anyof */
	STACK_MAX = 9000,    /* libsieve's has 10000 entries */
	STACK_ITEM = 3,	     /* used by each earlier member of a list */
	STACK_LEVEL = 12,    /* used by each level of nesting */
	CORE_PER_NODE = 96,  /* bytes, generously */
	EXPANSIONS_MAX = 255 /* of included scripts */
};

struct nodes pf_vec(const struct sieve_node *);
struct operations pf_vec(struct sieve_operation);

/* A list of commands that is (or will be) a program */
struct part {
	const struct sieve_node *commands;
	const struct sieve_node *include; /* whose end is its end, or NULL */
	int inside;			  /* how many included scripts */
	struct sieve_place from;	  /* where the main script includes */
	struct pf_str core;
};
struct parts pf_vec(struct part);

struct lowerer {
	struct sieve_compiler *compiler;
	struct pf_buf core;
	struct nodes tests;
	struct operations operations;
	struct parts parts;
	bool loops; /* there is one somewhere */
	int stack_most;
	int inside;
	int expansions;
	struct sieve_place from;
	struct sieve_place deepest;
};

static void note_stack(struct lowerer *lowerer, const struct sieve_node *node,
		       int stack)
{
	if (stack <= lowerer->stack_most)
		return;
	lowerer->stack_most = stack;
	lowerer->deepest = node->at;
}

static void lower_test(struct lowerer *lowerer, const struct sieve_node *node,
		       bool negate, int stack);

static size_t count_nodes(const struct sieve_node *node)
{
	size_t n = 0;

	for (; node; node = node->next)
		n++;
	return n;
}

/* How many members each piece of a list of n gets */
static size_t piece_size(size_t n)
{
	size_t size = 1;

	while (n > size * CHUNK)
		size *= CHUNK;
	return size;
}

/* anyof(...) of the first n tests; returns the one behind them */
static const struct sieve_node *lower_anyof(struct lowerer *lowerer,
					    const struct sieve_node *test,
					    size_t n, bool negate, int stack)
{
	size_t size = piece_size(n);

	pf_buf_add_c(&lowerer->core, "anyof(");
	for (int i = 0; n > 0; i++) {
		size_t part = n < size ? n : size;
		int inner = stack + STACK_LEVEL + i * STACK_ITEM;

		if (i > 0)
			pf_buf_add_c(&lowerer->core, ", ");
		if (part == 1) {
			lower_test(lowerer, test, negate, inner);
			test = test->next;
		} else {
			test = lower_anyof(lowerer, test, part, negate, inner);
		}
		n -= part;
	}
	pf_buf_add_byte(&lowerer->core, ')');
	return test;
}

static void lower_leaf(struct lowerer *lowerer, const struct sieve_node *node)
{
	lowerer->compiler->script->slow |= node->def->flags & SIEVE_DEF_SLOW;
	pf_buf_addf(&lowerer->core, "exists \"t%zu\"", lowerer->tests.n);
	pf_vec_push(&lowerer->tests, node);
}

static void lower_test(struct lowerer *lowerer, const struct sieve_node *node,
		       bool negate, int stack)
{
	note_stack(lowerer, node, stack);
	if (node->truth != SIEVE_OPEN) {
		pf_buf_add_c(&lowerer->core,
			     (node->truth == SIEVE_YES) != negate ? "true"
								  : "false");
		return;
	}
	enum sieve_control control = node->def->control;
	if (control == SIEVE_NOT) {
		lower_test(lowerer, node->tests, !negate, stack);
		return;
	}
	bool all = control == SIEVE_ALLOF;
	if (negate != all)
		pf_buf_add_c(&lowerer->core, "not ");
	if (all || control == SIEVE_ANYOF)
		lower_anyof(lowerer, node->tests, count_nodes(node->tests), all,
			    stack);
	else if (control == SIEVE_TRUE || control == SIEVE_FALSE)
		pf_buf_add_c(&lowerer->core, node->def->name);
	else
		lower_leaf(lowerer, node);
}

static void lower_commands(struct lowerer *lowerer,
			   const struct sieve_node *node,
			   const struct sieve_node *include, int stack);

static bool continues(const struct sieve_node *node)
{
	return node && (node->def->control == SIEVE_ELSIF ||
			node->def->control == SIEVE_ELSE);
}

/* The commands without their require, which the core has no use for */
static struct sieve_node *skip_requires(struct sieve_node *node)
{
	while (node && pf_str_ieq(node->name, PF_STR("require")))
		node = node->next;
	return node;
}

static void add_operation(struct lowerer *lowerer,
			  const struct sieve_node *node, size_t program)
{
	struct sieve_operation operation = {node, program};

	pf_buf_addf(&lowerer->core, "fileinto \"%zu\";\n",
		    lowerer->operations.n);
	pf_vec_push(&lowerer->operations, operation);
}

static void lower_operation(struct lowerer *lowerer,
			    const struct sieve_node *node)
{
	lowerer->compiler->script->slow |= node->def->flags & SIEVE_DEF_SLOW;
	add_operation(lowerer, node, 0);
}

/* Makes the commands a program, and adds the operation that starts it. */
static void lower_apart(struct lowerer *lowerer, const struct sieve_node *node,
			const struct sieve_node *commands,
			const struct sieve_node *include)
{
	struct part part = {.commands = commands,
			    .include = include,
			    .inside = lowerer->inside,
			    .from = lowerer->from};

	add_operation(lowerer, node, lowerer->parts.n);
	pf_vec_push(&lowerer->parts, part);
}

/* What stands behind a return or break goes on being executed, in name only:
 * there a stop must be none, either, so it asks.  And of a program among
 * others only we can stop all. */
static void lower_stop(struct lowerer *lowerer, const struct sieve_node *node,
		       int stack)
{
	if (lowerer->inside == 0 && !lowerer->loops) {
		pf_buf_add_c(&lowerer->core, "stop;\n");
		return;
	}
	note_stack(lowerer, node, stack + STACK_LEVEL);
	pf_buf_add_c(&lowerer->core, "if ");
	lower_leaf(lowerer, node);
	pf_buf_add_c(&lowerer->core, " {\nstop;\n}\n");
}

/* if TEST { the script; and its end }: the test says no for :once. */
static void lower_include(struct lowerer *lowerer,
			  const struct sieve_node *node, int stack)
{
	if (!node->included || lowerer->core.failed)
		return;
	if (lowerer->inside == 0)
		lowerer->from = node->at;
	if (++lowerer->expansions > EXPANSIONS_MAX) {
		if (lowerer->expansions == EXPANSIONS_MAX + 1)
			sieve_error(lowerer->compiler, lowerer->from, NULL,
				    "more than %d scripts are included",
				    EXPANSIONS_MAX);
		return;
	}
	lowerer->inside++;
	pf_buf_add_c(&lowerer->core, "if ");
	lower_leaf(lowerer, node);
	pf_buf_add_c(&lowerer->core, " {\n");
	lower_commands(lowerer, skip_requires(node->included->commands), node,
		       stack + STACK_LEVEL);
	pf_buf_add_c(&lowerer->core, "}\n");
	lowerer->inside--;
}

/* One command, or an if with all its branches; returns the one behind */
static const struct sieve_node *
lower_command(struct lowerer *lowerer, const struct sieve_node *node, int stack)
{
	note_stack(lowerer, node, stack);
	switch (node->def->control) {
	case SIEVE_STOP:
		lower_stop(lowerer, node, stack);
		return node->next;
	case SIEVE_RETURN:
		if (lowerer->inside == 0)
			lower_stop(lowerer, node, stack);
		else
			lower_operation(lowerer, node);
		return node->next;
	case SIEVE_INCLUDE:
		lower_include(lowerer, node, stack);
		return node->next;
	case SIEVE_LOOP:
		lower_apart(lowerer, node, node->block, NULL);
		return node->next;
	case SIEVE_IF:
		break;
	case SIEVE_LEAF:
	case SIEVE_REQUIRE:
	case SIEVE_ELSIF:
	case SIEVE_ELSE:
	case SIEVE_NOT:
	case SIEVE_ANYOF:
	case SIEVE_ALLOF:
	case SIEVE_TRUE:
	case SIEVE_FALSE:
		lower_operation(lowerer, node);
		return node->next;
	}
	do {
		pf_buf_add_c(&lowerer->core, node->def->name);
		if (node->tests) {
			pf_buf_add_byte(&lowerer->core, ' ');
			lower_test(lowerer, node->tests, false,
				   stack + STACK_LEVEL);
		}
		pf_buf_add_c(&lowerer->core, " {\n");
		lower_commands(lowerer, node->block, NULL, stack + STACK_LEVEL);
		pf_buf_add_c(&lowerer->core, "}\n");
		stack += STACK_ITEM;
		node = node->next;
	} while (continues(node));
	return node;
}

/* The first n commands (an if with its branches is one) */
static const struct sieve_node *lower_list(struct lowerer *lowerer,
					   const struct sieve_node *node,
					   size_t n, int stack)
{
	size_t size = piece_size(n);

	for (int i = 0; n > 0; i++) {
		size_t part = n < size ? n : size;
		int inner = stack + i * STACK_ITEM;

		if (part == 1) {
			node = lower_command(lowerer, node, inner);
		} else {
			pf_buf_add_c(&lowerer->core, "if true {\n");
			node = lower_list(lowerer, node, part,
					  inner + STACK_LEVEL);
			pf_buf_add_c(&lowerer->core, "}\n");
		}
		n -= part;
	}
	return node;
}

/* Does this command, with all its branches, hold a loop? */
static bool holds_loop(const struct sieve_node *node)
{
	bool loops = node->loops;

	while (continues(node->next)) {
		node = node->next;
		loops |= node->loops;
	}
	return loops;
}

static void lower_commands(struct lowerer *lowerer,
			   const struct sieve_node *node,
			   const struct sieve_node *include, int stack)
{
	const struct sieve_node *looper = node;
	size_t n = 0;

	while (looper && (continues(looper) || !holds_loop(looper))) {
		n += !continues(looper);
		looper = looper->next;
	}
	node = lower_list(lowerer, node, n, stack);
	if (node) {
		const struct sieve_node *rest = node->next;

		while (continues(rest))
			rest = rest->next;
		if (rest || include)
			lower_apart(lowerer, NULL, rest, include);
		lower_command(lowerer, node,
			      stack + (int)(n < CHUNK ? n + 1 : CHUNK + 1) *
					  STACK_ITEM);
	} else if (include) {
		lower_operation(lowerer, include);
	}
}

/* Each part may add more. */
static void lower_parts(struct lowerer *lowerer)
{
	for (size_t i = 0; i < lowerer->parts.n && !lowerer->core.failed; i++) {
		const struct part *part = &lowerer->parts.v[i];

		lowerer->inside = part->inside;
		lowerer->from = part->from;
		pf_buf_clear(&lowerer->core);
		pf_buf_add_c(&lowerer->core, "require \"fileinto\";\n");
		lower_commands(lowerer, part->commands, part->include, 0);
		pf_buf_add_c(&lowerer->core, "stop;\n"); /* it wants one */
		lowerer->parts.v[i].core = pf_arena_str(
		    lowerer->compiler->arena, pf_buf_str(&lowerer->core));
	}
}

static void *keep(struct sieve_compiler *compiler, const void *v, size_t n,
		  size_t size)
{
	void *kept = pf_arena_array(compiler->arena, n + 1, size);

	if (n > 0)
		memcpy(kept, v, n * size);
	return kept;
}

static void keep_programs(struct sieve_compiler *compiler,
			  const struct parts *parts)
{
	struct pf_str *programs =
	    pf_arena_array(compiler->arena, parts->n, sizeof *programs);

	for (size_t i = 0; i < parts->n; i++)
		programs[i] = parts->v[i].core;
	compiler->script->programs = programs;
	compiler->script->program_count = parts->n;
}

void sieve_lower(struct sieve_compiler *compiler, struct sieve_node *commands)
{
	struct sieve_script *script = compiler->script;
	struct part main = {.commands = skip_requires(commands)};
	struct lowerer lowerer = {
	    .compiler = compiler,
	    .core = PF_BUF_INIT(1024 + (compiler->include_count > 0
					    ? SIEVE_NODES_MAX
					    : compiler->nodes + 1) *
					   CORE_PER_NODE),
	};

	for (const struct sieve_node *c = commands; c; c = c->next)
		lowerer.loops |= c->loops;
	pf_vec_push(&lowerer.parts, main);
	lower_parts(&lowerer);
	if (lowerer.stack_most > STACK_MAX || lowerer.core.failed)
		sieve_error(compiler, lowerer.deepest,
			    "split long elsif chains, nest less",
			    "the script is too complex here");
	script->test_count = lowerer.tests.n;
	script->tests = keep(compiler, lowerer.tests.v, lowerer.tests.n,
			     sizeof *lowerer.tests.v);
	script->operation_count = lowerer.operations.n;
	script->operations =
	    keep(compiler, lowerer.operations.v, lowerer.operations.n,
		 sizeof *lowerer.operations.v);
	keep_programs(compiler, &lowerer.parts);
	pf_vec_release(&lowerer.tests);
	pf_vec_release(&lowerer.operations);
	pf_vec_release(&lowerer.parts);
	pf_buf_release(&lowerer.core);
}
