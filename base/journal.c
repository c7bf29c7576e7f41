#include "base/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsio.h"

#define LINE_MAX_BYTES 1280
#define ROTATE_BYTES   ((off_t)64 << 20)
#define GENERATIONS    9

struct pf_journal {
	int dir, fd;
	pthread_mutex_t lock; /* around a change of fd */
};

static pf_status open_file(struct pf_journal *journal, struct pf_error *err)
{
	return pf_fs_open(journal->dir, "journal",
			  O_WRONLY | O_APPEND | O_CREAT, 0640, &journal->fd,
			  err);
}

pf_status pf_journal_open(const char *state_dir, struct pf_journal **journal,
			  struct pf_error *err)
{
	struct pf_journal *fresh = calloc(1, sizeof *fresh);

	if (!fresh)
		abort();
	fresh->dir = fresh->fd = -1;
	pthread_mutex_init(&fresh->lock, NULL);
	pf_status status = pf_fs_open(
	    AT_FDCWD, state_dir, O_RDONLY | O_DIRECTORY, 0, &fresh->dir, err);
	if (status == PF_OK)
		status = open_file(fresh, err);
	if (status == PF_OK)
		*journal = fresh;
	else
		pf_journal_close(&fresh);
	return status;
}

void pf_journal_close(struct pf_journal **journal)
{
	struct pf_journal *j = *journal;

	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	if (j->dir >= 0)
		close(j->dir);
	pthread_mutex_destroy(&j->lock);
	free(j);
	*journal = NULL;
}

/* Under the lock.  Another process may have rotated already: then the file we
 * have open is no longer the one called "journal". */
static void rotate_if_full(struct pf_journal *journal)
{
	struct stat ours, named;
	char from[20], to[20];

	if (fstat(journal->fd, &ours) != 0)
		return;
	bool moved = fstatat(journal->dir, "journal", &named, 0) != 0 ||
		     named.st_ino != ours.st_ino;
	if (!moved && ours.st_size < ROTATE_BYTES)
		return;
	if (!moved) {
		for (int i = GENERATIONS; i > 1; i--) {
			snprintf(from, sizeof from, "journal.%d", i - 1);
			snprintf(to, sizeof to, "journal.%d", i);
			renameat(journal->dir, from, journal->dir, to);
		}
		renameat(journal->dir, "journal", journal->dir, "journal.1");
	}
	int old = journal->fd;
	if (open_file(journal, NULL) == PF_OK)
		close(old);
	else
		journal->fd = old;
}

static void add_field(struct pf_buf *line, struct pf_str s, size_t longest)
{
	size_t end = line->len + 1 + longest;

	pf_buf_add_byte(line, '\t');
	for (size_t i = 0; i < s.n && line->len + 4 <= end; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c == 0x7f || c == '\\')
			pf_buf_addf(line, "\\x%02x", c);
		else
			pf_buf_add_byte(line, (char)c);
	}
}

pf_status pf_journal_append(struct pf_journal *journal,
			    const struct pf_journal_entry *entry,
			    struct pf_error *err)
{
	struct pf_buf line = PF_BUF_INIT(LINE_MAX_BYTES + 200);
	pf_status status;

	/* the parts' longest forms add up to LINE_MAX_BYTES */
	pf_buf_addf(&line, "1\t%lld", (long long)entry->when_us);
	add_field(&line, entry->id, 30);
	add_field(&line, entry->queue_id, 40);
	add_field(&line, entry->sender, 257);
	add_field(&line, entry->recipient, 257);
	add_field(&line, entry->user, 100);
	add_field(&line, entry->mailbox, 257);
	add_field(&line, entry->file, 80);
	add_field(&line, entry->rule, 203);
	pf_buf_addf(&line, "\t%llu\n", (unsigned long long)entry->size);
	pthread_mutex_lock(&journal->lock);
	rotate_if_full(journal);
	status = pf_fs_write(journal->fd, line.data, line.len, err);
	pthread_mutex_unlock(&journal->lock);
	pf_buf_release(&line);
	return status;
}

