/*
 * A run: libsieve walks the core program, and here is what the tests and
 * operations it names mean for one message.
 *
 * Nothing is done to any mail: operations only add to the list of actions.
 * The first failure (a limit, a conflict, a bad argument) ends the run in
 * effect: everything after it is ignored, and the list becomes one implicit
 * keep (RFC 5228 2.10.6).
 */
#include "sieve/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void sieve_run_fail(struct sieve_run *run, const char *format, ...)
{
	struct sieve_result *result = run->result;
	va_list ap;

	if (result->failed)
		return;
	result->failed = true;
	result->problem_line = run->node ? run->node->at.line : 0;
	result->problem_step = run->step;
	va_start(ap, format);
	vsnprintf(result->problem, sizeof result->problem, format, ap);
	va_end(ap);
	sieve_run_trace(run, "error: %s", result->problem);
}

void sieve_run_trace(struct sieve_run *run, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!run->trace)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	sieve_text_clean(text);
	run->trace(run->trace_arg, run->node ? run->node->at.line : 0, text);
}

bool sieve_run_step(struct sieve_run *run, uint64_t steps)
{
	if (run->result->failed)
		return false;
	if (steps > run->limits.steps_max - run->steps) {
		run->steps = run->limits.steps_max;
		sieve_run_fail(run, "the script does too much work on this "
				    "message");
		return false;
	}
	run->steps += steps;
	return true;
}

void *sieve_run_alloc(struct sieve_run *run, size_t count, size_t size)
{
	void *p = pf_arena_array(run->arena, count, size);

	if (!p)
		sieve_run_fail(run, "the script needs too much memory for "
				    "this message");
	return p;
}

struct pf_str sieve_run_keep(struct sieve_run *run, struct pf_str s)
{
	char *copy = sieve_run_alloc(run, s.n + 1, 1);

	if (!copy)
		return PF_STR("");
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return pf_str_mem(copy, s.n);
}

void *sieve_run_state(struct sieve_run *run,
		      const struct sieve_extension *extension)
{
	size_t i = sieve_extension_index(extension);

	return run->state[i];
}

struct sieve_value sieve_run_value(struct sieve_run *run,
				   const struct sieve_string *string)
{
	if (!string->pieces)
		return string->value;
	return (struct sieve_value){.text =
					sieve_variables_expand(run, string)};
}

struct pf_str sieve_run_string(struct sieve_run *run,
			       const struct sieve_string *string)
{
	return sieve_run_value(run, string).text;
}

/* ---- actions ---- */

static bool is_inbox(struct pf_str mailbox)
{
	return pf_str_ieq(mailbox, PF_STR("INBOX"));
}

static bool same_mailbox(const struct sieve_action *a,
			 const struct sieve_action *b)
{
	struct pf_str inbox = PF_STR("INBOX");
	struct pf_str x = a->kind == SIEVE_KEEP ? inbox : a->mailbox;
	struct pf_str y = b->kind == SIEVE_KEEP ? inbox : b->mailbox;

	return pf_str_eq(x, y) || (is_inbox(x) && is_inbox(y));
}

static bool is_filing(const struct sieve_action *action)
{
	return action->kind == SIEVE_KEEP || action->kind == SIEVE_FILEINTO;
}

/* The same thing twice is done once (RFC 5228 2.10.3). */
static bool is_duplicate(const struct sieve_action *a,
			 const struct sieve_action *b)
{
	if (is_filing(a) && is_filing(b))
		return same_mailbox(a, b);
	if (a->kind != b->kind)
		return false;
	if (a->kind == SIEVE_REPORT)
		return pf_str_ieq(a->handle, b->handle) &&
		       pf_str_ieq(a->address, b->address);
	return a->kind == SIEVE_DISCARD || (a->kind == SIEVE_REDIRECT &&
					    pf_str_ieq(a->address, b->address));
}

