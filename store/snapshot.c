/*
 * penfold.snapshot: a mailbox as an array, replaced as a whole.
 *
 *	header | gone ranges | keyword names | records | index | heap of names
 *
 * The parts are as in memory.  Those of a large mailbox begin at pages and
 * are mapped (area.c), and what a SELECT or STATUS wants to know stands in
 * the header, so that opening costs the same for ten messages and a million.
 *
 * A snapshot that is missing, torn or of another version is no error: the
 * mailbox is then put together from what else there is.  A sum over all of it
 * tells.  Reading all of it at each open would cost more than everything
 * else, so whoever wrote or checked it notes in penfold.lock which file that
 * was, and when: as long as it has those stamps, and the computer was not
 * started anew, it is believed.  Offsets are checked where they are used.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "store/past.h"

#define SNAPSHOT_NAME  "penfold.snapshot"
#define SNAPSHOT_MAGIC "pfSNAP2"
#define NOTE_MAGIC     "pfLOCK1"
#define PAGE	       4096
/* a log of this size is folded into a new snapshot */
#define LOG_LIMIT	65536
#define LOG_LIMIT_CLOSE 16384
#define LOG_LIMIT_MOST	((size_t)1 << 20)

struct snapshot_header {
	char magic[8];
	uint32_t header_size, rec_size;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq, gone_floor, seq;
	char guid[32];
	struct store_stamp seen[2];
	struct store_noted noted;
	uint64_t rescan;
	int64_t rescan_at;
	uint64_t recs, gone, keywords, heap; /* counts; bytes for the last 2 */
	uint64_t slots, heap_waste;
	uint64_t size, deleted_size, disk;
	uint32_t unseen, deleted, in_new, fresh;
	uint32_t seen_end, index_count, index_last, align;
	uint32_t disk_known, pad;
	uint32_t body_crc, crc;
};

/* Where the parts begin */
struct layout {
	uint64_t gone, keywords, recs, index, heap, end;
};

/* What penfold.lock says of the snapshot */
struct note {
	char magic[8];
	char boot[16];
	struct store_stamp file;
	uint32_t pad, crc;
};

/* ---- loading ----------------------------------------------------------- */

static uint64_t aligned(uint64_t at, uint32_t align)
{
	return (at + align - 1) / align * align;
}

static bool lay_out(const struct snapshot_header *h, struct layout *l)
{
	if (h->heap > UINT32_MAX || h->heap < 2 || h->keywords >= 1 << 20 ||
	    h->recs > UINT32_MAX || h->gone > UINT32_MAX ||
	    h->slots > UINT32_MAX || (h->slots & (h->slots - 1)) ||
	    h->index_count > h->slots || h->index_count > UINT32_MAX / 4 * 3 ||
	    (h->align != 8 && h->align != PAGE))
		return false;
	l->gone = sizeof *h;
	l->keywords = l->gone + h->gone * sizeof(struct store_gone);
	l->recs = aligned(l->keywords + h->keywords, h->align);
	l->index =
	    aligned(l->recs + h->recs * sizeof(struct store_rec), h->align);
	l->heap = aligned(l->index + h->slots * sizeof(uint32_t), h->align);
	l->end = l->heap + h->heap;
	return true;
}

static bool header_good(const struct snapshot_header *h, uint64_t size,
			struct layout *l)
{
	return memcmp(h->magic, SNAPSHOT_MAGIC, sizeof h->magic) == 0 &&
	       h->header_size == sizeof *h &&
	       h->rec_size == sizeof(struct store_rec) &&
	       h->crc ==
		   pf_crc32c(0, h, offsetof(struct snapshot_header, crc)) &&
	       lay_out(h, l) && l->end == size;
}

