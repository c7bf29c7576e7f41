/*
 * penfold explain: why a message is where it is, from the delivery journal and
 * the script that decided, if it is still the same.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/journal.h"
#include "filter/filter.h"
#include "mime/mime.h"

#define SCRIPT_MAX (1 << 20)

struct question {
	const struct pf_conf *conf;
	struct pf_str user; /* only this one's, or empty */
	bool last;
	bool json;
	struct pf_buf answered; /* id of what was found */
	unsigned found;
};

/* ---- the rule in words -------------------------------------------------- */

/* "sieve_before NAME > INCLUDED line 4 (if line 3) #1a2b3c4d: discard" */
struct rule {
	struct pf_str kind, name, included, rest;
	uint64_t line, above;
	uint32_t mark;
	bool has_mark;
};

static bool number_behind(struct pf_str text, const char *word, uint64_t *n)
{
	const char *at = memmem(text.p, text.n, word, strlen(word));
	size_t digits = 0;

	if (!at)
		return false;
	text = pf_str_from(text, (size_t)(at - text.p) + strlen(word));
	while (digits < text.n && text.p[digits] >= '0' &&
	       text.p[digits] <= '9')
		digits++;
	return pf_str_u64(pf_str_head(text, digits), INT32_MAX, n);
}

static bool parse_rule(struct pf_str text, struct rule *rule)
{
	static const char *const kinds[] = {"sieve_before", "sieve_default",
					    "sieve_after", "sieve"};
	const char *line = memmem(text.p, text.n, " line ", 6);
	struct pf_str head;

	*rule = (struct rule){.rest = PF_STR("")};
	if (!line || !pf_str_starts(text, PF_STR("sieve")))
		return false;
	head = pf_str_head(text, (size_t)(line - text.p));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !rule->kind.n;
	     i++)
		if (pf_str_starts(head, pf_str_c(kinds[i])))
			rule->kind = pf_str_c(kinds[i]);
	head = pf_str_trim(pf_str_from(head, rule->kind.n));
	ptrdiff_t arrow = pf_str_chr(head, '>');
	rule->name =
	    pf_str_trim(arrow < 0 ? head : pf_str_head(head, (size_t)arrow));
	if (arrow >= 0)
		rule->included =
		    pf_str_trim(pf_str_from(head, (size_t)arrow + 1));
	text = pf_str_from(text, (size_t)(line - text.p));
	if (!number_behind(text, " line ", &rule->line))
		return false;
	if (!number_behind(text, "(if line ", &rule->above))
		rule->above = 0;
	ptrdiff_t mark = pf_str_chr(text, '#');
	if (mark >= 0 && text.n >= (size_t)mark + 9) {
		char hex[9];

		memcpy(hex, text.p + mark + 1, 8);
		hex[8] = '\0';
		rule->mark = (uint32_t)strtoul(hex, NULL, 16);
		rule->has_mark = true;
		rule->rest = pf_str_from(text, (size_t)mark + 9);
	}
	return rule->kind.n > 0;
}

/* The file of the script today; false: who knows. */
static bool find_script(const struct question *q, const struct rule *rule,
			const struct auth_identity *id, struct pf_buf *path)
{
	bool before = pf_str_eq(rule->kind, PF_STR("sieve_before"));
	bool after = pf_str_eq(rule->kind, PF_STR("sieve_after"));
	struct filter_paths paths = {0};
	const char *list;

	if (!before && !after)
		return pf_conf_expand(
			   path,
			   pf_str_eq(rule->kind, PF_STR("sieve_default"))
			       ? q->conf->sieve_default
			       : q->conf->sieve_script,
			   pf_str_c(id->user), id->home, NULL) == PF_OK;
	list = before ? q->conf->sieve_before : q->conf->sieve_after;
	if (filter_paths_find(list, id, &paths, NULL) == PF_OK) {
		for (size_t i = 0; i < paths.n && path->len == 0; i++) {
			struct pf_str whole = pf_str_c(paths.v[i]);
			ptrdiff_t slash = pf_str_rchr(whole, '/');

			if (pf_str_starts(
				pf_str_from(whole, (size_t)(slash + 1)),
				rule->name))
				pf_buf_add_str(path, whole);
		}
	}
	filter_paths_release(&paths);
	return path->len > 0;
}

enum script_state {
	UNKNOWN,
	CHANGED,
	SAME
};

static enum script_state read_script(const struct question *q,
				     const struct rule *rule,
				     const struct pf_journal_entry *e,
				     struct pf_buf *text)
{
	enum script_state state = UNKNOWN;
	struct pf_buf path = PF_BUF_INIT(4096);
	struct auth_identity id = {0};
	char *user = pf_str_dup(e->user);

