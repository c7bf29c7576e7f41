/* What the data files cannot say: the core, limits, hints, trace, threads. */
#include <pthread.h>
#include <stdlib.h>

#include "sieve/lang.h"
#include "tests/tap.h"

static struct sieve_problems problems;
static struct pf_error err;

static struct sieve_script *compile_text(struct pf_str text,
					 const struct sieve_limits *limits)
{
	struct sieve_script *script = NULL;

	problems.n = 0;
	if (sieve_compile(text, limits, &script, &problems, &err) != PF_OK)
		return NULL;
	return script;
}

static struct sieve_script *compile(const char *text)
{
	return compile_text(pf_str_c(text), NULL);
}

static const char header[] = "From: a@example.org\nTo: u@example.com\n"
			     "Subject: hello\n\n";

static struct sieve_message make_message(void)
{
	return (struct sieve_message){.header = pf_str_c(header),
				      .from = PF_STR("a@example.org"),
				      .to = PF_STR("u@example.com"),
				      .user = PF_STR("u"),
				      .delimiters = "+"};
}

/* Each that is announced may be required. */
static void lists_extensions(void)
{
	struct pf_str rest = pf_str_c(sieve_extensions(0)), name;
	int n = 0;

	while (pf_str_split(&rest, ' ', &name)) {
		struct sieve_script *script = NULL;
		char text[100];

		snprintf(text, sizeof text, "require \"%.*s\";", (int)name.n,
			 name.p);
		tap_check(sieve_compile(pf_str_c(text), NULL, &script, NULL,
					NULL) == PF_OK,
			  "%s", text);
		sieve_script_free(&script);
		n++;
	}
	ok(n >= 30);
	ok(sieve_word_in(PF_STR("foreverypart"), sieve_extensions(0)));
	ok(!sieve_word_in(PF_STR("imapflags"), sieve_extensions(0)));
}

/* docs/man/penfold-sieve.7 */
static void manual_names_every_extension(void)
{
	struct pf_str rest = pf_str_c(sieve_extensions(~0u)), name;
	const char *src = getenv("PF_SRCDIR");
	static char text[1 << 16];
	char path[4096];
	FILE *file;
	size_t n = 0;

	snprintf(path, sizeof path, "%s/docs/man/penfold-sieve.7",
		 src ? src : ".");
	file = fopen(path, "r");
	ok(file != NULL);
	if (file) {
		n = fread(text, 1, sizeof text - 1, file);
		fclose(file);
	}
	text[n] = 0;
	while (pf_str_split(&rest, ' ', &name)) {
		char word[100];

		snprintf(word, sizeof word, "%.*s", (int)name.n, name.p);
		tap_check(strstr(text, word) != NULL, "%s", word);
	}
}

static void core_has_no_allof_and_no_user_text(void)
{
	struct sieve_script *script = compile(
	    "require \"fileinto\";\n"
	    "if allof(header \"a\" \"\\\"}; stop\", not exists \"b\") {\n"
	    "fileinto \"x\"; } else { stop; }\n");

	ok(script != NULL);
	is_mem(sieve_script_core(script).p, sieve_script_core(script).n,
	       "require \"fileinto\";\n"
	       "if not anyof(not exists \"t0\", exists \"t1\") {\n"
	       "fileinto \"0\";\n"
	       "}\n"
	       "else {\n"
	       "stop;\n"
	       "}\n"
	       "stop;\n");
	sieve_script_free(&script);
}

static void leaves_includes_to_others(void)
{
	struct sieve_script *script =
	    compile("require \"include\"; include \"a\"; keep;");

	ok(script != NULL);
	is_int(problems.n, 1);
	ok(problems.n == 1 && problems.v[0].warning);
	sieve_script_free(&script);
}

static void gives_hints(void)
{
	ok(!compile("require \"imap4flag\"; kep; if haeder \"a\" \"b\" {}\n"
		    "fileinto \"x\"; keep :flgs \"a\";"));
	is_int(problems.n, 5);
	is_str(problems.v[0].hint, "did you mean imap4flags?");
	is_str(problems.v[1].hint, "did you mean keep?");
	is_str(problems.v[2].hint, "did you mean header?");
	is_str(problems.v[3].hint, "put require \"fileinto\"; at the top");
	is_str(problems.v[4].hint, "did you mean :flags?");
}

static void refuses_what_is_too_large(void)
{
	struct sieve_limits limits = sieve_default_limits;

	limits.script_max = 10;
	ok(!compile_text(PF_STR("keep; # long"), &limits));
	is_int(problems.n, 1);
	struct sieve_script *script = compile_text(PF_STR("keep; #"), &limits);
	ok(script != NULL);
	sieve_script_free(&script);
}