/* A record's offsets into the heap and its place in the order. */
static bool records_good(const struct store_box *box)
{
	uint32_t last = 0;

	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		if (rec->m.uid <= last || rec->m.uid == UINT32_MAX ||
		    rec->name == 0 || rec->name >= box->heap_len ||
		    rec->guid >= box->heap_len)
			return false;
		if (rec->state & REC_ODD) { /* the suffix is behind the name */
			const char *base = store_rec_base(box, rec);
			if (rec->name + strlen(base) + 1 >= box->heap_len)
				return false;
		}
		last = rec->m.uid;
	}
	return last < box->uidnext;
}

static bool load_keywords(struct store_box *box, struct pf_str text)
{
	struct pf_str name;
	unsigned n = 0;

	while (pf_str_split(&text, '\n', &name)) {
		if (n == STORE_KEYWORDS_MAX || memchr(name.p, '\0', name.n))
			return false;
		free(box->keywords[n]);
		box->keywords[n] = name.n ? pf_str_dup(name) : NULL;
		n++;
	}
	return true;
}

static void take_header(struct store_box *box, const struct snapshot_header *h,
			size_t size)
{
	box->recs.n = h->recs;
	box->heap_len = h->heap;
	box->heap_waste = h->heap_waste;
	box->uidvalidity = h->uidvalidity;
	box->uidnext = h->uidnext;
	box->modseq = h->modseq;
	box->gone_floor = h->gone_floor;
	box->seq = h->seq;
	memcpy(box->guid, h->guid, 32);
	box->guid[32] = '\0';
	memcpy(box->seen, h->seen, sizeof box->seen);
	box->noted = h->noted;
	box->rescan = h->rescan & RESCAN_BOTH;
	box->rescan_at = h->rescan_at;
	box->unclean = box->rescan || box->rescan_at;
	box->snapshot_size = size;
}

/* What is neither record nor name, and whether the heap has its ends. */
static bool take_rest(struct store_box *box, const struct snapshot_header *h,
		      const char *gone, const char *keywords)
{
	if (h->gone) {
		pf_vec_room(&box->gone, h->gone);
		memcpy(box->gone.v, gone, h->gone * sizeof *box->gone.v);
	}
	box->gone.n = h->gone;
	return box->heap[0] == '\0' && box->heap[h->heap - 1] == '\0' &&
	       load_keywords(box, (struct pf_str){keywords, h->keywords});
}

bool store_snapshot_parse(struct store_box *box, struct pf_str bytes)
{
	struct snapshot_header h;
	struct layout l;

	if (bytes.n < sizeof h)
		return false;
	memcpy(&h, bytes.p, sizeof h);
	if (!header_good(&h, bytes.n, &l) ||
	    pf_crc32c(0, bytes.p + sizeof h, bytes.n - sizeof h) != h.body_crc)
		return false;
	if (h.recs) {
		store_recs_room(box, h.recs);
		memcpy(box->recs.v, bytes.p + l.recs,
		       h.recs * sizeof *box->recs.v);
	}
	store_area_free(&box->heap_area, box->heap);
	box->heap = malloc(h.heap);
	if (!box->heap)
		abort();
	memcpy(box->heap, bytes.p + l.heap, h.heap);
	box->heap_cap = h.heap;
	take_header(box, &h, bytes.n);
	if (!take_rest(box, &h, bytes.p + l.gone, bytes.p + l.keywords) ||
	    !records_good(box))
		return false;
	for (size_t i = 0; i < box->recs.n; i++)
		box->recs.v[i].state &= REC_KEPT;
	store_box_count(box);
	return true;
}

/* ---- mapping ----------------------------------------------------------- */

/* Was this very file written or checked since the computer was started? */
static bool is_noted(const struct store_box *box,
		     const struct store_stamp *file)
{
	struct note note;
	char boot[16];
	size_t got = 0;

	store_boot_id(boot);
	return box->lock_fd >= 0 &&
	       pf_fs_pread(box->lock_fd, &note, sizeof note, 0, &got, NULL) ==
		   PF_OK &&
	       got == sizeof note &&
	       memcmp(note.magic, NOTE_MAGIC, sizeof note.magic) == 0 &&
	       note.crc == pf_crc32c(0, &note, offsetof(struct note, crc)) &&
	       memcmp(note.boot, boot, sizeof boot) == 0 &&
	       store_stamp_eq(&note.file, file);
}

