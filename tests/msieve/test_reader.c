/* ManageSieve's grammar, whole and byte by byte. */
#include "msieve/msieve.h"

#include <stdio.h>

#include "tests/tap.h"

static const struct msieve_reader_conf conf = {.line_max = 200,
					       .literal_max = 100};

/* What came of `input`, fed in pieces of `step` bytes, as text. */
static void read_all(struct pf_str input, size_t step, bool string,
		     struct pf_buf *said)
{
	static const char *const names[] = {[PF_INVALID] = "INVALID",
					    [PF_LIMIT] = "LIMIT",
					    [PF_CORRUPT] = "CORRUPT"};
	struct msieve_reader *r = msieve_reader_new(&conf);
	size_t at = 0;

	if (string)
		msieve_reader_expect_string(r);
	while (at < input.n) {
		size_t n = input.n - at < step ? input.n - at : step;
		struct pf_error err = {0};
		size_t used = 0;
		/* an exact copy: reading past its end is seen */
		char *piece = malloc(n);
		memcpy(piece, input.p + at, n);
		pf_status status = msieve_reader_feed(r, piece, n, &used, &err);
		free(piece);
		at += used;
		if (status == PF_MORE)
			continue;
		if (status != PF_OK) {
			pf_buf_addf(said, "%s;", names[status]);
			if (status == PF_CORRUPT)
				break;
			msieve_reader_next(r);
			continue;
		}
		pf_buf_add_str(said, msieve_reader_name(r));
		for (size_t i = 0; i < msieve_reader_count(r); i++) {
			struct msieve_arg arg = msieve_reader_arg(r, i);
			if (arg.kind == MSIEVE_NUMBER)
				pf_buf_addf(said, " %u", arg.number);
			else
				pf_buf_addf(said, " <%.*s>", (int)arg.text.n,
					    arg.text.p);
		}
		pf_buf_add_c(said, ";");
		msieve_reader_next(r);
	}
	msieve_reader_free(&r);
}

static void reads(const char *input, const char *want, bool string)
{
	static const size_t steps[] = {1, 2, 3, 7, 1000};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct pf_buf said = PF_BUF_INIT(10000);

		read_all(pf_str_c(input), steps[i], string, &said);
		is_str(said.data, want);
		pf_buf_release(&said);
	}
}

static void commands(void)
{
	reads("LOGOUT\r\n", "LOGOUT;", false);
	reads("logOut\nNOOP\n", "LOGOUT;NOOP;", false);
	reads("NOOP \"a\\\"b\\\\c\"\r\n", "NOOP <a\"b\\c>;", false);
	reads("HAVESPACE \"x\" 99\r\n", "HAVESPACE <x> 99;", false);
	reads("HAVESPACE \"x\" 4294967295\r\n", "HAVESPACE <x> 4294967295;",
	      false);
	reads("SETACTIVE \"\"\r\n", "SETACTIVE <>;", false);
	reads("PUTSCRIPT {1+}\r\nn {5+}\r\n\"\r\n{;\r\nNOOP\r\n",
	      "PUTSCRIPT <n> <\"\r\n{;>;NOOP;", false);
	reads("PUTSCRIPT \"n\" {0+}\r\n\r\nNOOP\r\n", "PUTSCRIPT <n> <>;NOOP;",
	      false);
}

