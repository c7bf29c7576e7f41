#include "base/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "tests/tap.h"

#define SIZE_MAX_ON_DISK ((int64_t)640 << 20)

static char dir[] = "/tmp/penfold-journal-XXXXXX";
static int seen;
static char last[200];

static bool look(void *arg, const struct pf_journal_entry *e)
{
	(void)arg;
	seen++;
	snprintf(last, sizeof last, "%.*s|%.*s|%.*s|%.*s|%llu", (int)e->id.n,
		 e->id.p, (int)e->sender.n, e->sender.p, (int)e->mailbox.n,
		 e->mailbox.p, (int)e->rule.n, e->rule.p,
		 (unsigned long long)e->size);
	return seen < 2;
}

static void reads_back_newest_first(void)
{
	struct pf_journal *journal;
	struct pf_journal_entry e = {.when_us = 5, .id = PF_STR("one")};
	struct pf_error err;

	is_int(pf_journal_open(dir, SIZE_MAX_ON_DISK, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	e.id = PF_STR("two");
	e.sender = PF_STR("a\tb\nc\\d");
	e.mailbox = PF_STR("B\xc3\xbc"
			   "cher");
	e.rule = PF_STR("sieve line 4");
	e.size = 77;
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	is_int(pf_journal_scan(dir, PF_STR(""), look, NULL, &err), PF_OK);
	is_int(seen, 2);
	is_str(last, "one||||0");
	seen = 1;
	is_int(pf_journal_scan(dir, PF_STR(""), look, NULL, &err), PF_OK);
	is_str(last, "two|a\tb\nc\\d|B\xc3\xbc"
		     "cher|sieve line 4|77");
}

static void a_line_has_an_end(void)
{
	static char longest[2000];
	struct pf_journal *journal;
	struct pf_error err;
	struct stat before, after;
	char path[100];

	memset(longest, '\\', sizeof longest);
	struct pf_str s = {longest, sizeof longest};
	struct pf_journal_entry e = {
	    INT64_MAX / 1000, s, s, s, s, s, s, s, s, s, UINT32_MAX, false};
	snprintf(path, sizeof path, "%s/journal", dir);
	ok(stat(path, &before) == 0);
	is_int(pf_journal_open(dir, SIZE_MAX_ON_DISK, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	ok(stat(path, &after) == 0);
	ok(after.st_size - before.st_size <= PF_JOURNAL_LINE_MAX);
}

/* ---- what is looked for ---- */

static struct pf_journal_entry found;
static char texts[4][400];
static int hits;

static bool note(void *arg, const struct pf_journal_entry *e)
{
	(void)arg;
	found = *e;
	(void)pf_str_copy(e->sender, texts[0], sizeof texts[0]);
	(void)pf_str_copy(e->recipient, texts[1], sizeof texts[1]);
	(void)pf_str_copy(e->user, texts[2], sizeof texts[2]);
	(void)pf_str_copy(e->mailbox, texts[3], sizeof texts[3]);
	hits++;
	return true;
}

static int look_for(struct pf_str key)
{
	struct pf_error err;

	hits = 0;
	is_int(pf_journal_scan(dir, key, note, NULL, &err), PF_OK);
	return hits;
}

static void finds_by_any_whole_field(void)
{
	struct pf_journal *journal;
	struct pf_error err;
	char key[PF_JOURNAL_MESSAGE_SIZE], same[PF_JOURNAL_MESSAGE_SIZE];
	char sender[300];

	pf_journal_message(PF_STR(" <a@b.test>\r\n"), key);
	pf_journal_message(PF_STR("a@b.test"), same);
	is_str(key, same);
	is_int((int)strlen(key), 16);
	struct pf_journal_entry e = {.id = PF_STR("id-3"),
				     .message = pf_str_c(key),
				     .recipient = PF_STR("u@ex.test"),
				     .user = PF_STR("u@ex.test"),
				     .mailbox = PF_STR("Lists"),
				     .file = PF_STR("1795.M1P2.host"),
				     .rule = PF_STR("default")};
	is_int(pf_journal_open(dir, SIZE_MAX_ON_DISK, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	/* the longest gives way, and says so */
	memset(sender, 's', sizeof sender);
	e.id = PF_STR("id-4");
	e.sender = pf_str_mem(sender, sizeof sender);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	is_int(look_for(pf_str_c(key)), 2);
	is_int(look_for(PF_STR("id-3")), 1);
	ok(!found.cut);
	is_str(texts[2], "u@ex.test");
	is_int(look_for(PF_STR("1795.M1P2.host")), 2);
	is_int(look_for(PF_STR("id-4")), 1);
	ok(found.cut);
	ok(strlen(texts[0]) > 80 && strlen(texts[0]) < 250);
	is_str(texts[1], "u@ex.test");
	is_str(texts[3], "Lists");
	is_int(look_for(PF_STR("id-")), 0);
	is_str(pf_journal_file(PF_STR("x/cur/1.M2P3.h,S=1:2,S")).p,
	       "1.M2P3.h,S=1:2,S");
	is_int((int)pf_journal_file(PF_STR("x/cur/1.M2P3.h,S=1:2,S")).n, 8);
}

/* Before Message-IDs were noted */
static void reads_the_older_lines(void)
{
	char path[100];

	snprintf(path, sizeof path, "%s/journal", dir);
	int fd = open(path, O_WRONLY | O_APPEND);
	static const char line[] = "1\t77\tOLD\tQ\ta@b\tc@d\tu\tINBOX\t"
				   "1795.M1P9.host,S=1\tdefault\t5\n";
	ok(write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1);
	close(fd);
	is_int(look_for(PF_STR("OLD")), 1);
	is_int((int)found.size, 5);
	is_str(texts[3], "INBOX");
	ok(found.message.n == 0);
}

static void skips_broken_lines_and_rotates(void)
{
	struct pf_journal *journal;
	struct pf_journal_entry e = {.id = PF_STR("new")};
	struct pf_error err;
	char path[100];
	struct stat st;

	snprintf(path, sizeof path, "%s/journal", dir);
	int fd = open(path, O_WRONLY | O_APPEND);
	ok(write(fd, "garbage\n1\tx\n\n", 13) == 13);
	ok(ftruncate(fd, (off_t)64 << 20) == 0); /* zeros, as after a crash */
	close(fd);
	is_int(pf_journal_open(dir, SIZE_MAX_ON_DISK, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	ok(stat(path, &st) == 0 && st.st_size < 100);
	seen = 0;
	is_int(pf_journal_scan(dir, PF_STR(""), look, NULL, &err), PF_OK);
	is_int(seen, 2);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	reads_back_newest_first();
	a_line_has_an_end();
	finds_by_any_whole_field();
	reads_the_older_lines();
	skips_broken_lines_and_rotates();
	if (pf_fs_remove_tree(AT_FDCWD, dir, NULL) != PF_OK)
		return 1;
	return tap_done();
}
