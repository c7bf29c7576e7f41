/*
 * The programs of a script, one after the other (lower.c says how it is cut).
 *
 * A stack holds what is still to do.  Its top is a program, which libsieve
 * runs once, or a loop, which puts its body on top for each part.  A program
 * puts down what comes after it before it reaches the command that holds a
 * loop; when that loop is over, this is on top again.
 *
 * A test or command that takes long (it starts a program of the site's) must
 * not keep other runs of this process from libsieve.  There the run ends in
 * name only, the work is done, and libsieve runs the same program once more:
 * what was decided and done before is only repeated to it.
 */
#include "sieve/run.h"

#include "mime/mime.h"

enum {
	TURN_STEPS = 100, /* of a loop */
	FRAMES_MAX = 10000
};

static const struct sieve_node *node_of(const struct sieve_run *run,
					size_t test)
{
	return test < run->script->test_count ? run->script->tests[test] : NULL;
}

/* Is the answer known?  Else: may there be one now? */
static bool said_before(struct sieve_run *run, bool *said)
{
	if (run->said_again >= run->said.n)
		return false;
	*said = run->said.v[run->said_again++];
	return true;
}

static void remember(struct sieve_run *run, bool said)
{
	if (!run->script->slow || run->result->failed)
		return;
	pf_vec_push(&run->said, said);
	run->said_again = run->said.n;
}

static bool on_decide(void *arg, size_t test)
{
	struct sieve_run *run = arg;
	const struct sieve_node *node = node_of(run, test);
	bool said = false;

	if (!node || said_before(run, &said) || run->skipping || run->waiting)
		return said;
	if ((node->def->flags & SIEVE_DEF_SLOW) && !run->returning) {
		run->waiting = node;
		return false;
	}
	said = sieve_run_decide(run, node);
	remember(run, said);
	return said;
}

static void push(struct sieve_run *run, struct sieve_frame frame)
{
	if (run->frames.n >= FRAMES_MAX)
		sieve_run_fail(run, "the script is nested too deeply");
	else
		pf_vec_push(&run->frames, frame);
}

static void begin_loop(struct sieve_run *run,
		       const struct sieve_operation *operation)
{
	struct sieve_frame frame = {.program = operation->program,
				    .loop = operation->node,
				    .scope = run->part};

	run->node = operation->node;
	if (!run->returning && sieve_run_step(run, 1))
		push(run, frame);
}

static void on_execute(void *arg, size_t number)
{
	struct sieve_run *run = arg;
	bool said;

	if (number >= run->script->operation_count || said_before(run, &said) ||
	    run->skipping || run->waiting || run->result->failed)
		return;
	const struct sieve_operation *operation =
	    &run->script->operations[number];
	const struct sieve_node *node = operation->node;
	if (!node)
		push(run, (struct sieve_frame){.program = operation->program});
	else if (node->def->control == SIEVE_LOOP)
		begin_loop(run, operation);
	else if ((node->def->flags & SIEVE_DEF_SLOW) && !run->returning)
		run->waiting = node;
	else
		sieve_run_execute(run, node);
	if (!run->waiting)
		remember(run, true);
}

static pf_status run_program(struct sieve_run *run, size_t program,
			     struct pf_error *err)
{
	static const struct sieve_engine_calls calls = {on_decide, on_execute};
	pf_status status;

	run->skipping = false;
	run->said.n = 0;
	do {
		const struct sieve_node *waiting;

		run->said_again = 0;
		run->waiting = NULL;
		status = sieve_engine_run(run->script->programs[program],
					  &calls, run, err);
		waiting = run->waiting;
		if (!waiting || status != PF_OK)
			break;
		if (waiting->def->test) {
			remember(run, sieve_run_decide(run, waiting));
		} else {
			sieve_run_execute(run, waiting);
			remember(run, true);
		}
	} while (!run->result->failed);
	return status;
}

/* The part of the innermost loop that is going on */
static const struct mime_part *current_part(const struct sieve_run *run)
{
	for (size_t i = run->frames.n; i-- > 0;) {
		if (run->frames.v[i].loop)
			return run->frames.v[i].part;
	}
	return NULL;
}

/* False: there is none any more. */
static bool next_turn(struct sieve_run *run, struct sieve_frame *frame)
{
	if (run->returning || !sieve_run_step(run, TURN_STEPS))
		return false;
	run->node = frame->loop;
	frame->part = sieve_content_next(run, frame->scope, frame->part);
	return frame->part != NULL;
}

pf_status sieve_run_walk(struct sieve_run *run, struct pf_error *err)
{
	pf_status status = PF_OK;

	push(run, (struct sieve_frame){0});
	while (status == PF_OK && run->frames.n > 0 && !run->result->failed &&
	       !run->stopped) {
		struct sieve_frame *top = &run->frames.v[run->frames.n - 1];
		size_t program = top->program;

		if (!top->loop) {
			run->frames.n--;
			run->part = current_part(run);
			status = run_program(run, program, err);
		} else if (next_turn(run, top)) {
			push(run, (struct sieve_frame){.program = program});
		} else {
			run->frames.n--;
		}
	}
	run->part = NULL;
	pf_vec_release(&run->frames);
	pf_vec_release(&run->said);
	return status;
}

void sieve_run_break(struct sieve_run *run, const struct sieve_node *loop)
{
	while (run->frames.n > 0) {
		const struct sieve_frame *top = &run->frames.v[--run->frames.n];

		if (top->loop == loop)
			break;
	}
	run->skipping = true;
}