/* May be lost at any time, so it is not synced. */
static void write_note(struct store_box *box, const struct store_stamp *file)
{
	struct note note = {.magic = NOTE_MAGIC, .file = *file};

	if (box->lock_fd < 0 || box->store->read_only)
		return;
	store_boot_id(note.boot);
	note.crc = pf_crc32c(0, &note, offsetof(struct note, crc));
	(void)!pf_fs_pwrite(box->lock_fd, &note, sizeof note, 0, NULL);
}

static bool body_good(int fd, size_t size, uint32_t crc)
{
	char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return false;
	size_t head = sizeof(struct snapshot_header);
	bool good = pf_crc32c(0, p + head, size - head) == crc;
	munmap(p, size);
	return good;
}

static bool map_parts(struct store_box *box, int fd,
		      const struct snapshot_header *h, const struct layout *l)
{
	size_t rec = sizeof *box->recs.v, slot = sizeof *box->index;

	store_area_free(&box->heap_area, box->heap);
	box->heap = store_area_map(&box->heap_area, fd, l->heap, h->heap,
				   &box->heap_cap, 1);
	box->recs.v = store_area_map(&box->recs_area, fd, l->recs,
				     h->recs * rec, &box->recs.cap, rec);
	if (h->slots)
		box->index =
		    store_area_map(&box->index_area, fd, l->index,
				   h->slots * slot, &box->index_cap, slot);
	box->index_cap = box->index ? h->slots : 0;
	box->index_count = box->index ? h->index_count : 0;
	box->index_last = box->index ? h->index_last : 0;
	return box->heap && box->recs.v;
}

static void take_counts(struct store_box *box, const struct snapshot_header *h)
{
	box->unseen = h->unseen;
	box->deleted_count = h->deleted;
	box->in_new = h->in_new;
	box->fresh = h->fresh;
	box->size = h->size;
	box->deleted_size = h->deleted_size;
	box->disk = h->disk;
	box->disk_known = h->disk_known;
	box->seen_end = h->seen_end;
}

static bool map_file(struct store_box *box, int fd,
		     const struct snapshot_header *h, const struct layout *l,
		     const struct store_stamp *file)
{
	size_t rest = l->recs - l->gone, got = 0;
	bool noted = is_noted(box, file);

	if ((!noted && !body_good(fd, l->end, h->body_crc)) ||
	    !map_parts(box, fd, h, l))
		return false;
	char *bytes = malloc(rest);
	if (!bytes)
		abort();
	take_header(box, h, l->end);
	take_counts(box, h);
	bool good =
	    pf_fs_pread(fd, bytes, rest, (off_t)l->gone, &got, NULL) == PF_OK &&
	    got == rest &&
	    take_rest(box, h, bytes, bytes + (l->keywords - l->gone)) &&
	    (noted || records_good(box));
	free(bytes);
	if (good && !noted && box->locked)
		write_note(box, file);
	return good;
}

static bool load_file(struct store_box *box, int fd)
{
	struct store_stamp file = store_stamp_of(fd, "");
	struct snapshot_header h;
	struct layout l;
	size_t got = 0;

	if (pf_fs_pread(fd, &h, sizeof h, 0, &got, NULL) != PF_OK ||
	    got != sizeof h || !header_good(&h, file.size, &l))
		return false;
	if (h.align == PAGE && sysconf(_SC_PAGESIZE) == PAGE)
		return map_file(box, fd, &h, &l, &file);
	struct pf_buf bytes = PF_BUF_INIT(STORE_FILE_MAX);
	bool good = pf_fs_read_fd(fd, &bytes, NULL) == PF_OK &&
		    store_snapshot_parse(box, pf_buf_str(&bytes));
	pf_buf_release(&bytes);
	return good;
}