static void refuses_what_is_too_deep(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);

	for (int i = 0; i < 100000; i++)
		pf_buf_add_c(&text, "if true {");
	ok(!compile_text(pf_buf_str(&text), NULL));
	pf_buf_clear(&text);
	pf_buf_add_c(&text, "if ");
	for (int i = 0; i < 100000; i++)
		pf_buf_add_c(&text, "not ");
	ok(!compile_text(pf_buf_str(&text), NULL));
	ok(strstr(problems.v[0].text, "more than 32 levels") != NULL);
	pf_buf_release(&text);
}

static void refuses_too_many_commands_and_long_chains(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);

	for (int i = 0; i < 100000; i++)
		pf_buf_add_c(&text, "keep;");
	ok(!compile_text(pf_buf_str(&text), NULL));
	is_str(problems.v[0].text,
	       "the script has more than 50000 commands and tests");
	pf_buf_clear(&text);
	pf_buf_add_c(&text, "if true {}");
	for (int i = 0; i < 5000; i++)
		pf_buf_add_c(&text, "elsif true {}");
	ok(!compile_text(pf_buf_str(&text), NULL));
	is_str(problems.v[0].text, "the script is too complex here");
	pf_buf_release(&text);
}

/* and says so, not that what was cut has faults */
static void says_that_there_are_too_many(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);

	for (int i = 0; i < 10000; i++)
		pf_buf_add_c(&text, "if header \"a\" \"b\" { redirect "
				    "\"a@b.c\"; }\n");
	ok(!compile_text(pf_buf_str(&text), NULL));
	is_int(problems.n, 1);
	is_str(problems.v[0].text,
	       "the script has more than 50000 commands and tests");
	pf_buf_release(&text);
}

static void reports_at_most_a_hundred_problems(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);

	for (int i = 0; i < 40000; i++)
		pf_buf_add_c(&text, "requirx;");
	ok(!compile_text(pf_buf_str(&text), NULL));
	is_int(problems.n, 100);
	pf_buf_release(&text);
}

/* A pattern that tries backtracking, on a value that never matches */
static void matches_in_linear_time(void)
{
	struct pf_buf mail = PF_BUF_INIT(2 << 20);
	struct sieve_result result;
	struct sieve_script *script =
	    compile("if header :matches \"x\" "
		    "\"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\" {discard;}"
		    "if header :matches \"x\" \"*a?a?a?a?a?a?b*\" {discard;}");

	pf_buf_add_c(&mail, "X: ");
	for (int i = 0; i < 500000; i++)
		pf_buf_add_byte(&mail, 'a');
	pf_buf_add_c(&mail, "\n\n");
	struct sieve_message message = make_message();
	message.header = pf_buf_str(&mail);
	ok(sieve_run(script, &message, NULL, NULL, NULL, &result, &err) ==
	   PF_OK);
	ok(!result.failed);
	is_int(result.count, 1);
	is_int(result.actions[0].kind, SIEVE_KEEP);
	sieve_result_release(&result);
	sieve_script_free(&script);
	pf_buf_release(&mail);
}

/* Many addresses and many keys do not use up the memory of a run. */
static void bears_many_addresses(void)
{
	struct pf_buf mail = PF_BUF_INIT(2 << 20), text = PF_BUF_INIT(1 << 20);
	struct sieve_message message = make_message();
	struct sieve_result result;

	for (int k = 0; k < 30; k++) {
		pf_buf_add_c(&mail, "To: ");
		for (int i = 0; i < 8000; i++)
			pf_buf_add_c(&mail, "a@b,");
		pf_buf_add_c(&mail, "c@d\n");
	}
	for (int i = 0; i < 100; i++)
		pf_buf_addf(&text,
			    "if address :matches [\"to\", \"cc\"] "
			    "[\"*x%d*\", \"y?%d\"] { discard; }\n",
			    i, i);
	struct sieve_script *script = compile_text(pf_buf_str(&text), NULL);
	message.header = pf_buf_str(&mail);
	ok(sieve_run(script, &message, NULL, NULL, NULL, &result, &err) ==
	   PF_OK);
	is_str(result.problem, "");
	is_int(result.count, 1);
	sieve_result_release(&result);
	sieve_script_free(&script);
	pf_buf_release(&mail);
	pf_buf_release(&text);
}

static void stops_at_the_step_limit(void)
{
	struct sieve_limits limits = sieve_default_limits;
	struct sieve_message message = make_message();
	struct sieve_result result;
	struct sieve_script *script =
	    compile("discard;\nif header :contains \"subject\" \"x\" {keep;}");

	limits.steps_max = 20;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_OK);
	ok(result.failed);
	is_int(result.problem_line, 2);
	is_int(result.count, 1);
	ok(result.actions[0].implicit);
	sieve_result_release(&result);
	sieve_script_free(&script);
}

