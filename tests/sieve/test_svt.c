/*
 * Runs tests/sieve/NAME.svt: scripts, and what they must do.
 *
 *	=== title
 *	--- envelope		(left out: from a@example.org to u@example.com)
 *	from: someone@example.org
 *	to: user+detail@example.com
 *	--- script
 *	keep;
 *	--- includes		scripts for include, each behind "# name" or
 *				"# global name"
 *	--- message		(left out: a short mail; ends at the next ---)
 *	Subject: x
 *	--- actions		what the run gives, one line each
 *	keep
 *	--- problems		or: what the compiler says, in order
 *	1:5 error: text
 *
 * A case is one TAP test; its title cites the section.  `folders` in the
 * envelope names mailboxes that exist (and so on: see below), `failed` in the
 *actions is a run-time error whose text holds what follows.
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/rand.h"
#include "sieve/sieve.h"
#include "tests/tap.h"

enum section {
	NONE,
	ENVELOPE,
	SCRIPT,
	INCLUDES,
	MESSAGE,
	ACTIONS,
	PROBLEMS,
	SECTIONS
};

static const char *const section_names[] = {
    [ENVELOPE] = "--- envelope", [SCRIPT] = "--- script",
    [INCLUDES] = "--- includes", [MESSAGE] = "--- message",
    [ACTIONS] = "--- actions",	 [PROBLEMS] = "--- problems",
};

struct test_case {
	struct pf_str title;
	struct pf_str sections[SECTIONS];
};

static struct pf_str value_of(struct pf_str envelope, const char *name,
			      const char *preset)
{
	struct pf_str line, key = pf_str_c(name);

	while (pf_str_split(&envelope, '\n', &line)) {
		if (pf_str_starts(line, key) && line.n > key.n &&
		    line.p[key.n] == ':')
			return pf_str_trim(pf_str_from(line, key.n + 1));
	}
	return pf_str_c(preset);
}

/* What the callbacks know comes from the envelope. */
struct world {
	struct pf_str envelope;
	struct pf_buf *log; /* of programs that ran */
	int fd;
};

static bool mailbox_exists(void *arg, struct pf_str name)
{
	struct world *world = arg;
	struct pf_str rest = value_of(world->envelope, "folders", "INBOX");
	struct pf_str word;

	while (pf_str_split(&rest, ' ', &word)) {
		if (pf_str_eq(word, name))
			return true;
	}
	return false;
}

static int file(void *arg)
{
	struct world *world = arg;

	return world->fd;
}

static void add_spans(struct pf_buf *to, const struct sieve_span *spans,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sieve_span *span = &spans[i];
		char *room = span->text.p
				 ? NULL
				 : pf_buf_reserve(to, (size_t)span->size);

		pf_buf_add_str(to, span->text);
		if (room)
			pf_buf_commit(to, (size_t)pread(span->fd, room,
							(size_t)span->size,
							(off_t)span->start));
	}
}

static void show_text(struct pf_buf *to, const char *name, struct pf_str text);

/* program-NAME: exit code, and what it writes */
static int program(void *arg, const struct sieve_program *p)
{
	struct world *world = arg;
	struct pf_buf input = PF_BUF_INIT(1 << 20);
	char key[100];
	uint64_t code = 0;

	snprintf(key, sizeof key, "program-%.*s", (int)p->name.n, p->name.p);
	struct pf_str value = value_of(world->envelope, key, "none"), word;
	if (pf_str_eq(value, PF_STR("none")))
		return SIEVE_PROGRAM_UNKNOWN;
	pf_buf_addf(world->log, "ran %.*s", (int)p->name.n, p->name.p);
	for (size_t i = 0; i < p->arg_count; i++)
		pf_buf_addf(world->log, " [%.*s]", (int)p->args[i].n,
			    p->args[i].p);
	add_spans(&input, p->input, p->input_count);
	show_text(world->log, "input", pf_buf_str(&input));
	pf_buf_add_byte(world->log, '\n');
	pf_buf_clear(&input);
	pf_str_split(&value, ' ', &word);
	for (size_t i = 0; i < value.n; i++)
		pf_buf_add_byte(&input, value.p[i] == '|' ? '\n' : value.p[i]);
	if (p->output >= 0 && write(p->output, input.data, input.len) < 0)
		return SIEVE_PROGRAM_FAILED;
	pf_buf_release(&input);
	return pf_str_u64(word, 255, &code) ? (int)code : SIEVE_PROGRAM_FAILED;
}