static void no_commands(void)
{
	reads("\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NO-OP\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP  \"a\"\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP atom\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP \"a\"\"b\"\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP \"a\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP \"\\n\"\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP\rX\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP 1 2 3 4 5\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("HAVESPACE \"x\" 4294967296\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP {a}\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("NOOP {+}\r\nNOOP\r\n", "INVALID;NOOP;", false);
}

/* The literals of a broken command are never taken for commands. */
static void skips_literals(void)
{
	reads("PUT SCRIPT {6+}\r\nNOOP\r\n\r\nNOOP\r\n", "INVALID;NOOP;",
	      false);
	reads("X! {6+}\r\nNOOP\r\n {6+}\r\nNOOP\r\n\r\nNOOP\r\n",
	      "INVALID;NOOP;", false);
	reads("X! {0+}\r\n\r\nNOOP\r\n", "INVALID;NOOP;", false);
	reads("X! {6+} \r\nNOOP\r\n", "INVALID;NOOP;", false);
}

static void limits(void)
{
	char input[400], big[160];

	memset(big, 'x', sizeof big);
	snprintf(input, sizeof input,
		 "CHECKSCRIPT {150+}\r\n%.150s\r\nNOOP\r\n", big);
	reads(input, "LIMIT;NOOP;", false);
	snprintf(input, sizeof input,
		 "PUTSCRIPT {60+}\r\n%.60s {60+}\r\n%.60s\r\nNOOP\r\n", big,
		 big);
	reads(input, "LIMIT;NOOP;", false);
	reads("PUTSCRIPT \"n\" {4000000000+}\r\n", "CORRUPT;", false);
	reads("PUTSCRIPT \"n\" {99999999999999999999999+}\r\n", "CORRUPT;",
	      false);
	/* "{n}" waits for somebody to say go on: nobody does here */
	reads("PUTSCRIPT \"n\" {5}\r\nNOOP\r\n", "CORRUPT;", false);
	snprintf(input, sizeof input, "NOOP \"%.160s%.60s\"\r\n", big, big);
	reads(input, "CORRUPT;", false);
}

static void sasl_strings(void)
{
	reads("\"AGFubgA=\"\r\nNOOP\r\n", " <AGFubgA=>;NOOP;", true);
	reads("{4+}\r\nAAAA\r\nNOOP\r\n", " <AAAA>;NOOP;", true);
	reads("\"*\"\r\n", " <*>;", true);
	reads("NOOP\r\nNOOP\r\n", "INVALID;NOOP;", true);
	reads("\"a\" \"b\"\r\nNOOP\r\n", "INVALID;NOOP;", true);
	reads("12\r\nNOOP\r\n", "INVALID;NOOP;", true);
}

static void kinds_of_arguments(void)
{
	struct msieve_reader *r = msieve_reader_new(&conf);
	struct pf_str line = PF_STR("HAVESPACE \"x\" 5\r\n");
	size_t used;

	ok(msieve_reader_feed(r, line.p, line.n, &used, NULL) == PF_OK);
	ok(msieve_reader_args_are(r, "sn"));
	ok(!msieve_reader_args_are(r, "ss"));
	ok(!msieve_reader_args_are(r, "s"));
	ok(!msieve_reader_args_are(r, "snn"));
	msieve_reader_free(&r);
}

static void says(struct pf_str text, const char *want)
{
	struct pf_buf to = PF_BUF_INIT(10000);

	msieve_add_string(&to, text);
	is_str(to.data, want);
	pf_buf_release(&to);
}

static void answers(void)
{
	struct pf_buf to = PF_BUF_INIT(10000);
	char big[1026], want[1100];

	says(PF_STR(""), "\"\"");
	says(PF_STR("a\"b\\"), "\"a\\\"b\\\\\"");
	says(PF_STR("a\r\nb"), "{4}\r\na\r\nb");
	says(PF_STR("\xc3\xa4"), "\"\xc3\xa4\"");
	says(PF_STR("\xc3"), "{1}\r\n\xc3");
	memset(big, 'x', sizeof big);
	snprintf(want, sizeof want, "\"%.1024s\"", big);
	says(pf_str_mem(big, 1024), want);
	snprintf(want, sizeof want, "{1025}\r\n%.1025s", big);
	says(pf_str_mem(big, 1025), want);
	msieve_add_result(&to, "NO", "ACTIVE", PF_STR("no"));
	msieve_add_result(&to, "OK", "", PF_STR(""));
	is_str(to.data, "NO (ACTIVE) \"no\"\r\nOK\r\n");
	pf_buf_release(&to);
}

int main(void)
{
	commands();
	no_commands();
	skips_literals();
	limits();
	sasl_strings();
	kinds_of_arguments();
	answers();
	return tap_done();
}