static const char *action_name(enum sieve_action_kind kind)
{
	static const char *const names[] = {
	    [SIEVE_KEEP] = "keep",	 [SIEVE_FILEINTO] = "fileinto",
	    [SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
	    [SIEVE_REJECT] = "reject",	 [SIEVE_VACATION] = "vacation",
	    [SIEVE_NOTIFY] = "notify",	 [SIEVE_PIPE] = "pipe",
	    [SIEVE_REPORT] = "report",
	};

	return names[kind];
}

/* A rejected message goes nowhere else (RFC 5429 2.4), and a script answers
 * at most once (RFC 5230 4.7).  Notices go with everything (RFC 5435 7). */
static bool conflicts(const struct sieve_action *a,
		      const struct sieve_action *b)
{
	if (a->kind == SIEVE_DISCARD || b->kind == SIEVE_DISCARD ||
	    a->kind == SIEVE_NOTIFY || b->kind == SIEVE_NOTIFY ||
	    a->kind == SIEVE_REPORT || b->kind == SIEVE_REPORT)
		return false;
	if (a->kind == SIEVE_REJECT || b->kind == SIEVE_REJECT)
		return true;
	return a->kind == SIEVE_VACATION && b->kind == SIEVE_VACATION;
}

/* `to` is filed once; the last flags win (RFC 5232 3). */
static void merge(struct sieve_action *to, const struct sieve_action *from)
{
	to->create |= from->create;
	to->copy &= from->copy;
	to->flags_set |= from->flags_set;
	to->flags = from->flags;
	to->flag_count = from->flag_count;
}

static void describe_action(struct sieve_run *run,
			    const struct sieve_action *action)
{
	struct pf_str what =
	    action->kind == SIEVE_FILEINTO ? action->mailbox
	    : action->kind == SIEVE_REDIRECT || action->kind == SIEVE_REPORT
		? action->address
		: action->reply_to;
	const char *copy = action->copy ? " as a copy" : "";

	switch (action->kind) {
	case SIEVE_KEEP:
		sieve_run_trace(run, action->implicit
					 ? "end of script: implicit keep"
					 : "keep in the inbox");
		break;
	case SIEVE_FILEINTO:
		sieve_run_trace(run, "file into \"%.*s\"%s", (int)what.n,
				what.p, copy);
		break;
	case SIEVE_DISCARD:
		sieve_run_trace(run, "discard");
		break;
	case SIEVE_REDIRECT:
		sieve_run_trace(run, "redirect to %.*s%s", (int)what.n, what.p,
				copy);
		break;
	case SIEVE_REJECT:
		sieve_run_trace(run, "reject: notice to the sender");
		break;
	case SIEVE_VACATION:
		sieve_run_trace(run, "vacation: answer %.*s", (int)what.n,
				what.p);
		break;
	case SIEVE_PIPE:
		sieve_run_trace(run, "pipe to the program \"%.*s\"%s",
				(int)action->program->name.n,
				action->program->name.p, copy);
		break;
	case SIEVE_REPORT:
		sieve_run_trace(run, "report to %.*s", (int)what.n, what.p);
		break;
	case SIEVE_NOTIFY:
		sieve_run_trace(
		    run, "notify %.*s%s", (int)action->mailto->to[0].n,
		    action->mailto->to[0].p,
		    action->mailto->to_count > 1 ? " and others" : "");
		break;
	}
}

/* False when the new action may not stand beside the earlier ones. */
static bool may_add(struct sieve_run *run, const struct sieve_action *action)
{
	struct sieve_result *result = run->result;

	for (size_t i = 0; i < result->count; i++) {
		if (!conflicts(&result->actions[i], action))
			continue;
		sieve_run_fail(run, "%s is not possible after %s (line %d)",
			       action_name(action->kind),
			       action_name(result->actions[i].kind),
			       result->actions[i].line);
		return false;
	}
	if (result->count >= (size_t)run->limits.actions_max) {
		sieve_run_fail(run, "more than %d actions",
			       run->limits.actions_max);
		return false;
	}
	if (action->kind == SIEVE_REDIRECT &&
	    run->redirects++ >= run->limits.redirects_max) {
		sieve_run_fail(run, "more than %d redirects",
			       run->limits.redirects_max);
		return false;
	}
	return true;
}

static void add(struct sieve_run *run, const struct sieve_action *action)
{
	struct sieve_result *result = run->result;

	for (size_t i = 0; i < result->count; i++) {
		if (is_duplicate(&result->actions[i], action)) {
			merge(&result->actions[i], action);
			describe_action(run, action);
			return;
		}
	}
	if (!may_add(run, action))
		return;
	result->actions[result->count++] = *action;
	describe_action(run, action);
}

/* Lets the extensions see an action before it is given. */
void sieve_run_complete(struct sieve_run *run, struct sieve_action *action)
{
	sieve_content_apply(run, action);
	for (size_t i = 0; i < sieve_registry_count; i++) {
		if (run->active[i] && sieve_registry[i]->action)
			sieve_registry[i]->action(run, action);
	}
}

void sieve_run_action(struct sieve_run *run, const struct sieve_node *node,
		      struct sieve_action action)
{
	action.step = run->step;
	action.line = node->at.line;
	if (node->above)
		action.rule_line = node->above->at.line;
	if (node->at.script)
		action.included =
		    run->script->includes[node->at.script - 1].name;
	sieve_run_complete(run, &action);
	for (size_t i = 0; i < node->tag_count; i++) {
		const struct sieve_bound *b = &node->tags[i];

		if (b->tag->apply)
			b->tag->apply(run, b->value, &action);
	}
	if (run->result->failed)
		return;
	if (!action.copy && action.kind != SIEVE_VACATION &&
	    action.kind != SIEVE_NOTIFY)
		run->keeps = false;
	run->kept |= action.kind == SIEVE_KEEP;
	add(run, &action);
}

/* ---- beginning, deciding, ending ---- */

pf_status sieve_result_begin(struct sieve_result *result,
			     const struct sieve_limits *limits,
			     struct pf_error *err)
{
	*result = (struct sieve_result){0};
	pf_arena_init(&result->arena, limits->memory_max);
	/* one more for the implicit keep */
	result->actions = pf_arena_array(
	    &result->arena,
	    (size_t)(limits->actions_max < 1 ? 1 : limits->actions_max) + 1,
	    sizeof *result->actions);
	if (result->actions)
		return PF_OK;
	return pf_error_set(err, PF_LIMIT, NULL,
			    "sieve: memory_max of %zu is too small",
			    limits->memory_max);
}

/* What the script starts with: zeroes, or what one before it has left. */
static bool begin_states(struct sieve_run *run, const struct sieve_run *before)
{
	bool enough = true;

	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_extension *x = sieve_registry[i];
		bool goes_on = before && x->lasting && before->active[i];

		run->active[i] = run->script->required[i] || goes_on;
		if (goes_on) {
			run->state[i] = before->state[i];
		} else if (run->active[i] && x->state_size > 0) {
			run->state[i] =
			    pf_arena_alloc(run->arena, x->state_size);
			enough &= run->state[i] != NULL;
		}
	}
	return enough;
}