/* Undoes \xNN in place. */
static struct pf_str unescape(struct pf_str s, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned v;
		char hex[3];
		if (s.p[i] == '\\' && i + 3 < s.n && s.p[i + 1] == 'x') {
			hex[0] = s.p[i + 2];
			hex[1] = s.p[i + 3];
			hex[2] = '\0';
			if (sscanf(hex, "%2x", &v) == 1) {
				to[n++] = (char)v;
				i += 3;
				continue;
			}
		}
		to[n++] = s.p[i];
	}
	return (struct pf_str){to, n};
}

static bool parse_line(struct pf_str line, char *room,
		       struct pf_journal_entry *entry)
{
	struct pf_str fields[11], word;
	uint64_t when;
	size_t n = 0;

	/* the last field may not be empty, so the split sees all of them */
	while (n < 11 && pf_str_split(&line, '\t', &word))
		fields[n++] = word;
	if (n != 11 || !pf_str_eq(fields[0], PF_STR("1")) ||
	    !pf_str_u64(fields[1], INT64_MAX, &when) ||
	    !pf_str_u64(fields[10], UINT64_MAX, &entry->size))
		return false;
	struct pf_str *outs[8] = {
	    &entry->id,	  &entry->queue_id, &entry->sender, &entry->recipient,
	    &entry->user, &entry->mailbox,  &entry->file,   &entry->rule,
	};
	for (size_t i = 0; i < 8; i++) {
		*outs[i] = unescape(fields[i + 2], room);
		room += outs[i]->n;
	}
	entry->when_us = (int64_t)when;
	return true;
}

/* One generation, from its end.  False: stop. */
static bool scan_text(struct pf_str text,
		      bool (*fn)(void *arg, const struct pf_journal_entry *),
		      void *arg)
{
	char room[2048];

	while (text.n > 0) {
		if (text.p[text.n - 1] == '\n')
			text.n--;
		ptrdiff_t before = pf_str_rchr(text, '\n');
		struct pf_str line = pf_str_from(text, (size_t)(before + 1));
		struct pf_journal_entry entry;
		if (line.n < sizeof room && parse_line(line, room, &entry) &&
		    !fn(arg, &entry))
			return false;
		text.n = (size_t)(before + 1);
	}
	return true;
}

static pf_status scan_file(int dir, const char *name, bool *go_on,
			   bool (*fn)(void *arg,
				      const struct pf_journal_entry *),
			   void *arg, struct pf_error *err)
{
	struct stat st;
	int fd = -1;
	pf_status status = pf_fs_open(dir, name, O_RDONLY, 0, &fd, err);

	if (status != PF_OK)
		return status == PF_NOTFOUND ? PF_OK : status;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		/* append-only and never cut short: safe to map */
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ,
				 MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED) {
			status = pf_error_sys(err, errno, "map %s", name);
		} else {
			*go_on = scan_text(pf_str_mem(map, (size_t)st.st_size),
					   fn, arg);
			munmap(map, (size_t)st.st_size);
		}
	}
	close(fd);
	return status;
}

pf_status pf_journal_scan(const char *state_dir,
			  bool (*fn)(void *arg,
				     const struct pf_journal_entry *entry),
			  void *arg, struct pf_error *err)
{
	char name[20] = "journal";
	bool go_on = true;
	int dir = -1;
	pf_status status = pf_fs_open(AT_FDCWD, state_dir,
				      O_RDONLY | O_DIRECTORY, 0, &dir, err);

	for (int i = 0; status == PF_OK && go_on && i <= GENERATIONS; i++) {
		if (i > 0)
			snprintf(name, sizeof name, "journal.%d", i);
		status = scan_file(dir, name, &go_on, fn, arg, err);
	}
	if (dir >= 0)
		close(dir);
	return status;
}