	if (rule->has_mark && ctl_account(q->conf, user, &id, NULL) == PF_OK &&
	    find_script(q, rule, &id, &path)) {
		state = CHANGED;
		if (pf_fs_read(AT_FDCWD, path.data, text, NULL) == PF_OK &&
		    filter_mark(pf_buf_str(text)) == rule->mark)
			state = SAME;
	}
	auth_identity_release(&id);
	pf_buf_release(&path);
	free(user);
	return state;
}

static struct pf_str line_of(struct pf_str text, uint64_t wanted)
{
	struct pf_str line = PF_STR("");

	for (uint64_t n = 0; n < wanted; n++)
		if (!pf_str_split(&text, '\n', &line))
			return PF_STR("");
	return pf_str_trim(line);
}

static void say_script(const struct rule *rule, enum script_state state,
		       struct pf_str text)
{
	const uint64_t lines[] = {rule->above, rule->line};

	if (state == CHANGED)
		printf("              (the script was changed since then)\n");
	for (size_t i = 0; state == SAME && i < 2; i++) {
		struct pf_str line = line_of(text, lines[i]);

		if (line.n)
			printf("              %4llu | %.*s\n",
			       (unsigned long long)lines[i], (int)line.n,
			       line.p);
	}
}

static void say_rule(const struct rule *rule)
{
	static const struct {
		const char *kind, *words;
	} names[] = {
	    {"sieve_before", "the site's script (before the user's) "},
	    {"sieve_after", "the site's script (after the user's) "},
	    {"sieve_default", "the site's script for users without one"},
	    {"sieve", "the user's Sieve script"},
	};

	printf("line %llu of ", (unsigned long long)rule->line);
	if (rule->included.n)
		printf("%.*s, which is included by ", (int)rule->included.n,
		       rule->included.p);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (pf_str_eq(rule->kind, pf_str_c(names[i].kind)))
			printf("%s", names[i].words);
	printf("%.*s", (int)rule->name.n, rule->name.p);
	if (rule->above)
		printf(" (in the block of line %llu)",
		       (unsigned long long)rule->above);
	printf("%.*s\n", (int)rule->rest.n, rule->rest.p ? rule->rest.p : "");
}

static void say_because(const struct question *q,
			const struct pf_journal_entry *e)
{
	struct rule rule;
	struct pf_buf text = PF_BUF_INIT(SCRIPT_MAX);

	printf("  %-11s ", "because");
	if (parse_rule(e->rule, &rule)) {
		say_rule(&rule);
		enum script_state state = read_script(q, &rule, e, &text);
		say_script(&rule, state, pf_buf_str(&text));
	} else if (pf_str_eq(e->rule, PF_STR("default"))) {
		printf("no rule said otherwise\n");
	} else if (pf_str_starts(e->rule, PF_STR("mlists "))) {
		printf("%.*s of the user's list file, for the extension of "
		       "the address\n",
		       (int)e->rule.n - 7, e->rule.p + 7);
	} else {
		printf("%.*s\n", (int)e->rule.n, e->rule.p);
	}
	pf_buf_release(&text);
}

/* ---- the answer ---------------------------------------------------------- */

static void line(const char *label, struct pf_str value)
{
	printf("  %-11s %.*s\n", label, (int)value.n, value.p);
}

static void format_time(int64_t us, char stamp[40])
{
	time_t when = (time_t)(us / 1000000);
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(stamp, 40, "%Y-%m-%d %H:%M:%S %z", &tm);
}

static void answer(const struct question *q, const struct pf_journal_entry *e)
{
	char stamp[40];

	format_time(e->when_us, stamp);
	if (e->mailbox.n)
		printf("%s  put into the folder %.*s\n", stamp,
		       (int)e->mailbox.n, e->mailbox.p);
	else
		printf("%s  not stored\n", stamp);
	say_because(q, e);
	line("from", e->sender.n ? e->sender : PF_STR("<> (a bounce)"));
	line("to", e->recipient);
	if (e->cut)
		line("", PF_STR("(these addresses were too long for the "
				"journal; the message has all of them)"));
	line("user", e->user);
	if (e->file.n)
		line("file", e->file);
	line("delivery", e->id);
	if (e->queue_id.n)
		line("Postfix id", e->queue_id);
	printf("  %-11s %llu octets\n", "size", (unsigned long long)e->size);
}

static void answer_json(const struct question *q,
			const struct pf_journal_entry *e)
{
	struct pf_buf text = PF_BUF_INIT(SCRIPT_MAX);
	char stamp[40];
	struct rule rule;

	format_time(e->when_us, stamp);
	printf("%s\n {\"time\": \"%s\"", q->found ? "," : "[", stamp);
	ctl_json_member("delivery", e->id);
	ctl_json_member("queue_id", e->queue_id);
	ctl_json_member("from", e->sender);
	ctl_json_member("to", e->recipient);
	printf(", \"envelope_cut\": %s", e->cut ? "true" : "false");
	ctl_json_member("user", e->user);
	if (e->mailbox.n)
		ctl_json_member("folder", e->mailbox);
	else
		printf(", \"folder\": null");
	ctl_json_member("file", e->file);
	ctl_json_member("rule", e->rule);
	printf(", \"size\": %llu", (unsigned long long)e->size);
	if (parse_rule(e->rule, &rule)) {
		enum script_state state = read_script(q, &rule, e, &text);

		printf(", \"line\": %llu", (unsigned long long)rule.line);
		if (rule.above)
			printf(", \"if_line\": %llu",
			       (unsigned long long)rule.above);
		if (state != UNKNOWN)
			printf(", \"script_changed\": %s",
			       state == SAME ? "false" : "true");
		if (state == SAME)
			ctl_json_member("source",
					line_of(pf_buf_str(&text), rule.line));
	}
	putchar('}');
	pf_buf_release(&text);
}

