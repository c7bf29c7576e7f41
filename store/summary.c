/*
 * penfold.summary: small texts per message that are costly to make again
 * (ENVELOPE, BODYSTRUCTURE, ...).
 *
 *	header | record: uid, kind, length, CRC, text, padding to 8 | ...
 *
 * Only ever appended to, by any process and without a lock: one write(2) with
 * O_APPEND per record.  Everything here may be lost at any time.  The index
 * is kept in memory once somebody asks.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/crc.h"
#include "store/box.h"

#define SUMMARY_NAME "penfold.summary"
#define TEXT_MAX     (1u << 20)
#define FILE_MAX     ((size_t)1 << 30)
/* Texts are mostly asked for in the order in which they stand there, so one
 * read fetches many: this much, where the last one was shortly before. */
#define WINDOW_MAX (64u << 10)
#define WINDOW_MIN (4u << 10)
/* dead texts beyond this and half of the file: written anew */
#define DEAD_MAX (256u << 10)

struct summary_header {
	char magic[8];
	uint32_t uidvalidity, pad;
};

struct summary_record {
	uint32_t uid, kind, length, crc;
};

struct slot {
	uint64_t key; /* uid << 8 | kind; 0: free */
	uint64_t offset;
};

struct store_summary {
	int fd;
	uint64_t ino;
	uint32_t uidvalidity; /* of the mailbox when it was opened */
	char *window;	      /* bytes of the file from window_at on */
	size_t window_at, window_n;
	size_t end; /* indexed up to here */
	size_t dead;
	bool bad; /* garbage behind `end` */
	struct slot *slots;
	size_t count, cap;
};

static const char magic[8] = "pfSUM01";

/* ---- index
 * ------------------------------------------------------------------- */

static struct slot *find_slot(const struct store_summary *s, uint64_t key)
{
	size_t at = pf_hash(&key, sizeof key) & (s->cap - 1);

	while (s->slots[at].key && s->slots[at].key != key)
		at = (at + 1) & (s->cap - 1);
	return &s->slots[at];
}

static void index_add(struct store_summary *s, uint64_t key, uint64_t offset)
{
	if (s->count * 3 >= s->cap * 2) {
		struct slot *old = s->slots;
		size_t n = s->cap;
		s->cap = n ? n * 2 : 64;
		s->slots = calloc(s->cap, sizeof *s->slots);
		if (!s->slots)
			abort();
		for (size_t i = 0; i < n; i++)
			if (old[i].key)
				*find_slot(s, old[i].key) = old[i];
		free(old);
	}
	struct slot *slot = find_slot(s, key);
	if (!slot->key)
		s->count++;
	*slot = (struct slot){key, offset};
}

static void forget(struct store_summary *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->slots);
	free(s->window);
	*s = (struct store_summary){.fd = -1};
}

void store_summary_free(struct store_box *box)
{
	if (!box->summary)
		return;
	forget(box->summary);
	free(box->summary);
	box->summary = NULL;
}

size_t store_summary_bytes(const struct store_box *box)
{
	const struct store_summary *s = box->summary;

	return s ? sizeof *s + s->cap * sizeof *s->slots + WINDOW_MAX : 0;
}

static bool record_sane(const struct summary_record *r)
{
	return r->uid && r->kind && r->kind < 256 && r->length <= TEXT_MAX;
}

static size_t record_size(const struct summary_record *r)
{
	return sizeof *r + (r->length + 7u) / 8 * 8;
}

/* n bytes of the file, valid until the next call; NULL: they are not there. */
static const char *read_at(struct store_summary *s, size_t offset, size_t n)
{
	if (offset >= s->window_at && offset + n <= s->window_at + s->window_n)
		return s->window + (offset - s->window_at);
	bool next = s->window_n && offset >= s->window_at &&
		    offset < s->window_at + s->window_n + WINDOW_MIN;
	size_t want = next ? WINDOW_MAX : WINDOW_MIN, got = 0;

	if (want < n)
		want = n;
	free(s->window);
	s->window = malloc(want);
	s->window_n = 0;
	if (!s->window)
		abort();
	if (pf_fs_pread(s->fd, s->window, want, (off_t)offset, &got, NULL) !=
		PF_OK ||
	    got < n)
		return NULL;
	s->window_at = offset;
	s->window_n = got;
	return s->window;
}

/* Indexes what was appended since the last time. */
static void read_on(struct store_box *box, struct store_summary *s)
{
	struct stat st;
	struct summary_record r;

	if (fstat(s->fd, &st) != 0)
		return;
	while (!s->bad && s->end + sizeof r <= (size_t)st.st_size) {
		const char *p = read_at(s, s->end, sizeof r);
		if (p)
			memcpy(&r, p, sizeof r);
		if (!p || !record_sane(&r)) {
			s->bad = true;
			break;
		}
		if (s->end + record_size(&r) > (size_t)st.st_size)
			break; /* being written */
		if (store_box_find(box, r.uid))
			index_add(s, (uint64_t)r.uid << 8 | r.kind, s->end);
		else
			s->dead += record_size(&r);
		s->end += record_size(&r);
	}
}