pf_status store_snapshot_load(struct store_box *box)
{
	int fd = -1;
	pf_status status = pf_fs_open(box->dir, SNAPSHOT_NAME,
				      O_RDONLY | O_NOFOLLOW, 0, &fd, NULL);

	if (status == PF_OK && !load_file(box, fd))
		status = PF_NOTFOUND;
	if (fd >= 0)
		close(fd);
	if (status != PF_OK)
		store_box_forget(box);
	return status;
}

/* ---- writing ----------------------------------------------------------- */

/* Adds the text at `from` of the heap to the new heap. */
static uint32_t move_text(struct pf_buf *heap, const struct store_box *box,
			  uint32_t from, bool with_suffix)
{
	uint32_t at = (uint32_t)heap->len;
	const char *text = store_heap_text(box, from);
	size_t n = strlen(text) + 1;

	if (with_suffix && text + n < box->heap + box->heap_len)
		n += strlen(text + n) + 1;
	pf_buf_add(heap, text, n);
	return at;
}

/* Records with the garbage in the heap left behind. */
static void compact(const struct store_box *box, struct store_rec *recs,
		    struct pf_buf *heap)
{
	pf_buf_add_byte(heap, '\0');
	for (size_t i = 0; i < box->recs.n; i++) {
		struct store_rec *rec = &recs[i];
		rec->name =
		    move_text(heap, box, rec->name, rec->state & REC_ODD);
		if (rec->guid)
			rec->guid = move_text(heap, box, rec->guid, false);
	}
}

static void add_padding(struct pf_buf *out, uint32_t align)
{
	static const char zeros[PAGE];

	pf_buf_add(out, zeros, aligned(out->len, align) - out->len);
}

/* All that stands behind the header; *h learns of its parts. */
static void add_body(const struct store_box *box, struct pf_buf *out,
		     struct snapshot_header *h)
{
	struct pf_buf heap = PF_BUF_INIT(STORE_FILE_MAX);
	size_t recs = box->recs.n * sizeof *box->recs.v, start = out->len;

	pf_buf_add(out, box->gone.v, box->gone.n * sizeof *box->gone.v);
	h->keywords = out->len;
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		pf_buf_add_c(out, box->keywords[i] ? box->keywords[i] : "");
		pf_buf_add_byte(out, '\n');
	}
	h->keywords = out->len - h->keywords;
	add_padding(out, h->align);
	size_t at = out->len;
	pf_buf_add(out, box->recs.v, recs);
	add_padding(out, h->align);
	struct pf_str names = {box->heap, box->heap_len};
	if (!out->failed) {
		/* (the buffer is of malloc, and the offset is aligned) */
		struct store_rec *v = (void *)(out->data + at);
		for (size_t i = 0; i < box->recs.n; i++)
			v[i].state &= REC_KEPT;
		if (h->heap_waste == 0) {
			compact(box, v, &heap);
			names = pf_buf_str(&heap);
		}
	}
	pf_buf_add(out, box->index, h->slots * sizeof *box->index);
	add_padding(out, h->align);
	pf_buf_add_str(out, names);
	/* an empty text behind the last, and whole words */
	h->heap = names.n + 8 - names.n % 8;
	pf_buf_add(out, "\0\0\0\0\0\0\0", h->heap - names.n);
	h->body_crc = pf_crc32c(0, out->data + start, out->len - start);
	if (heap.failed)
		out->failed = heap.failed;
	pf_buf_release(&heap);
}