static int scratch(void *arg)
{
	(void)arg;
	return memfd_create("scratch", 0);
}

/* seen: handle/id/seconds */
static bool duplicate(void *arg, struct pf_str handle, struct pf_str id,
		      int64_t seconds)
{
	struct world *world = arg;
	char text[200];

	snprintf(text, sizeof text, "%.*s/%.*s/%lld", (int)handle.n, handle.p,
		 (int)id.n, id.p, (long long)seconds);
	return pf_str_eq(value_of(world->envelope, "seen", ""), pf_str_c(text));
}

/* Junk: Spam */
static bool special_use(void *arg, struct pf_str role, struct pf_str *mailbox)
{
	struct world *world = arg;
	char name[40];

	snprintf(name, sizeof name, "%.*s", (int)role.n, role.p);
	*mailbox = value_of(world->envelope, name, "");
	return mailbox->n > 0;
}

/* F123: Lists */
static bool mailbox_of_id(void *arg, struct pf_str id, struct pf_str *mailbox)
{
	struct world *world = arg;
	char name[100];

	snprintf(name, sizeof name, "%.*s", (int)id.n, id.p);
	*mailbox = value_of(world->envelope, name, "");
	return mailbox->n > 0;
}

/* INBOX/private/comment: x; without a mailbox: the server's */
static bool metadata(void *arg, struct pf_str mailbox, struct pf_str entry,
		     struct pf_str *value)
{
	struct world *world = arg;
	char name[200];

	snprintf(name, sizeof name, "%.*s%.*s", (int)mailbox.n, mailbox.p,
		 (int)entry.n, entry.p);
	*value = value_of(world->envelope, name, "NIL");
	return !pf_str_eq(*value, PF_STR("NIL"));
}

/* list NAME: a | b */
static bool list(void *arg, struct pf_str list_name, struct pf_str *text)
{
	struct world *world = arg;
	static char lines[1000];
	char name[200];

	snprintf(name, sizeof name, "list %.*s", (int)list_name.n, list_name.p);
	struct pf_str found = value_of(world->envelope, name, "NIL");
	if (pf_str_eq(found, PF_STR("NIL")))
		return false;
	(void)pf_str_copy(found, lines, sizeof lines);
	for (char *p = lines; *p; p++) {
		if (*p == '|')
			*p = '\n';
	}
	*text = pf_str_c(lines);
	return true;
}

static bool environment(void *arg, struct pf_str name, struct pf_str *value)
{
	struct world *world = arg;

	if (!pf_str_eq(name, PF_STR("remote-ip")))
		return false;
	*value = value_of(world->envelope, "remote-ip", "");
	return true;
}

static void set_recipient(struct sieve_message *message)
{
	ptrdiff_t at = pf_str_rchr(message->to, '@');
	struct pf_str local =
	    at < 0 ? message->to : pf_str_head(message->to, (size_t)at);
	ptrdiff_t plus = pf_str_chr(local, '+');

	message->user = local;
	if (plus <= 0)
		return;
	message->user = pf_str_head(local, (size_t)plus);
	message->detail = pf_str_from(local, (size_t)plus + 1);
	message->has_detail = true;
}

static void show_text(struct pf_buf *to, const char *name, struct pf_str text)
{
	if (text.n == 0)
		return;
	pf_buf_addf(to, " %s \"", name);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			pf_buf_add_c(to, "\\n");
		else if (text.p[i] != '\r')
			pf_buf_add_byte(to, text.p[i]);
	}
	pf_buf_add_byte(to, '"');
}

static void show_mailto(struct pf_buf *to, const struct sieve_mailto *mailto)
{
	for (size_t i = 0; i < mailto->to_count; i++)
		show_text(to, i < mailto->cc_from ? "to" : "cc", mailto->to[i]);
	show_text(to, "uri-subject", mailto->subject);
	show_text(to, "body", mailto->body);
	for (size_t i = 0; i < mailto->field_count; i++) {
		pf_buf_addf(to, " field %.*s", (int)mailto->fields[i].name.n,
			    mailto->fields[i].name.p);
		show_text(to, "=", mailto->fields[i].value);
	}
}

