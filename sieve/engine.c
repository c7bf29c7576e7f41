/*
 * libsieve, and everything we know about it.
 *
 * It sees core programs of ours only (lower.c), never a user's script and
 * never a message: its parsers do not survive those.  It asks getheader for
 * "t5" when it wants to know test 5, in the order of evaluation and only as
 * far as needed, and calls fileinto with "7" to have operation 7 done.
 *
 * - One context at a time in a process: its scanners keep state outside of
 *   the context.  Hence the mutex; a run costs about 1 us per command.
 * - A new context for each run: a used one may keep parts of the last script.
 * - Parse errors do not show in its return value, only in err_parse.
 * - It gives callbacks no way to end a run: after a failure ours do nothing.
 */
#include <stddef.h> /* for sieve2_error.h, which forgets it */
#include <sieve2.h>

#include <pthread.h>
#include <stdio.h>

#include "sieve/run.h"

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct engine {
	const char *core;
	const struct sieve_engine_calls *calls;
	void *arg;
	char problem[200];
};

/* Its functions take char * for what they only read. */
static char *unconst(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void complain(struct engine *engine, sieve2_context_t *context,
		     const char *kind)
{
	const char *message =
	    sieve2_getvalue_string(context, unconst("message"));

	if (!engine->problem[0])
		snprintf(engine->problem, sizeof engine->problem, "%s: %s",
			 kind, message ? message : "no message");
}

static int on_parse_error(sieve2_context_t *context, void *arg)
{
	complain(arg, context, "parse error");
	return SIEVE2_OK;
}

static int on_run_error(sieve2_context_t *context, void *arg)
{
	complain(arg, context, "run-time error");
	return SIEVE2_OK;
}

static int on_script(sieve2_context_t *context, void *arg)
{
	struct engine *engine = arg;

	return sieve2_setvalue_string(context, unconst("script"),
				      unconst(engine->core));
}

/* exists "t5": no is what it takes for a message without that field. */
static int on_header(sieve2_context_t *context, void *arg)
{
	static char one[] = "1";
	static char *yes[] = {one, NULL};
	struct engine *engine = arg;
	struct pf_str name =
	    pf_str_c(sieve2_getvalue_string(context, unconst("header")));
	uint64_t n;

	if (name.n < 2 || !pf_str_u64(pf_str_from(name, 1), SIZE_MAX, &n))
		return SIEVE2_ERROR_INTERNAL;
	if (!engine->calls->decide(engine->arg, (size_t)n))
		return SIEVE2_ERROR_HEADER;
	return sieve2_setvalue_stringlist(context, unconst("body"), yes);
}

static int on_fileinto(sieve2_context_t *context, void *arg)
{
	struct engine *engine = arg;
	struct pf_str name =
	    pf_str_c(sieve2_getvalue_string(context, unconst("mailbox")));
	uint64_t n;

	if (!pf_str_u64(name, SIZE_MAX, &n))
		return SIEVE2_ERROR_INTERNAL;
	engine->calls->execute(engine->arg, (size_t)n);
	return SIEVE2_OK;
}

/* Its own keep, and what else it insists on having: not ours to use */
static int on_nothing(sieve2_context_t *context, void *arg)
{
	(void)context;
	(void)arg;
	return SIEVE2_OK;
}

static sieve2_callback_t callbacks[] = {
    {SIEVE2_ERRCALL_PARSE, on_parse_error},
    {SIEVE2_ERRCALL_RUNTIME, on_run_error},
    {SIEVE2_SCRIPT_GETSCRIPT, on_script},
    {SIEVE2_MESSAGE_GETHEADER, on_header},
    {SIEVE2_MESSAGE_GETSIZE, on_nothing},
    {SIEVE2_ACTION_FILEINTO, on_fileinto},
    {SIEVE2_ACTION_KEEP, on_nothing},
    {SIEVE2_ACTION_REDIRECT, on_nothing},
    {SIEVE2_VALUE_FIRST, NULL},
};

pf_status sieve_engine_run(struct pf_str core,
			   const struct sieve_engine_calls *calls, void *arg,
			   struct pf_error *err)
{
	struct engine engine = {.core = core.p, .calls = calls, .arg = arg};
	sieve2_context_t *context = NULL;

	pthread_mutex_lock(&one_at_a_time);
	int code = sieve2_alloc(&context);
	if (code == SIEVE2_OK)
		code = sieve2_callbacks(context, callbacks);
	if (code == SIEVE2_OK)
		code = sieve2_execute(context, &engine);
	if (context)
		sieve2_free(&context);
	pthread_mutex_unlock(&one_at_a_time);
	if (code == SIEVE2_OK && !engine.problem[0])
		return PF_OK;
	return pf_error_set(
	    err, PF_INTERNAL, NULL, "libsieve: %s (code %d)",
	    engine.problem[0] ? engine.problem : sieve2_errstr(code), code);
}
