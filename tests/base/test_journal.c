#include "base/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "tests/tap.h"

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

	is_int(pf_journal_open(dir, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	e.id = PF_STR("two");
	e.sender = PF_STR("a\tb\nc\\d");
	e.mailbox = PF_STR("B\xc3\xbc"
			   "cher");
	e.rule = PF_STR("sieve line 4");
	e.size = 77;
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	is_int(pf_journal_scan(dir, look, NULL, &err), PF_OK);
	is_int(seen, 2);
	is_str(last, "one||||0");
	seen = 1;
	is_int(pf_journal_scan(dir, look, NULL, &err), PF_OK);
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
	struct pf_journal_entry e = {INT64_MAX / 1000, s, s, s, s, s, s, s, s,
				     UINT32_MAX};
	snprintf(path, sizeof path, "%s/journal", dir);
	ok(stat(path, &before) == 0);
	is_int(pf_journal_open(dir, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	ok(stat(path, &after) == 0);
	ok(after.st_size - before.st_size <= 1280);
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
	is_int(pf_journal_open(dir, &journal, &err), PF_OK);
	is_int(pf_journal_append(journal, &e, &err), PF_OK);
	pf_journal_close(&journal);
	ok(stat(path, &st) == 0 && st.st_size < 100);
	seen = 0;
	is_int(pf_journal_scan(dir, look, NULL, &err), PF_OK);
	is_int(seen, 2);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	reads_back_newest_first();
	a_line_has_an_end();
	skips_broken_lines_and_rotates();
	if (pf_fs_remove_tree(AT_FDCWD, dir, NULL) != PF_OK)
		return 1;
	return tap_done();
}