static void show_body(struct pf_buf *to, const struct sieve_action *a)
{
	struct pf_buf body = PF_BUF_INIT(1 << 20);

	add_spans(&body, a->body, a->body_count);
	show_text(to, "body", pf_buf_str(&body));
	pf_buf_release(&body);
}

static void show_action(struct pf_buf *to, const struct sieve_action *a)
{
	static const char *const kinds[] = {
	    [SIEVE_KEEP] = "keep",	 [SIEVE_FILEINTO] = "fileinto",
	    [SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
	    [SIEVE_REJECT] = "reject",	 [SIEVE_VACATION] = "vacation",
	    [SIEVE_NOTIFY] = "notify",	 [SIEVE_PIPE] = "pipe",
	    [SIEVE_REPORT] = "report",
	};

	pf_buf_add_c(to, a->implicit ? "implicit " : "");
	pf_buf_add_c(to, kinds[a->kind]);
	show_text(to, "mailbox", a->mailbox);
	show_text(to, "header", a->header);
	show_body(to, a);
	if (a->kind == SIEVE_NOTIFY)
		show_mailto(to, a->mailto);
	show_text(to, a->kind == SIEVE_REDIRECT ? "address" : "from",
		  a->address);
	show_text(to, "reply_to", a->reply_to);
	show_text(to, "subject", a->subject);
	if (!pf_str_starts(a->handle, PF_STR("auto-")))
		show_text(to, "handle", a->handle);
	show_text(to, "text", a->text);
	if (a->kind == SIEVE_VACATION)
		pf_buf_addf(to, " seconds %d", a->seconds);
	if (a->kind == SIEVE_NOTIFY)
		pf_buf_addf(to, " importance %d", a->importance);
	show_text(to, "notify", a->dsn.notify);
	show_text(to, "ret", a->dsn.ret);
	if (a->dsn.has_by)
		pf_buf_addf(to, " by %lld%s%s", (long long)a->dsn.by,
			    a->dsn.by_return ? " return" : "",
			    a->dsn.by_trace ? " trace" : "");
	if (a->program)
		show_text(to, "program", a->program->name);
	for (size_t i = 0; a->program && i < a->program->arg_count; i++)
		show_text(to, "arg", a->program->args[i]);
	pf_buf_add_c(to, a->attempt ? " try" : "");
	pf_buf_add_c(to, a->headers_only ? " headers_only" : "");
	pf_buf_add_c(to, a->mime ? " mime" : "");
	pf_buf_add_c(to, a->refuse ? " refuse" : "");
	pf_buf_add_c(to, a->create ? " create" : "");
	pf_buf_add_c(to, a->copy ? " copy" : "");
	if (a->flags_set) {
		pf_buf_add_c(to, " flags");
		for (size_t i = 0; i < a->flag_count; i++) {
			pf_buf_add_byte(to, ' ');
			pf_buf_add_str(to, a->flags[i]);
		}
	}
	pf_buf_add_byte(to, '\n');
}

static void show_problems(struct pf_buf *to, const struct sieve_problems *list)
{
	for (size_t i = 0; i < list->n; i++)
		pf_buf_addf(
		    to, "%d:%d %s: %s\n", list->v[i].line, list->v[i].column,
		    list->v[i].warning ? "warning" : "error", list->v[i].text);
}

/* by: 1795276800 return trace */
static struct sieve_dsn dsn_of(struct pf_str envelope)
{
	struct sieve_dsn dsn = {
	    .notify = value_of(envelope, "notify", ""),
	    .orcpt = value_of(envelope, "orcpt", ""),
	    .ret = value_of(envelope, "ret", ""),
	    .envid = value_of(envelope, "envid", ""),
	};
	struct pf_str rest = value_of(envelope, "by", ""), word;
	uint64_t when;

	if (pf_str_split(&rest, ' ', &word) &&
	    pf_str_u64(word, INT64_MAX, &when)) {
		dsn.has_by = true;
		dsn.by = (time_t)when;
	}
	while (pf_str_split(&rest, ' ', &word)) {
		dsn.by_return |= pf_str_eq(word, PF_STR("return"));
		dsn.by_trace |= pf_str_eq(word, PF_STR("trace"));
	}
	return dsn;
}

static void show_run(struct pf_buf *to, const struct sieve_script *script,
		     const struct test_case *test)
{
	struct pf_str envelope = test->sections[ENVELOPE];
	struct world world = {.envelope = envelope, .log = to};
	struct pf_str header = test->sections[MESSAGE];
	struct sieve_result result;
	struct pf_error err;
	uint64_t size, now;

	if (!header.p)
		header = PF_STR("From: Ann <a@example.org>\n"
				"To: u@example.com\nSubject: Hello\n\n");
	if (!pf_str_u64(value_of(envelope, "size", "1000"), UINT64_MAX, &size))
		size = 1000;
	if (!pf_str_u64(value_of(envelope, "now", "1795276800"), INT64_MAX,
			&now))
		now = 0;
	struct sieve_message message = {
	    .header = header,
	    .size = size,
	    .from = value_of(envelope, "from", "a@example.org"),
	    .to = value_of(envelope, "to", "u@example.com"),
	    .auth = value_of(envelope, "auth", ""),
	    .dsn = dsn_of(envelope),
	    .own = value_of(envelope, "own", ""),
	    .spam_header = value_of(envelope, "spam-header", ""),
	    .virus_header = value_of(envelope, "virus-header", ""),
	    .delimiters = "+-",
	    .now = (time_t)now,
	    .arg = &world,
	    .mailbox_exists = mailbox_exists,
	    .flags = value_of(envelope, "flags", ""),
	    .file = file,
	    .scratch = scratch,
	    .program = program,
	    .duplicate = duplicate,
	    .special_use = special_use,
	    .mailbox_of_id = mailbox_of_id,
	    .metadata = metadata,
	    .list = list,
	    .environment = environment,
	};
	world.fd = memfd_create("message", 0);
	if (world.fd < 0 || write(world.fd, header.p, header.n) < 0)
		pf_buf_add_c(to, "no file\n");
	set_recipient(&message);
	if (sieve_run(script, &message, NULL, NULL, NULL, &result, &err) !=
	    PF_OK)
		pf_buf_addf(to, "internal: %s\n", err.log);
	if (result.failed)
		pf_buf_addf(to, "failed %d: %s\n", result.problem_line,
			    result.problem);
	for (size_t i = 0; i < result.count; i++)
		show_action(to, &result.actions[i]);
	for (size_t i = 0; i < result.seen_count; i++)
		pf_buf_addf(to, "seen %.*s/%.*s\n",
			    (int)result.seen[i].handle.n,
			    result.seen[i].handle.p, (int)result.seen[i].id.n,
			    result.seen[i].id.p);
	close(world.fd);
	sieve_result_release(&result);
}

static void compare(const char *name, struct pf_str title, struct pf_str got,
		    struct pf_str want)
{
	tap_check_in(name, pf_str_eq(pf_str_trim(got), pf_str_trim(want)),
		     "%.*s\n#  got:  %.*s\n#  want: %.*s", (int)title.n,
		     title.p, (int)got.n, got.p, (int)want.n, want.p);
}

/* The name of a case for as long as TAP wants it: until the next one's */
static const char *keep_name(struct pf_str title)
{
	static char names[2][200];
	static int turn;

	turn = !turn;
	snprintf(names[turn], sizeof names[turn], "%.*s", (int)title.n,
		 title.p);
	return names[turn];
}

static pf_status load(void *arg, bool global, struct pf_str name,
		      struct pf_buf *text, struct pf_error *err)
{
	const struct test_case *test = arg;
	struct pf_str rest = test->sections[INCLUDES], line;
	bool here = false, found = false;
	char title[100];

	snprintf(title, sizeof title, "# %s%.*s", global ? "global " : "",
		 (int)name.n, name.p);
	while (pf_str_split(&rest, '\n', &line)) {
		if (pf_str_starts(line, PF_STR("# "))) {
			here = pf_str_eq(line, pf_str_c(title));
			found |= here;
		} else if (here) {
			pf_buf_addf(text, "%.*s\n", (int)line.n, line.p);
		}
	}
	return found ? PF_OK
		     : pf_error_set(err, PF_NOTFOUND, NULL, "no script");
}

static void run_case(const struct test_case *test)
{
	struct sieve_problems problems = {0};
	struct sieve_script *script = NULL;
	struct pf_buf got = PF_BUF_INIT(1 << 20);
	const char *name = keep_name(test->title);
	struct pf_error err;

	const struct sieve_source source = {(void *)(uintptr_t)test, load};
	struct sieve_limits limits = sieve_default_limits;
	uint64_t offers = 0;

	if (pf_str_u64(value_of(test->sections[ENVELOPE], "offers", "0"), 31,
		       &offers))
		limits.offers = (unsigned)offers;
	pf_status status = sieve_compile_from(
	    test->sections[SCRIPT], &limits, &source, &script, &problems, &err);
	if (test->sections[PROBLEMS].p || status != PF_OK) {
		show_problems(&got, &problems);
		compare(name, test->title, pf_buf_str(&got),
			test->sections[PROBLEMS]);
	}
	if (test->sections[ACTIONS].p && status == PF_OK) {
		pf_buf_clear(&got);
		show_run(&got, script, test);
		compare(name, test->title, pf_buf_str(&got),
			test->sections[ACTIONS]);
	}
	tap_check_in(name,
		     test->sections[PROBLEMS].p || test->sections[ACTIONS].p,
		     "the case expects nothing");
	sieve_script_free(&script);
	pf_vec_release(&problems);
	pf_buf_release(&got);
}

static enum section section_of(struct pf_str line)
{
	for (int i = ENVELOPE; i < SECTIONS; i++) {
		if (pf_str_eq(line, pf_str_c(section_names[i])))
			return (enum section)i;
	}
	return NONE;
}

static void run_text(struct pf_str text)
{
	struct test_case test = {0};
	enum section section = NONE;
	struct pf_str line;
	bool first = true;

	while (pf_str_split(&text, '\n', &line)) {
		if (pf_str_starts(line, PF_STR("=== "))) {
			if (!first)
				run_case(&test);
			first = false;
			test =
			    (struct test_case){.title = pf_str_from(line, 4)};
			section = NONE;
		} else if (pf_str_starts(line, PF_STR("--- "))) {
			section = section_of(line);
			if (section == NONE)
				tap_check(false, "bad line: %.*s", (int)line.n,
					  line.p);
			test.sections[section] =
			    pf_str_mem(line.p + line.n + 1, 0);
		} else if (section != NONE) {
			struct pf_str *s = &test.sections[section];

			s->n = (size_t)(line.p + line.n + 1 - s->p);
		}
	}
	if (!first)
		run_case(&test);
}

/* The file with a newline behind its end, so that each line has one */
static bool run_file(int dir, const char *name)
{
	static char text[1 << 20];
	int fd = openat(dir, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	run_text(pf_str_mem(text, (size_t)n));
	return true;
}

static void finds_the_cases(const char *dir_name, const char *only)
{
	DIR *dir = opendir(dir_name);
	int files = 0;

	ok(dir != NULL);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct pf_str name = pf_str_c(e->d_name);

		if (!pf_str_ends(name, PF_STR(".svt")) ||
		    (only && strcmp(only, e->d_name) != 0))
			continue;
		tap_check(run_file(dirfd(dir), e->d_name), "cannot read %s",
			  e->d_name);
		files++;
	}
	tap_check(files > 0, "no .svt file in %s", dir_name);
	if (dir)
		closedir(dir);
}

/* Boundaries are the same each time. */
static void no_chance(void *to, size_t n)
{
	memset(to, 0xab, n);
}

int main(int argc, char **argv)
{
	const char *src = getenv("PF_SRCDIR");
	char path[4096];

	setenv("TZ", "CET-1", 1); /* what "local" means in dates */
	tzset();
	pf_rand_set_source(no_chance);
	snprintf(path, sizeof path, "%s/tests/sieve", src ? src : ".");
	finds_the_cases(path, argc > 1 ? argv[1] : NULL);
	return tap_done();
}
