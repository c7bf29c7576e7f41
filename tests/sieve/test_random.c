/*
 * The oracle: random scripts run twice, by libsieve over the lowered core,
 * and by walking the tree.  Both must take the same decisions in the same
 * order and give the same actions.  What a test says depends on flags that
 * earlier commands set, so that a decision too many or too few shows.
 *
 * SIEVE_RANDOM_COUNT (default 400) and SIEVE_RANDOM_SEED choose the scripts.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sieve/run.h"
#include "tests/tap.h"

static uint64_t state;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

/* ---- the reference evaluator ---- */

static bool walk_test(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_node *t = node->tests;

	switch (node->def->control) {
	case SIEVE_TRUE:
		return true;
	case SIEVE_FALSE:
		return false;
	case SIEVE_NOT:
		return !walk_test(run, t);
	case SIEVE_ANYOF:
		while (t && !walk_test(run, t))
			t = t->next;
		return t != NULL;
	case SIEVE_ALLOF:
		while (t && walk_test(run, t))
			t = t->next;
		return t == NULL;
	case SIEVE_LEAF:
	case SIEVE_INCLUDE:
	case SIEVE_RETURN:
	case SIEVE_REQUIRE:
	case SIEVE_IF:
	case SIEVE_ELSIF:
	case SIEVE_ELSE:
	case SIEVE_STOP:
	case SIEVE_LOOP:
		break;
	}
	return sieve_run_decide(run, node);
}

enum how {
	WENT_ON,
	BROKE,
	STOPPED
};

static enum how walk(struct sieve_run *run, const struct sieve_node *node);

static enum how walk_loop(struct sieve_run *run, const struct sieve_node *node)
{
	const struct mime_part *outer = run->part, *part = NULL;
	enum how how = WENT_ON;

	while (how == WENT_ON &&
	       (part = sieve_content_next(run, outer, part))) {
		run->part = part;
		how = walk(run, node->block);
	}
	run->part = outer;
	return how == STOPPED ? STOPPED : WENT_ON;
}

static bool has_loops(const struct sieve_node *node)
{
	bool loops = false;

	for (; node; node = node->next)
		loops |= node->loops;
	return loops;
}

static enum how walk(struct sieve_run *run, const struct sieve_node *node)
{
	bool taken = false;
	enum how how;

	for (; node; node = node->next) {
		enum sieve_control control =
		    node->def ? node->def->control : SIEVE_REQUIRE;

		if (control == SIEVE_STOP) {
			if (has_loops(run->script->commands))
				sieve_run_decide(run, node);
			return STOPPED;
		}
		if (control == SIEVE_LEAF)
			sieve_run_execute(run, node);
		if (control == SIEVE_LEAF &&
		    pf_str_eq(node->name, PF_STR("break")))
			return BROKE;
		if (control == SIEVE_LOOP && walk_loop(run, node) == STOPPED)
			return STOPPED;
		if (control == SIEVE_IF)
			taken = false;
		if ((control != SIEVE_IF && control != SIEVE_ELSIF &&
		     control != SIEVE_ELSE) ||
		    taken)
			continue;
		taken = control == SIEVE_ELSE || walk_test(run, node->tests);
		how = taken ? walk(run, node->block) : WENT_ON;
		if (how != WENT_ON)
			return how;
	}
	return WENT_ON;
}

/* ---- random scripts ---- */

static const char *const types[] = {"multipart/mixed", "text/plain",
				    "image/gif", "text/html"};
static int loops; /* around what is being made */

static void add_test(struct pf_buf *to, unsigned depth)
{
	unsigned n = 1 + below(4);

	switch (below(depth ? 9 : 5)) {
	case 0:
		pf_buf_add_c(to, below(2) ? "true" : "false");
		return;
	case 1:
		pf_buf_addf(to,
			    "header :mime :contenttype \"content-type\" "
			    "\"%s\"",
			    types[below(4)]);
		return;
	case 5:
	case 6:
	case 7:
		pf_buf_add_c(to, below(2) ? "allof(" : "anyof(");
		for (unsigned i = 0; i < n; i++) {
			pf_buf_add_c(to, i ? ",\n" : "");
			add_test(to, depth - 1);
		}
		pf_buf_add_c(to, ")");
		return;
	case 8:
		pf_buf_add_c(to, "not ");
		add_test(to, depth - 1);
		return;
	default:
		pf_buf_addf(to, "hasflag \"f%u\"", below(6));
	}
}