static void make_header(struct store_box *box, struct snapshot_header *h)
{
	size_t size = box->recs.n * sizeof *box->recs.v + box->heap_len;
	bool large = size >= box->store->map_least;

	if (large)
		store_index_complete(box);
	*h = (struct snapshot_header){
	    .magic = SNAPSHOT_MAGIC,
	    .header_size = sizeof *h,
	    .rec_size = sizeof(struct store_rec),
	    .uidvalidity = box->uidvalidity,
	    .uidnext = box->uidnext,
	    .modseq = box->modseq,
	    .gone_floor = box->gone_floor,
	    .seq = box->seq,
	    .seen = {box->seen[0], box->seen[1]},
	    .noted = box->noted,
	    .rescan = box->missing ? RESCAN_BOTH : box->rescan,
	    .rescan_at = box->rescan_at,
	    .recs = box->recs.n,
	    .gone = box->gone.n,
	    .slots = large ? box->index_cap : 0,
	    /* little of it is carried on, much is left behind */
	    .heap_waste = large && box->heap_waste < box->heap_len / 8
			      ? box->heap_waste + 1
			      : 0,
	    .size = box->size,
	    .deleted_size = box->deleted_size,
	    .disk = box->disk,
	    .unseen = box->unseen,
	    .deleted = box->deleted_count,
	    .in_new = box->in_new,
	    .fresh = box->fresh,
	    .seen_end = box->seen_end,
	    .index_count = large ? (uint32_t)box->index_count : 0,
	    .index_last = large ? box->index_last : 0,
	    .align = large ? PAGE : 8,
	    .disk_known = box->disk_known,
	};
	memcpy(h->guid, box->guid, sizeof h->guid);
}

pf_status store_snapshot_write(struct store_box *box, struct pf_error *err)
{
	struct pf_buf out = PF_BUF_INIT(STORE_FILE_MAX);
	struct snapshot_header h;

	make_header(box, &h);
	pf_buf_reserve(&out, sizeof h + box->recs.n * sizeof *box->recs.v +
				 h.slots * sizeof *box->index + box->heap_len +
				 ((size_t)1 << 20));
	pf_buf_add(&out, &h, sizeof h);
	add_body(box, &out, &h);
	pf_status status = pf_buf_status(&out, err);
	if (status == PF_OK) {
		h.crc = pf_crc32c(0, &h, offsetof(struct snapshot_header, crc));
		memcpy(out.data, &h, sizeof h);
		/* nobody writes to it: others have it mapped */
		status = pf_fs_replace(box->dir, SNAPSHOT_NAME,
				       pf_buf_str(&out), 0400, true, err);
	}
	if (status == PF_OK) {
		struct store_stamp file =
		    store_stamp_of(box->dir, SNAPSHOT_NAME);
		write_note(box, &file);
		box->snapshot_size = out.len;
		box->unclean = h.rescan || h.rescan_at;
	}
	pf_buf_release(&out);
	return status;
}

pf_status store_checkpoint(struct store_box *box, struct pf_error *err)
{
	pf_status status = PF_OK;

	/* Renames of ours that no log will tell of any more; before the first
	 * log there were none. */
	if (box->log_fd >= 0) {
		status = pf_fs_sync_dir(box->dir, "cur", err);
		if (status == PF_OK)
			status = pf_fs_sync_dir(box->dir, "new", err);
	}
	store_past_write(box, true); /* the log will not tell it again */
	if (status == PF_OK)
		status = store_snapshot_write(box, err);
	if (status == PF_OK)
		status = store_log_restart(box, err);
	if (status != PF_OK)
		pf_error_context(err, "%s: checkpoint", box->folder);
	return status;
}

void store_checkpoint_maybe(struct store_box *box, bool closing)
{
	size_t limit = closing ? LOG_LIMIT_CLOSE : LOG_LIMIT;

	/* A large mailbox is not rewritten for a few changes, and an open does
	 * not read many. */
	if (limit < box->snapshot_size / 16)
		limit = box->snapshot_size / 16;
	if (limit > LOG_LIMIT_MOST)
		limit = LOG_LIMIT_MOST;
	if (box->log_fd >= 0 && box->log_end > (off_t)limit &&
	    box->dirty.n == 0 && box->intents.n == 0)
		(void)!store_checkpoint(box, NULL);
}
