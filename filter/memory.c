/*
 * What was done before: whom vacation has answered, in HOME/.penfold-vacation,
 * and which messages `duplicate` has seen, in HOME/.penfold-duplicate.  One
 * line each,
 *
 *	unix-time SP 32-hex-digits LF
 *
 * where the digits are a hash of handle and sender (or id), so the files name
 * nobody.  A line of vacation is written and synced before the answer goes
 * out: after a crash somebody may lack an answer, nobody gets two.  A message
 * is remembered once it is stored: after a crash between the two, its double
 * is stored as well rather than none.
 */
#include "filter/filter.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"

#define YEAR	(366 * 24 * 60 * 60)
#define DIGITS	32
#define LOCK_MS 10000

struct memory {
	const char *name, *lock;
	size_t trim, max; /* bytes */
};
static const struct memory answers = {
    ".penfold-vacation", ".penfold-vacation.lock", 256 * 1024, 512 * 1024};
static const struct memory messages = {
    ".penfold-duplicate", ".penfold-duplicate.lock", 1 << 20, 2 << 20};

/* FNV-1a; of fixed meaning, because it is kept on disk. */
static uint64_t hash(uint64_t h, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		h ^= (unsigned char)pf_ascii_lower(s.p[i]);
		h *= 0x100000001b3u;
	}
	return (h ^ 0xff) * 0x100000001b3u;
}

static void make_key(struct pf_str handle, struct pf_str sender,
		     char key[DIGITS + 1])
{
	uint64_t a = hash(hash(0xcbf29ce484222325u, handle), sender);
	uint64_t b = hash(hash(0x9e3779b97f4a7c15u, sender), handle);

	snprintf(key, DIGITS + 1, "%016llx%016llx", (unsigned long long)a,
		 (unsigned long long)b);
}

static bool parse(struct pf_str line, int64_t *when, struct pf_str *key)
{
	ptrdiff_t space = pf_str_chr(line, ' ');
	uint64_t n;

	if (space <= 0 ||
	    !pf_str_u64(pf_str_head(line, (size_t)space), INT64_MAX, &n))
		return false;
	*when = (int64_t)n;
	*key = pf_str_from(line, (size_t)space + 1);
	return key->n == DIGITS;
}

static bool noted_since(struct pf_str text, const char *key, int64_t since)
{
	struct pf_str line, have;
	int64_t when;

	while (pf_str_split(&text, '\n', &line))
		if (parse(line, &when, &have) && when > since &&
		    pf_str_eq(have, pf_str_c(key)))
			return true;
	return false;
}

/* The younger half, without what no script can ask for any more. */
static void trim(struct pf_buf *text, size_t max, int64_t now)
{
	struct pf_str rest = pf_str_from(pf_buf_str(text), text->len / 2);
	struct pf_buf kept = PF_BUF_INIT(max);
	struct pf_str line, key;
	int64_t when;

	(void)pf_str_split(&rest, '\n', &line); /* half a line */
	while (pf_str_split(&rest, '\n', &line))
		if (parse(line, &when, &key) && when > now - YEAR)
			pf_buf_addf(&kept, "%.*s\n", (int)line.n, line.p);
	pf_buf_release(text);
	*text = kept;
}

static pf_status append(const struct memory *memory, int home, const char *line,
			struct pf_error *err)
{
	int fd;
	pf_status status = pf_fs_open(
	    home, memory->name, O_WRONLY | O_CREAT | O_APPEND, 0600, &fd, err);

	if (status != PF_OK)
		return status;
	status = pf_fs_write(fd, line, strlen(line), err);
	if (status == PF_OK)
		status = pf_fs_datasync(fd, err);
	close(fd);
	return status;
}

/* Notes `key`, unless it was within `seconds` (0: in any case). */
static bool note(const struct memory *memory, int home, const char *key,
		 int64_t seconds)
{
	int64_t now = pf_clock_now();
	struct pf_buf text = PF_BUF_INIT(memory->max);
	pf_status status = pf_fs_read(home, memory->name, &text, NULL);
	char line[80];
	bool fresh = status == PF_OK || status == PF_NOTFOUND;

	if (fresh && seconds > 0 &&
	    noted_since(pf_buf_str(&text), key, now - seconds))
		fresh = false;
	if (fresh) {
		snprintf(line, sizeof line, "%lld %s\n", (long long)now, key);
		if (text.len < memory->trim) {
			fresh = append(memory, home, line, NULL) == PF_OK;
		} else {
			trim(&text, memory->max, now);
			pf_buf_add_c(&text, line);
			fresh =
			    pf_fs_replace(home, memory->name, pf_buf_str(&text),
					  0600, true, NULL) == PF_OK;
		}
	}
	pf_buf_release(&text);
	return fresh;
}

static bool note_locked(const struct memory *memory,
			const struct auth_identity *id, struct pf_str handle,
			struct pf_str what, int64_t seconds)
{
	char key[DIGITS + 1];
	int home, lock;
	bool fresh = false;

	make_key(handle, what, key);
	if (pf_fs_mkdirs(id->home, 0700, NULL) != PF_OK ||
	    pf_fs_open(AT_FDCWD, id->home, O_RDONLY | O_DIRECTORY, 0, &home,
		       NULL) != PF_OK)
		return false;
	if (pf_fs_open(home, memory->lock, O_RDWR | O_CREAT, 0600, &lock,
		       NULL) == PF_OK) {
		if (pf_fs_lock(lock, true, LOCK_MS, NULL) == PF_OK)
			fresh = note(memory, home, key, seconds);
		close(lock);
	}
	close(home);
	return fresh;
}

bool filter_vacation_due(const struct auth_identity *id, struct pf_str handle,
			 struct pf_str sender, int64_t seconds)
{
	return note_locked(&answers, id, handle, sender, seconds);
}

bool filter_duplicate_seen(const struct auth_identity *id, struct pf_str handle,
			   struct pf_str what, int64_t seconds)
{
	struct pf_buf text = PF_BUF_INIT(messages.max);
	char key[DIGITS + 1];
	int home;
	bool seen = false;

	make_key(handle, what, key);
	if (pf_fs_open(AT_FDCWD, id->home, O_RDONLY | O_DIRECTORY, 0, &home,
		       NULL) != PF_OK)
		return false;
	if (pf_fs_read(home, messages.name, &text, NULL) == PF_OK)
		seen = noted_since(pf_buf_str(&text), key,
				   pf_clock_now() - seconds);
	close(home);
	pf_buf_release(&text);
	return seen;
}

bool filter_duplicate_remember(const struct auth_identity *id,
			       struct pf_str handle, struct pf_str what)
{
	return note_locked(&messages, id, handle, what, 0);
}