static void add_commands(struct pf_buf *to, unsigned depth, unsigned n)
{
	while (n-- > 0) {
		switch (below(depth ? 14 : 7)) {
		case 12:
		case 13:
			if (loops >= 3)
				break;
			loops++;
			pf_buf_add_c(to, "foreverypart {\n");
			add_commands(to, depth - 1, 1 + below(4));
			pf_buf_add_c(to, "}\n");
			loops--;
			break;
		case 7:
			if (loops > 0 && below(2))
				pf_buf_add_c(to, "break;\n");
			break;
		case 0:
			if (below(8) == 0) {
				pf_buf_add_c(to, "stop;\n");
				break;
			}
			pf_buf_addf(to, "fileinto \"m%u\";\n", below(20));
			break;
		case 1:
		case 2:
		case 3:
			pf_buf_addf(to, "addflag \"f%u\";\n", below(6));
			break;
		case 4:
		case 5:
		case 6:
			pf_buf_addf(to, "removeflag \"f%u\";\n", below(6));
			break;
		default:
			pf_buf_add_c(to, "if ");
			add_test(to, depth);
			pf_buf_add_c(to, " {\n");
			add_commands(to, depth - 1, below(4));
			for (unsigned k = below(4); k > 0; k--) {
				pf_buf_add_c(to, "} elsif ");
				add_test(to, depth);
				pf_buf_add_c(to, " {\n");
				add_commands(to, depth - 1, below(3));
			}
			if (below(2)) {
				pf_buf_add_c(to, "} else {\n");
				add_commands(to, depth - 1, below(3));
			}
			pf_buf_add_c(to, "}\n");
		}
	}
}

/* ---- comparing ---- */

static void on_trace(void *arg, int line, const char *text)
{
	pf_buf_addf(arg, "%d %s\n", line, text);
}

static void show(struct pf_buf *log, const struct sieve_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *a = &result->actions[i];

		pf_buf_addf(log, "%d %d %d %.*s", a->kind, a->line,
			    (int)a->flag_count, (int)a->mailbox.n,
			    a->mailbox.p ? a->mailbox.p : "");
		for (size_t k = 0; k < a->flag_count; k++)
			pf_buf_add_str(log, a->flags[k]);
		pf_buf_add_byte(log, '\n');
	}
}

static const char mail[] = "Content-Type: multipart/mixed; boundary=b\n\n"
			   "--b\nContent-Type: multipart/mixed; boundary=c\n\n"
			   "--c\nContent-Type: text/html\n\nx\n"
			   "--c\nContent-Type: text/plain\n\nx\n--c--\n"
			   "--b\nContent-Type: image/gif\n\nx\n--b--\n";
static int mail_file = -1;

static int file(void *arg)
{
	(void)arg;
	return mail_file;
}

static const struct sieve_message message = {
    .header = {mail, sizeof mail - 1}, .delimiters = "+", .file = file};

static void run_reference(const struct sieve_script *script, struct pf_buf *log)
{
	struct sieve_result result;
	struct sieve_run run;
	struct pf_error err;

	if (sieve_run_begin(&run, script, &message, NULL, on_trace, log,
			    &result, &err) == PF_OK) {
		(void)walk(&run, script->commands);
		sieve_run_end(&run);
	}
	show(log, &result);
	sieve_result_release(&result);
}

static void run_libsieve(const struct sieve_script *script, struct pf_buf *log)
{
	struct sieve_result result;
	struct pf_error err;

	if (sieve_run(script, &message, NULL, on_trace, log, &result, &err) !=
	    PF_OK)
		pf_buf_addf(log, "internal: %s\n", err.log);
	show(log, &result);
	sieve_result_release(&result);
}

/* True when both agree; says how much happened. */
static bool agrees(struct pf_str text, size_t *events)
{
	struct sieve_script *script = NULL;
	struct sieve_problems problems = {0};
	struct pf_buf one = PF_BUF_INIT(16 << 20), two = PF_BUF_INIT(16 << 20);
	struct pf_error err;
	bool same = false;

	if (sieve_compile(text, NULL, &script, &problems, &err) == PF_OK) {
		run_reference(script, &one);
		run_libsieve(script, &two);
		same = one.len > 0 &&
		       pf_str_eq(pf_buf_str(&one), pf_buf_str(&two));
		for (size_t i = 0; i < one.len; i++)
			*events += one.data[i] == '\n';
	} else {
		printf("# %s\n", err.log);
	}
	sieve_script_free(&script);
	pf_vec_release(&problems);
	pf_buf_release(&one);
	pf_buf_release(&two);
	return same;
}