static void stops_at_the_memory_limit(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	struct sieve_limits limits = sieve_default_limits;
	struct sieve_message message = make_message();
	struct sieve_result result;

	pf_buf_add_c(&text, "require \"variables\"; set \"a\" \"0123456789\";");
	for (int i = 0; i < 1000; i++)
		pf_buf_add_c(&text, "set \"a\" \"${a}${a}\";");
	struct sieve_script *script = compile_text(pf_buf_str(&text), NULL);
	limits.memory_max = 1 << 20;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_OK);
	ok(result.failed);
	is_int(result.count, 1);
	ok(result.actions[0].implicit);
	sieve_result_release(&result);
	limits.memory_max = 10;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_LIMIT);
	is_int(result.count, 1);
	sieve_result_release(&result);
	sieve_script_free(&script);
	pf_buf_release(&text);
}

static void on_trace(void *arg, int line, const char *text)
{
	pf_buf_addf(arg, "%d %s\n", line, text);
}

static void traces_each_decision(void)
{
	struct pf_buf log = PF_BUF_INIT(1 << 16);
	struct sieve_message message = make_message();
	struct sieve_result result;
	struct sieve_script *script =
	    compile("require [\"fileinto\", \"vacation\"];\n"
		    "if header :contains \"subject\" [\"x\", \"y\"] {\n"
		    "	discard;\n"
		    "} elsif address :domain \"from\" \"example.org\" {\n"
		    "	fileinto \"Org\";\n"
		    "}\n"
		    "vacation :addresses \"u@example.com\" \"gone\";\n");

	message.from = PF_STR("");
	ok(sieve_run(script, &message, NULL, on_trace, &log, &result, &err) ==
	   PF_OK);
	is_str(log.data, "2     sees \"hello\"\n"
			 "2 header :contains \"subject\" [\"x\", \"y\"]: no\n"
			 "4     sees \"example.org\"\n"
			 "4 address :domain \"from\" \"example.org\": yes\n"
			 "5 file into \"Org\"\n"
			 "7 vacation: no answer: the sender is <>\n");
	sieve_result_release(&result);
	sieve_script_free(&script);
	pf_buf_release(&log);
}

/* A script is immutable: many runs at once. */
static void *run_often(void *arg)
{
	struct sieve_message message = make_message();
	struct sieve_result result;
	intptr_t good = 0;

	for (int i = 0; i < 100; i++) {
		if (sieve_run(arg, &message, NULL, NULL, NULL, &result, NULL) ==
		    PF_OK)
			good += result.count == 1 &&
				result.actions[0].kind == SIEVE_DISCARD;
		sieve_result_release(&result);
	}
	return (void *)good;
}

static void runs_in_many_threads(void)
{
	pthread_t threads[8];
	struct sieve_script *script =
	    compile("if header :matches \"subject\" \"h*o\" { discard; }");
	intptr_t good = 0;

	for (int i = 0; i < 8; i++)
		ok(pthread_create(&threads[i], NULL, run_often, script) == 0);
	for (int i = 0; i < 8; i++) {
		void *count;

		pthread_join(threads[i], &count);
		good += (intptr_t)count;
	}
	is_int(good, 800);
	sieve_script_free(&script);
}

/* The handle of an answer is stable over runs and scripts. */
static void derives_vacation_handles(void)
{
	static const char *const texts[] = {
	    "require [\"vacation\", \"variables\"]; set \"a\" \"1\"; "
	    "vacation :subject \"s\" \"gone ${a}\";",
	    "require [\"vacation\", \"variables\"]; set \"a\" \"2\"; "
	    "vacation :subject \"s\" \"gone ${a}\";",
	    "require \"vacation\"; vacation :subject \"sg\" \"one ${a}\";",
	};
	char handles[3][64];

	for (int i = 0; i < 3; i++) {
		struct sieve_script *script = compile(texts[i]);
		struct sieve_message message = make_message();
		struct sieve_result result;

		ok(sieve_run(script, &message, NULL, NULL, NULL, &result,
			     &err) == PF_OK);
		ok(result.count == 2 &&
		   pf_str_copy(result.actions[0].handle, handles[i],
			       sizeof handles[i]));
		sieve_result_release(&result);
		sieve_script_free(&script);
	}
	is_str(handles[0], handles[1]);
	ok(strcmp(handles[0], handles[2]) != 0);
}

int main(void)
{
	lists_extensions();
	manual_names_every_extension();
	core_has_no_allof_and_no_user_text();
	leaves_includes_to_others();
	gives_hints();
	refuses_what_is_too_large();
	refuses_what_is_too_deep();
	refuses_too_many_commands_and_long_chains();
	says_that_there_are_too_many();
	reports_at_most_a_hundred_problems();
	matches_in_linear_time();
	bears_many_addresses();
	stops_at_the_step_limit();
	stops_at_the_memory_limit();
	traces_each_decision();
	runs_in_many_threads();
	derives_vacation_handles();
	pf_vec_release(&problems);
	return tap_done();
}