static bool look(void *arg, const struct pf_journal_entry *e)
{
	struct question *q = arg;

	/* one delivery may have put copies into several folders */
	if (q->found && q->last && !pf_str_eq(pf_buf_str(&q->answered), e->id))
		return false;
	if (q->user.n && !pf_str_ieq(q->user, e->user))
		return true;
	pf_buf_clear(&q->answered);
	pf_buf_add_str(&q->answered, e->id);
	if (q->json)
		answer_json(q, e);
	else
		answer(q, e);
	q->found++;
	return true;
}

/* ---- what is asked --------------------------------------------------------
 */

/* The Message-ID of a file, hashed; false: there is none */
static bool hash_of_file(const char *path, char key[PF_JOURNAL_MESSAGE_SIZE])
{
	struct pf_buf head = PF_BUF_INIT(MIME_HEADER_MAX);
	char *block = malloc(MIME_HEADER_MAX);
	struct mime_field field;
	size_t pos = 0, n = 0;
	bool found = false;
	int fd;

	if (!block)
		abort();
	if (pf_fs_open(AT_FDCWD, path, O_RDONLY, 0, &fd, NULL) == PF_OK) {
		if (pf_fs_pread(fd, block, MIME_HEADER_MAX, 0, &n, NULL) !=
		    PF_OK)
			n = 0;
		close(fd);
	}
	struct pf_str header = pf_str_head(
	    pf_str_mem(block, n), mime_header_end(pf_str_mem(block, n)));
	while (!found && mime_field_next(header, &pos, &field)) {
		found = pf_str_ieq(field.name, PF_STR("Message-ID"));
		if (found)
			pf_journal_message(field.raw, key);
	}
	free(block);
	pf_buf_release(&head);
	return found && key[0];
}

/* A delivery id, a file's name, a Message-ID; last, what the file holds: a
 * mail program may have moved it. */
static pf_status ask(struct question *q, const char *what, struct pf_error *err)
{
	const char *state = q->conf->state_dir;
	char key[PF_JOURNAL_MESSAGE_SIZE];

	pf_journal_message(pf_str_c(what), key);
	const struct pf_str keys[] = {
	    pf_str_c(what), pf_journal_file(pf_str_c(what)), pf_str_c(key)};
	pf_status status = PF_OK;
	for (size_t i = 0;
	     status == PF_OK && q->found == 0 && i < sizeof keys / sizeof *keys;
	     i++)
		if (keys[i].n > 0 && (i == 0 || !pf_str_eq(keys[i], keys[0])))
			status = pf_journal_scan(state, keys[i], look, q, err);
	if (status == PF_OK && q->found == 0 && hash_of_file(what, key)) {
		status = pf_journal_scan(state, pf_str_c(key), look, q, err);
		if (status == PF_OK && q->found && !q->json)
			printf("The file has another name now: somebody "
			       "copied or moved the message since then.\n");
	}
	return status;
}

int ctl_explain(struct ctl *ctl)
{
	const char *user = ctl_option(ctl, "-u");
	struct question q = {
	    .user = pf_str_c(user),
	    .last = ctl_switch(ctl, "--last"),
	    .json = ctl_switch(ctl, "--json"),
	    .answered = PF_BUF_INIT(1000),
	};
	struct pf_error err;
	struct pf_conf conf;
	pf_status status;
	int code = 0;

	if (q.last ? ctl->argc != 1 : ctl->argc != 2)
		return ctl_usage(ctl, "a Message-ID, a message file, a "
				      "delivery id or --last");
	if (!ctl_conf(ctl, &conf))
		return 1;
	q.conf = &conf;
	status =
	    q.last ? pf_journal_scan(conf.state_dir, PF_STR(""), look, &q, &err)
		   : ask(&q, ctl->argv[1], &err);
	if (q.json)
		puts(q.found ? "\n]" : "[]");
	if (status != PF_OK) {
		code = ctl_fail(ctl, &err);
	} else if (q.found == 0) {
		fprintf(stderr, "penfold explain: the journal does not know "
				"it (another program may have put it there)\n");
		code = 1;
	}
	pf_buf_release(&q.answered);
	pf_conf_release(&conf);
	return code;
}