static const char head[] = "require [\"fileinto\", \"imap4flags\", "
			   "\"foreverypart\", \"mime\"];\n";

static void random_scripts_run_alike(unsigned count, uint64_t seed)
{
	size_t events = 0;

	for (unsigned i = 0; i < count; i++) {
		struct pf_buf text = PF_BUF_INIT(16 << 20);

		state = seed + i * 0x9e3779b97f4a7c15u + 1;
		pf_buf_add_c(&text, head);
		add_commands(&text, 4, 1 + below(12));
		if (!tap_check(agrees(pf_buf_str(&text), &events),
			       "seed %llu, script %u", (unsigned long long)seed,
			       i))
			printf("%s\n", text.data);
		pf_buf_release(&text);
	}
	tap_check(events > count, "only %zu events", events);
	printf("# %u scripts, %zu events\n", count, events);
}

/* Longer than one of libsieve's lists may be: they are cut (lower.c). */
static void long_lists_run_alike(void)
{
	struct pf_buf text = PF_BUF_INIT(16 << 20);
	size_t events = 0;

	pf_buf_add_c(&text, head);
	for (int i = 0; i < 12000; i++)
		pf_buf_addf(&text, "%sflag \"f%d\";\n",
			    i % 3 ? "add" : "remove", i % 7);
	pf_buf_add_c(&text, "if anyof(");
	for (int i = 0; i < 4000; i++)
		pf_buf_addf(&text, "hasflag \"g%d\", ", i);
	pf_buf_add_c(&text, "true) { keep; }\nif not allof(");
	for (int i = 0; i < 4000; i++)
		pf_buf_addf(&text, "not hasflag \"g%d\", ", i);
	pf_buf_add_c(&text, "hasflag \"f1\") { fileinto \"x\"; }\n");
	ok(agrees(pf_buf_str(&text), &events));
	ok(events > 12000 + 4000 + 4000);
	pf_buf_release(&text);
}

static void long_chains_run_alike(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	size_t events = 0;

	pf_buf_add_c(&text, head);
	pf_buf_add_c(&text, "if false {}\n");
	for (int i = 0; i < 2900; i++)
		pf_buf_addf(&text, "elsif hasflag \"g%d\" {}\n", i);
	pf_buf_add_c(&text, "else { fileinto \"y\"; }\n");
	ok(agrees(pf_buf_str(&text), &events));
	is_int(events, 2900 + 2);
	pf_buf_release(&text);
}

static void deep_nesting_runs_alike(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	size_t events = 0;

	pf_buf_add_c(&text, head);
	for (int i = 0; i < 15; i++)
		pf_buf_add_c(&text, "addflag \"f1\"; if not false {\n");
	pf_buf_add_c(&text, "if ");
	for (int i = 0; i < 14; i++)
		pf_buf_add_c(&text, i % 2 ? "anyof(hasflag \"g\", "
					  : "allof(hasflag \"f1\", ");
	pf_buf_add_c(&text, "hasflag \"f1\"");
	for (int i = 0; i < 14; i++)
		pf_buf_add_c(&text, ")");
	pf_buf_add_c(&text, " { keep; }");
	for (int i = 0; i < 15; i++)
		pf_buf_add_c(&text, "}\n");
	ok(agrees(pf_buf_str(&text), &events));
	ok(events > 20);
	pf_buf_release(&text);
}

int main(void)
{
	const char *count = getenv("SIEVE_RANDOM_COUNT");
	const char *seed = getenv("SIEVE_RANDOM_SEED");

	mail_file = memfd_create("message", 0);
	ok(mail_file >= 0 && write(mail_file, mail, sizeof mail - 1) > 0);
	random_scripts_run_alike(count ? (unsigned)atoi(count) : 400,
				 seed ? strtoull(seed, NULL, 10) : 1);
	long_lists_run_alike();
	long_chains_run_alike();
	deep_nesting_runs_alike();
	return tap_done();
}
