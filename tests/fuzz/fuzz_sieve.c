/* Any script, compiled and run over any header (what stands behind a NUL):
 * bounded, and always a usable result. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sieve/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool mailbox_exists(void *arg, struct pf_str name)
{
	(void)arg;
	return name.n % 2;
}

static const char body[] =
    "Subject: file\nContent-Type: multipart/mixed; boundary=b\n\nbefore\n"
    "--b\nContent-Type: text/html\n\n<p>Hello <b>world</b></p>\n"
    "--b\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner\n"
    "--b\nContent-Type: text/plain; charset=iso-8859-1\n"
    "Content-Transfer-Encoding: base64\n\nR3L832U=\n--b--\nafter\n";

static int file(void *arg)
{
	static int fd = -1;

	(void)arg;
	if (fd < 0) {
		fd = memfd_create("body", 0);
		if (fd < 0 || write(fd, body, sizeof body - 1) < 0)
			abort();
	}
	return fd;
}

static bool duplicate(void *arg, struct pf_str handle, struct pf_str id,
		      int64_t seconds)
{
	(void)arg;
	return (handle.n + id.n + (size_t)seconds) % 2;
}

static bool special_use(void *arg, struct pf_str role, struct pf_str *mailbox)
{
	(void)arg;
	*mailbox = PF_STR("Spam");
	return role.n % 2;
}

static bool mailbox_of_id(void *arg, struct pf_str id, struct pf_str *mailbox)
{
	return special_use(arg, id, mailbox);
}

static bool metadata(void *arg, struct pf_str mailbox, struct pf_str name,
		     struct pf_str *value)
{
	(void)arg;
	(void)mailbox;
	*value = PF_STR("on");
	return name.n % 2;
}

static bool list(void *arg, struct pf_str name, struct pf_str *text)
{
	(void)arg;
	*text = PF_STR("# mine\nAnn <ann+x@example.org>\nbob@example.com\n\n"
		       "2026-11-21\nnobody");
	return name.n % 2;
}

static int scratch(void *arg)
{
	(void)arg;
	return memfd_create("scratch", 0);
}

/* Some fail, some say something, whatever it is. */
static int program(void *arg, const struct sieve_program *p)
{
	(void)arg;
	if (p->output >= 0 && p->name.n % 2 &&
	    write(p->output, body + p->arg_count,
		  sizeof body - 1 - p->arg_count) < 0)
		abort();
	return (int)(p->name.n % 4) - 2 + (int)(p->name.n % 2);
}

/* The pieces of an action lie in files that are there. */
static void look_at(const struct sieve_action *action)
{
	char byte;

	for (size_t i = 0; i < action->body_count; i++) {
		const struct sieve_span *span = &action->body[i];

		if (!span->text.p && span->size > 0 &&
		    pread(span->fd, &byte, 1,
			  (off_t)(span->start + span->size - 1)) != 1)
			abort();
	}
	if (action->body && !action->header.p)
		abort();
}

/* Any name is there: "a" to "c" include others, the rest do little. */
static pf_status load(void *arg, bool global, struct pf_str name,
		      struct pf_buf *text, struct pf_error *err)
{
	(void)arg;
	if (name.n > 20)
		return pf_error_set(err, PF_NOTFOUND, NULL, "no script");
	pf_buf_add_c(text, "require [\"include\", \"variables\"];\n"
			   "global \"g\"; set \"g\" \"${g}x\";\n");
	for (char c = 'b'; name.n == 1 && c <= 'd'; c++)
		if (name.p[0] < c)
			pf_buf_addf(text, "include %s\"%c\";\n",
				    global ? ":once " : "", c);
	pf_buf_add_c(text, "if header \"subject\" \"x\" { return; }\n"
			   "if not false { return; } stop;\n");
	return PF_OK;
}

static void on_trace(void *arg, int line, const char *text)
{
	(void)arg;
	if (line < 0 || strlen(text) > 600)
		abort();
}

static void run(const struct sieve_script *script, struct pf_str own_header)
{
	static const char header[] =
	    "Return-Path: <ann@example.org>\r\n"
	    "Received: from a by b;\r\n\tSat, 21 Nov 2026 14:40:00 +0000\r\n"
	    "From: =?utf-8?q?=C3=84nn?= <ann+x@example.org>\r\n"
	    "To: bob@example.com, list: a@b.c, d@e.f;\r\n"
	    "Cc: \"u\" <u+detail@example.com>\r\n"
	    "Subject: Re: [list] aaaaaaaaaaaaaaaaaaaaaaab\r\n"
	    "X-Spam-Level: 12 points\r\n\r\n";
	struct sieve_message message = {
	    .header = own_header.p ? own_header
				   : (struct pf_str){header, sizeof header - 1},
	    .size = 12345,
	    .from = PF_STR("ann+x@example.org"),
	    .to = PF_STR("u+detail@example.com"),
	    .user = PF_STR("u"),
	    .detail = PF_STR("detail"),
	    .has_detail = true,
	    .spam_header = PF_STR("X-Spam-Level 15"),
	    .virus_header = PF_STR("Subject Re:"),
	    .dsn = {.notify = PF_STR("SUCCESS,DELAY"),
		    .ret = PF_STR("HDRS"),
		    .envid = PF_STR("QQ314159"),
		    .orcpt = PF_STR("rfc822;u@example.org"),
		    .has_by = true,
		    .by = 1795276900},
	    .delimiters = "+-",
	    .mailbox_exists = mailbox_exists,
	    .now = 1795276800,
	    .file = file,
	    .scratch = scratch,
	    .program = program,
	    .duplicate = duplicate,
	    .special_use = special_use,
	    .mailbox_of_id = mailbox_of_id,
	    .metadata = metadata,
	    .list = list,
	};
	struct sieve_limits limits = sieve_default_limits;
	struct sieve_result result;
	struct pf_error err;

	limits.steps_max = 5000000;
	limits.memory_max = 4 << 20;
	if (sieve_run(script, &message, &limits, on_trace, NULL, &result,
		      &err) != PF_OK)
		abort();
	if (result.failed && (result.count != 1 || !result.actions[0].implicit))
		abort();
	for (size_t i = 0; i < result.count; i++)
		look_at(&result.actions[i]);
	sieve_result_release(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sieve_problems problems = {0};
	struct sieve_script *script = NULL;
	struct pf_str text = pf_str_mem(data, size), header = {0};
	ptrdiff_t nul = pf_str_chr(text, '\0');
	bool error = false;
	const struct sieve_source source = {.load = load};

	if (nul >= 0) {
		header = pf_str_from(text, (size_t)nul + 1);
		text = pf_str_head(text, (size_t)nul);
	}
	struct sieve_limits limits = sieve_default_limits;
	limits.offers = 15;
	pf_status status = sieve_compile_from(text, &limits, &source, &script,
					      &problems, NULL);
	for (size_t i = 0; i < problems.n; i++) {
		error |= !problems.v[i].warning;
		if (problems.v[i].line < 1 || problems.v[i].column < 1)
			abort();
	}
	if ((status == PF_OK) == error)
		abort();
	if (status == PF_OK)
		run(script, header);
	sieve_script_free(&script);
	pf_vec_release(&problems);
	return 0;
}