pf_status sieve_run_continue(struct sieve_run *run,
			     const struct sieve_run *before,
			     const struct sieve_script *script,
			     const struct sieve_message *message,
			     const struct sieve_limits *limits,
			     sieve_trace_fn trace, void *trace_arg,
			     struct sieve_result *result, struct pf_error *err)
{
	*run = (struct sieve_run){
	    .script = script,
	    .message = message,
	    .limits = *limits,
	    .trace = trace,
	    .trace_arg = trace_arg,
	    .result = result,
	    .arena = &result->arena,
	    .keeps = true,
	    .first_action = result->count,
	    .first_seen = result->seen_count,
	};
	if (run->limits.actions_max < 1)
		run->limits.actions_max = 1;
	if (before) {
		run->steps = before->steps;
		run->redirects = before->redirects;
	}
	pf_arena_init(&run->scratch, limits->memory_max);
	sieve_content_begin(run, before);
	if (begin_states(run, before))
		return PF_OK;
	return pf_error_set(err, PF_LIMIT, NULL,
			    "sieve: memory_max of %zu is too small",
			    limits->memory_max);
}

pf_status sieve_run_begin(struct sieve_run *run,
			  const struct sieve_script *script,
			  const struct sieve_message *message,
			  const struct sieve_limits *limits,
			  sieve_trace_fn trace, void *trace_arg,
			  struct sieve_result *result, struct pf_error *err)
{
	if (!limits)
		limits = &sieve_default_limits;
	*run = (struct sieve_run){.result = result};
	pf_status status = sieve_result_begin(result, limits, err);
	if (status == PF_OK)
		status = sieve_run_continue(run, NULL, script, message, limits,
					    trace, trace_arg, result, err);
	return status;
}

