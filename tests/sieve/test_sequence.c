/* Scripts in a row: what one leaves to the next (sieve.h). */
#include <stdlib.h>

#include "sieve/sieve.h"
#include "tests/tap.h"

#define SCRIPTS_MAX 4

static char said[2000];

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, format);
	vsnprintf(said + n, sizeof said - n, format, ap);
	va_end(ap);
}

static void note_action(const struct sieve_action *a)
{
	static const char *const names[] = {
	    [SIEVE_KEEP] = "keep",	 [SIEVE_FILEINTO] = "fileinto",
	    [SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
	    [SIEVE_REJECT] = "reject",	 [SIEVE_VACATION] = "vacation",
	    [SIEVE_NOTIFY] = "notify",	 [SIEVE_PIPE] = "pipe",
	    [SIEVE_REPORT] = "report",
	};

	note("%s%u:%s%s %.*s%.*s", said[0] ? "; " : "", a->step, names[a->kind],
	     a->implicit ? "!" : "", (int)a->mailbox.n,
	     a->mailbox.p ? a->mailbox.p : "", (int)a->address.n,
	     a->address.p ? a->address.p : "");
	for (size_t i = 0; i < a->flag_count; i++)
		note(" %.*s", (int)a->flags[i].n, a->flags[i].p);
	if (a->header.p)
		note(" +header");
}

static struct sieve_limits limits;

/* The actions of `scripts`, NULL at the end; a leading '!' marks a script of
 * the site. */
static const char *run(const char *const *scripts)
{
	const struct sieve_message message = {
	    .header = PF_STR("From: a@b.test\nSubject: hi\n"),
	    .from = PF_STR("a@b.test"),
	    .to = PF_STR("u@ex.test"),
	    .delimiters = "+",
	};
	struct sieve_step steps[SCRIPTS_MAX] = {0};
	struct sieve_script *owned[SCRIPTS_MAX] = {NULL};
	struct sieve_result result;
	struct pf_error err;
	size_t n = 0;

	said[0] = '\0';
	for (; scripts[n]; n++) {
		steps[n].site = scripts[n][0] == '!';
		if (sieve_compile(pf_str_c(scripts[n] + steps[n].site), NULL,
				  &owned[n], NULL, &err) != PF_OK) {
			printf("# %s\n", err.log);
			abort();
		}
		steps[n].script = owned[n];
	}
	if (sieve_run_sequence(steps, n, &message, &limits, NULL, NULL, &result,
			       &err) != PF_OK)
		note("(%s)", err.log);
	for (size_t i = 0; i < result.count; i++)
		note_action(&result.actions[i]);
	if (result.failed)
		note(" failed");
	if (result.problem[0])
		note(" in %u", result.problem_step);
	sieve_result_release(&result);
	for (size_t i = 0; i < n; i++)
		sieve_script_free(&owned[i]);
	return said;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

#define FILE_X "require \"fileinto\"; fileinto \"X\";"

static void a_keep_goes_on(void)
{
	is_str(RUN("keep;", FILE_X), "1:fileinto X");
	is_str(RUN("", FILE_X, "discard;"), "1:fileinto X");
	is_str(RUN("keep;", "", "keep;"), "2:keep ");
	is_str(RUN("keep;", ""), "1:keep! ");
	is_str(RUN("keep;", "discard;"), "1:discard ");
	is_str(RUN("require [\"fileinto\"]; fileinto \"B\"; keep;", FILE_X),
	       "0:fileinto B; 1:fileinto X");
	is_str(RUN("require [\"fileinto\", \"copy\"]; fileinto :copy \"B\";",
		   FILE_X),
	       "0:fileinto B; 1:fileinto X");
	is_str(RUN("redirect \"a@c.test\"; keep;", ""),
	       "0:redirect a@c.test; 1:keep! ");
	is_str(run((const char *const[]){NULL}), "0:keep! ");
}

static void what_takes_the_message_ends_it(void)
{
	is_str(RUN("discard;", FILE_X), "0:discard ");
	is_str(RUN(FILE_X, "keep;"), "0:fileinto X");
	is_str(RUN("redirect \"a@c.test\";", FILE_X), "0:redirect a@c.test");
}

static void stop_ends_one_script(void)
{
	is_str(RUN("stop; discard;", FILE_X), "1:fileinto X");
	is_str(RUN("keep; stop;", FILE_X), "1:fileinto X");
}

static void flags_and_headers_go_on(void)
{
	is_str(RUN("require \"imap4flags\"; addflag \"\\\\Flagged\";", FILE_X),
	       "1:fileinto X \\Flagged");
	is_str(RUN("require \"imap4flags\"; keep :flags \"\\\\Seen\";", ""),
	       "1:keep! ");
	is_str(RUN("require \"editheader\"; addheader \"X-A\" \"1\";",
		   "require \"fileinto\"; if exists \"x-a\" "
		   "{ fileinto \"A\"; }"),
	       "1:fileinto A +header");
	is_str(RUN("require \"editheader\"; addheader \"X-A\" \"1\";", "", ""),
	       "2:keep!  +header");
}

#define FAILS                                                                  \
	"require [\"fileinto\", \"reject\"]; fileinto \"F\"; reject \"no\";"

static void a_failure_of_the_site_is_skipped(void)
{
	is_str(RUN("!" FAILS, FILE_X), "1:fileinto X in 0");
	is_str(RUN("!" FAILS), "0:keep!  in 0");
	is_str(RUN("keep;", "!" FAILS), "1:keep!  in 1");
}

static void a_failure_of_the_user_keeps(void)
{
	is_str(RUN(FAILS, FILE_X), "0:keep!  failed in 0");
	/* what was done before him stands */
	is_str(RUN("require [\"fileinto\", \"copy\"]; fileinto :copy \"B\";",
		   FAILS, "!discard;"),
	       "0:fileinto B; 1:keep!  failed in 1");
}

static void limits_are_for_all(void)
{
	limits.redirects_max = 1;
	is_str(RUN("redirect \"a@c.test\"; keep;", "redirect \"d@c.test\";"),
	       "0:redirect a@c.test; 1:keep!  failed in 1");
	limits.redirects_max = 4;
}

int main(void)
{
	limits = sieve_default_limits;
	a_keep_goes_on();
	what_takes_the_message_ends_it();
	stop_ends_one_script();
	flags_and_headers_go_on();
	a_failure_of_the_site_is_skipped();
	a_failure_of_the_user_keeps();
	limits_are_for_all();
	return tap_done();
}
