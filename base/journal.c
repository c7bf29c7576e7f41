#include "base/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsio.h"

#define GENERATIONS 9 /* beside the one that grows */
#define FIELDS	    8 /* beside the id */
#define ID_MAX	    40
#define CUT	    "\\~"

struct pf_journal {
	int dir, fd;
	off_t rotate;	      /* at that size */
	pthread_mutex_t lock; /* around a change of fd */
};

static pf_status open_file(struct pf_journal *journal, struct pf_error *err)
{
	return pf_fs_open(journal->dir, "journal",
			  O_WRONLY | O_APPEND | O_CREAT, 0640, &journal->fd,
			  err);
}

pf_status pf_journal_open(const char *state_dir, int64_t size_max,
			  struct pf_journal **journal, struct pf_error *err)
{
	struct pf_journal *fresh = calloc(1, sizeof *fresh);

	if (!fresh)
		abort();
	fresh->dir = fresh->fd = -1;
	fresh->rotate = (off_t)(size_max / (GENERATIONS + 1));
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
	if (!moved && ours.st_size < journal->rotate)
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

/* ---- writing ---- */

void pf_journal_message(struct pf_str id, char to[PF_JOURNAL_MESSAGE_SIZE])
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a: of fixed meaning */

	id = pf_str_trim(id);
	if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
		id = pf_str_mem(id.p + 1, id.n - 2);
	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 0x100000001b3u;
	to[0] = '\0';
	if (id.n > 0)
		snprintf(to, PF_JOURNAL_MESSAGE_SIZE, "%016llx",
			 (unsigned long long)h);
}

struct pf_str pf_journal_file(struct pf_str path)
{
	ptrdiff_t slash = pf_str_rchr(path, '/');
	struct pf_str name = pf_str_from(path, (size_t)(slash + 1));

	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ':' || name.p[i] == ',')
			return pf_str_head(name, i);
	return name;
}

/* Octets that a character takes in a line */
static size_t width(unsigned char c)
{
	return c < ' ' || c == 0x7f || c == '\\' ? 4 : 1;
}

static size_t field_width(struct pf_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += width((unsigned char)s.p[i]);
	return n;
}

static void add_field(struct pf_buf *line, struct pf_str s, size_t room)
{
	bool cut = field_width(s) > room;
	size_t end = line->len + 1 + room - (cut ? sizeof CUT - 1 : 0);

	pf_buf_add_byte(line, '\t');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (line->len + width(c) > end)
			break;
		if (width(c) > 1)
			pf_buf_addf(line, "\\x%02x", c);
		else
			pf_buf_add_byte(line, (char)c);
	}
	if (cut)
		pf_buf_add_c(line, CUT);
}

/* Shares what a line has among its fields: the longest give way. */
static void share_room(const struct pf_str fields[FIELDS], size_t room,
		       size_t share[FIELDS])
{
	size_t total = 0;

	for (size_t i = 0; i < FIELDS; i++)
		total += share[i] = field_width(fields[i]);
	while (total > room) {
		size_t longest = 0, next = 0, less;

		for (size_t i = 1; i < FIELDS; i++)
			if (share[i] > share[longest])
				longest = i;
		for (size_t i = 0; i < FIELDS; i++)
			if (i != longest && share[i] > next)
				next = share[i];
		less = share[longest] - next + 1;
		if (less > total - room)
			less = total - room;
		share[longest] -= less;
		total -= less;
	}
}

pf_status pf_journal_append(struct pf_journal *journal,
			    const struct pf_journal_entry *entry,
			    struct pf_error *err)
{
	struct pf_str fields[FIELDS + 1] = {
	    entry->id,	    entry->queue_id,  entry->message,
	    entry->sender,  entry->recipient, entry->user,
	    entry->mailbox, entry->file,      entry->rule,
	};
	struct pf_buf line = PF_BUF_INIT(PF_JOURNAL_LINE_MAX);
	size_t share[FIELDS];
	char when[24], size[24];

	if (entry->user.n && pf_str_eq(entry->user, entry->recipient))
		fields[5] = PF_STR("=");
	int fixed =
	    snprintf(when, sizeof when, "2\t%lld", (long long)entry->when_us) +
	    snprintf(size, sizeof size, "\t%llu\n",
		     (unsigned long long)entry->size);
	size_t room = PF_JOURNAL_LINE_MAX - (size_t)fixed - (FIELDS + 1);
	/* the id is never cut: it is what one looks for */
	size_t id = field_width(entry->id);
	if (id > ID_MAX)
		id = ID_MAX;
	room -= id;
	share_room(fields + 1, room, share);
	pf_buf_add_c(&line, when);
	add_field(&line, entry->id, id);
	for (size_t i = 0; i < FIELDS; i++)
		add_field(&line, fields[i + 1], share[i]);
	pf_buf_add_c(&line, size);
	pf_status status = pf_buf_status(&line, err);
	pthread_mutex_lock(&journal->lock);
	rotate_if_full(journal);
	if (status == PF_OK)
		status = pf_fs_write(journal->fd, line.data, line.len, err);
	pthread_mutex_unlock(&journal->lock);
	pf_buf_release(&line);
	return status;
}

/* ---- reading ---- */

