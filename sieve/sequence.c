/*
 * Scripts in a row: the site's before, the user's, the site's after (see
 * sieve.h).  Each is a run of its own; all write to one list of actions.
 */
#include "sieve/run.h"

struct sequence {
	const struct sieve_message *message;
	struct sieve_result *result;
	struct sieve_run run;
	struct sieve_run before; /* the last one that did not fail */
	bool has_before;
};

/* The keep of a script that another one follows is that one's to decide. */
static void drop_keep(struct sequence *s)
{
	struct sieve_result *result = s->result;
	size_t n = s->run.first_action;

	for (size_t i = n; i < result->count; i++) {
		if (result->actions[i].kind != SIEVE_KEEP)
			result->actions[n++] = result->actions[i];
	}
	result->count = n;
}

/* It has failed, and the mail goes on without it. */
static void forget(struct sequence *s)
{
	s->result->failed = false;
	s->result->count = s->run.first_action;
	s->result->seen_count = s->run.first_seen;
	s->run.keeps = true;
	sieve_content_begin(&s->run, s->has_before ? &s->before : NULL);
	for (size_t i = 0; i < sieve_registry_count; i++)
		s->run.active[i] = s->has_before && s->before.active[i] &&
				   sieve_registry[i]->lasting;
}

/* False: nothing is left for the next script to decide. */
static bool go_on(struct sequence *s, const struct sieve_step *step)
{
	if (s->result->failed && step->site) {
		forget(s);
		return true;
	}
	return !s->result->failed && (s->run.keeps || s->run.kept);
}

static void pass_on(struct sequence *s)
{
	drop_keep(s);
	sieve_content_pass(&s->run);
	pf_arena_release(&s->run.scratch);
	s->before = s->run;
	s->has_before = true;
}

static pf_status begin(struct sequence *s, const struct sieve_step *step,
		       unsigned number, const struct sieve_limits *limits,
		       sieve_trace_fn trace, void *trace_arg,
		       struct pf_error *err)
{
	pf_status status = sieve_run_continue(
	    &s->run, s->has_before ? &s->before : NULL, step->script,
	    s->message, limits, trace, trace_arg, s->result, err);

	s->run.step = number;
	if (status == PF_OK && step->name)
		sieve_run_trace(&s->run, "script %s", step->name);
	return status;
}

pf_status sieve_run_sequence(const struct sieve_step *steps, size_t count,
			     const struct sieve_message *message,
			     const struct sieve_limits *limits,
			     sieve_trace_fn trace, void *trace_arg,
			     struct sieve_result *result, struct pf_error *err)
{
	struct sequence s = {.message = message, .result = result};
	pf_status status;

	if (!limits)
		limits = &sieve_default_limits;
	s.run.result = result;
	s.run.message = message;
	sieve_content_begin(&s.run, NULL);
	s.run.keeps = true; /* what no script at all would say */
	status = sieve_result_begin(result, limits, err);
	for (size_t i = 0; status == PF_OK && i < count; i++) {
		status = begin(&s, &steps[i], (unsigned)i, limits, trace,
			       trace_arg, err);
		if (status == PF_OK)
			status = sieve_run_walk(&s.run, err);
		if (status != PF_OK || !go_on(&s, &steps[i]) || i + 1 == count)
			break;
		pass_on(&s);
	}
	if (status == PF_OK)
		sieve_run_end(&s.run);
	else
		sieve_run_abandon(&s.run);
	return status;
}