typedef bool (*decide_fn)(struct sieve_run *run, const struct sieve_node *node);

/* The test, or a tag of it that decides instead */
static decide_fn decider(const struct sieve_node *node)
{
	for (size_t i = 0; i < node->tag_count; i++) {
		if (node->tags[i].tag->decide)
			return node->tags[i].tag->decide;
	}
	return node->def->decide;
}

bool sieve_run_decide(struct sieve_run *run, const struct sieve_node *node)
{
	char text[200];

	run->node = node;
	if (!sieve_run_step(run, 1) || run->returning)
		return false;
	bool said = decider(node)(run, node) && !run->result->failed;
	if (run->trace && !run->result->failed) {
		sieve_node_describe(node, text, sizeof text);
		sieve_run_trace(run, "%s: %s", text, said ? "yes" : "no");
	}
	return said;
}

void sieve_run_execute(struct sieve_run *run, const struct sieve_node *node)
{
	run->node = node;
	if (!sieve_run_step(run, 1) ||
	    (run->returning && node->def->control != SIEVE_INCLUDE))
		return;
	node->def->execute(run, node);
}

void sieve_run_end(struct sieve_run *run)
{
	struct sieve_result *result = run->result;
	struct sieve_action keep = {
	    .kind = SIEVE_KEEP, .implicit = true, .step = run->step};

	pf_arena_release(&run->scratch);
	run->node = NULL;
	if (run->keeps && !result->failed)
		sieve_run_complete(run, &keep);
	if (result->failed) {
		keep = (struct sieve_action){
		    .kind = SIEVE_KEEP, .implicit = true, .step = run->step};
		result->count = run->first_action;
		result->seen_count = run->first_seen;
	}
	if (!run->keeps && !result->failed)
		return;
	result->actions[result->count++] = keep;
	describe_action(run, &keep);
}

void sieve_run_abandon(struct sieve_run *run)
{
	static struct sieve_action keep = {.kind = SIEVE_KEEP,
					   .implicit = true};

	pf_arena_release(&run->scratch);
	run->node = NULL;
	sieve_run_fail(run, "internal error");
	run->result->actions = &keep;
	run->result->count = 1;
}

pf_status sieve_run(const struct sieve_script *script,
		    const struct sieve_message *message,
		    const struct sieve_limits *limits, sieve_trace_fn trace,
		    void *trace_arg, struct sieve_result *result,
		    struct pf_error *err)
{
	const struct sieve_step step = {.script = script};

	return sieve_run_sequence(&step, 1, message, limits, trace, trace_arg,
				  result, err);
}

void sieve_result_release(struct sieve_result *result)
{
	for (size_t i = 0; i < result->scratch_count; i++)
		close(result->scratch[i]);
	pf_arena_release(&result->arena);
	*result = (struct sieve_result){0};
}