/* Undoes \xNN; true: it was cut. */
static bool unescape(struct pf_str s, char *to, struct pf_str *text)
{
	bool cut = pf_str_ends(s, PF_STR(CUT));
	size_t n = 0;

	if (cut)
		s.n -= sizeof CUT - 1;
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
	*text = (struct pf_str){to, n};
	return cut;
}

static bool parse_line(struct pf_str line, char *room,
		       struct pf_journal_entry *entry)
{
	struct pf_str *outs[FIELDS + 1] = {
	    &entry->id,	     &entry->queue_id,	&entry->message,
	    &entry->sender,  &entry->recipient, &entry->user,
	    &entry->mailbox, &entry->file,	&entry->rule,
	};
	struct pf_str fields[FIELDS + 4], word;
	uint64_t when;
	size_t n = 0, at = 2;

	/* the last field may not be empty, so the split sees all of them */
	while (n < FIELDS + 4 && pf_str_split(&line, '\t', &word))
		fields[n++] = word;
	bool old = n == FIELDS + 3 && pf_str_eq(fields[0], PF_STR("1"));
	if (!(old || (n == FIELDS + 4 && pf_str_eq(fields[0], PF_STR("2")))) ||
	    !pf_str_u64(fields[1], INT64_MAX, &when) ||
	    !pf_str_u64(fields[n - 1], UINT64_MAX, &entry->size))
		return false;
	entry->when_us = (int64_t)when;
	entry->message = PF_STR("");
	entry->cut = false;
	for (size_t i = 0; i <= FIELDS; i++) {
		if (old && outs[i] == &entry->message)
			continue;
		bool cut = unescape(fields[at++], room, outs[i]);
		if (outs[i] == &entry->sender || outs[i] == &entry->recipient)
			entry->cut |= cut;
		room += outs[i]->n;
	}
	if (pf_str_eq(entry->user, PF_STR("=")))
		entry->user = entry->recipient;
	if (old)
		entry->file = pf_journal_file(entry->file);
	return true;
}

struct scan {
	struct pf_str key; /* between two TABs, or empty */
	bool (*fn)(void *arg, const struct pf_journal_entry *entry);
	void *arg;
};

static bool scan_line(const struct scan *scan, struct pf_str line)
{
	struct pf_journal_entry entry;
	char room[2048];

	return line.n >= sizeof room || !parse_line(line, room, &entry) ||
	       scan->fn(scan->arg, &entry);
}

/* The last place of the key, memmem() from behind: in blocks, each with the
 * key's length of the next. */
static ptrdiff_t find_last(struct pf_str text, struct pf_str key)
{
	enum {
		BLOCK = 1 << 20
	};
	size_t end = text.n;

	while (end > 0) {
		size_t from = end > BLOCK ? end - BLOCK : 0;
		size_t n = end - from + key.n;
		const char *at = text.p + from, *last = NULL, *hit;

		if (n > text.n - from)
			n = text.n - from;
		for (; (hit = memmem(at, n, key.p, key.n));
		     n -= (size_t)(hit + 1 - at), at = hit + 1)
			last = hit;
		if (last)
			return last - text.p;
		end = from;
	}
	return -1;
}

/* One generation, from its end.  False: stop. */
static bool scan_text(struct pf_str text, const struct scan *scan)
{
	while (text.n > 0) {
		ptrdiff_t hit = (ptrdiff_t)text.n - 1;

		if (scan->key.n > 0)
			hit = find_last(text, scan->key);
		if (hit < 0)
			return true;
		const char *end =
		    memchr(text.p + hit, '\n', text.n - (size_t)hit);
		ptrdiff_t before =
		    pf_str_rchr(pf_str_head(text, (size_t)hit), '\n');
		struct pf_str line = pf_str_from(
		    pf_str_head(text, end ? (size_t)(end - text.p) : text.n),
		    (size_t)(before + 1));

		if (!scan_line(scan, line))
			return false;
		text.n = (size_t)(before + 1);
	}
	return true;
}

static pf_status scan_file(int dir, const char *name, const struct scan *scan,
			   bool *go_on, struct pf_error *err)
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
					   scan);
			munmap(map, (size_t)st.st_size);
		}
	}
	close(fd);
	return status;
}

pf_status pf_journal_scan(const char *state_dir, struct pf_str key,
			  bool (*fn)(void *arg,
				     const struct pf_journal_entry *entry),
			  void *arg, struct pf_error *err)
{
	struct pf_buf field = PF_BUF_INIT(4096);
	char name[20] = "journal";
	bool go_on = true;
	int dir = -1;
	pf_status status = pf_fs_open(AT_FDCWD, state_dir,
				      O_RDONLY | O_DIRECTORY, 0, &dir, err);

	if (key.n > 0)
		pf_buf_addf(&field, "\t%.*s\t", (int)key.n, key.p);
	const struct scan scan = {pf_buf_str(&field), fn, arg};
	for (int i = 0; status == PF_OK && go_on && i <= GENERATIONS; i++) {
		if (i > 0)
			snprintf(name, sizeof name, "journal.%d", i);
		status = scan_file(dir, name, &scan, &go_on, err);
	}
	pf_buf_release(&field);
	if (dir >= 0)
		close(dir);
	return status;
}