/* Opens the file as it is now; false: there is none that is of use. */
static bool open_file(struct store_box *box)
{
	struct store_stamp now = store_stamp_of(box->dir, SUMMARY_NAME);
	struct store_summary *s = box->summary;
	struct summary_header h;
	size_t got = 0;

	if (!s) {
		s = box->summary = calloc(1, sizeof *s);
		if (!s)
			abort();
		s->fd = -1;
	}
	/* one that shrank is not the one we indexed */
	if (s->fd >= 0 && now.ino == s->ino && now.size >= s->end) {
		if (now.size > s->end)
			read_on(box, s);
		return true;
	}
	forget(s);
	int flags = box->store->read_only ? O_RDONLY : O_RDWR | O_APPEND;
	if (!now.mtime || pf_fs_open(box->dir, SUMMARY_NAME, flags | O_NOFOLLOW,
				     0, &s->fd, NULL) != PF_OK)
		return false;
	s->ino = now.ino;
	s->uidvalidity = box->uidvalidity;
	s->end = sizeof h;
	if (pf_fs_pread(s->fd, &h, sizeof h, 0, &got, NULL) != PF_OK ||
	    got != sizeof h || memcmp(h.magic, magic, sizeof magic) != 0 ||
	    h.uidvalidity != box->uidvalidity) {
		s->bad = true;
		return true;
	}
	read_on(box, s);
	return true;
}

/* What was written once stays true (whoever finds it of no use makes it
 * anew), so the file is only looked at for texts that were not in it. */
static struct slot *find_text(struct store_box *box, uint64_t key)
{
	struct store_summary *s = box->summary;

	if (s && s->fd >= 0 && s->count && s->uidvalidity == box->uidvalidity) {
		struct slot *slot = find_slot(s, key);
		if (slot->key)
			return slot;
	}
	if (!open_file(box) || box->summary->count == 0)
		return NULL;
	struct slot *slot = find_slot(box->summary, key);
	return slot->key ? slot : NULL;
}

pf_status store_summary_get(struct store_box *box, uint32_t uid,
			    enum store_summary_kind kind, struct pf_buf *to)
{
	struct slot *slot = find_text(box, (uint64_t)uid << 8 | (uint64_t)kind);
	struct summary_record r;

	if (!slot)
		return PF_NOTFOUND;
	size_t offset = slot->offset;
	const char *p = read_at(box->summary, offset, sizeof r);
	if (!p)
		return PF_NOTFOUND;
	memcpy(&r, p, sizeof r);
	if (!record_sane(&r) || r.uid != uid || r.kind != (uint32_t)kind)
		return PF_NOTFOUND;
	p = read_at(box->summary, offset, sizeof r + r.length);
	if (!p || pf_crc32c(uid, p + sizeof r, r.length) != r.crc)
		return PF_NOTFOUND;
	size_t before = to->len;
	pf_buf_add(to, p + sizeof r, r.length);
	return to->len == before + r.length ? PF_OK : PF_NOTFOUND;
}

/* ---- writing
 * -------------------------------------------------------------------- */

/* A new file with what is still of use of the old one. */
static bool rewrite(struct store_box *box)
{
	struct store_summary *s = box->summary;
	struct summary_header h = {.uidvalidity = box->uidvalidity};
	struct pf_buf out = PF_BUF_INIT(FILE_MAX);
	bool good;

	memcpy(h.magic, magic, sizeof magic);
	pf_buf_add(&out, &h, sizeof h);
	for (size_t i = 0; i < s->cap && s->fd >= 0; i++) {
		const struct slot *slot = &s->slots[i];
		struct summary_record r;
		const char *p;
		if (!slot->key ||
		    !store_box_find(box, (uint32_t)(slot->key >> 8)) ||
		    !(p = read_at(s, slot->offset, sizeof r)))
			continue;
		memcpy(&r, p, sizeof r);
		if (record_sane(&r) &&
		    (p = read_at(s, slot->offset, record_size(&r))))
			pf_buf_add(&out, p, record_size(&r));
	}
	good = !out.failed &&
	       pf_fs_replace(box->dir, SUMMARY_NAME, pf_buf_str(&out),
			     STORE_FILE_MODE, false, NULL) == PF_OK;
	pf_buf_release(&out);
	forget(s);
	return good && open_file(box);
}

void store_summary_put(struct store_box *box, uint32_t uid,
		       enum store_summary_kind kind, struct pf_str text)
{
	struct summary_record r = {
	    .uid = uid,
	    .kind = (uint32_t)kind,
	    .length = (uint32_t)text.n,
	    .crc = pf_crc32c(uid, text.p, text.n),
	};
	struct pf_buf out = PF_BUF_INIT(TEXT_MAX + 64);
	static const char padding[8];

	if (box->store->read_only || text.n > TEXT_MAX ||
	    !store_box_find(box, uid))
		return;
	bool have = open_file(box);
	struct store_summary *s = box->summary;
	if ((!have || s->bad || s->end > FILE_MAX / 2 ||
	     (s->dead > DEAD_MAX && s->dead > s->end / 2)) &&
	    !rewrite(box))
		return;
	pf_buf_add(&out, &r, sizeof r);
	pf_buf_add_str(&out, text);
	pf_buf_add(&out, padding, (8 - text.n % 8) % 8);
	if (!out.failed)
		(void)!pf_fs_write(s->fd, out.data, out.len, NULL);
	pf_buf_release(&out);
	/* indexed behind what others may have added before it */
	(void)!open_file(box);
}
