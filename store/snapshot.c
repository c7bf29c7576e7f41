/*
 * penfold.snapshot: a mailbox as an array, replaced as a whole.
 *
 *	header | records | gone ranges | keyword names | heap of names
 *
 * The records are struct store_rec as in memory, 8-aligned, so that the file
 * can be mapped.  A snapshot that is missing, torn or of another version is
 * no error: the mailbox is then put together from what else there is.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/crc.h"
#include "store/past.h"

#define SNAPSHOT_NAME  "penfold.snapshot"
#define SNAPSHOT_MAGIC "pfSNAP1"
/* a log of this size is folded into a new snapshot */
#define LOG_LIMIT	65536
#define LOG_LIMIT_CLOSE 16384

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
	uint32_t body_crc, crc;
};

/* ---- loading ----------------------------------------------------------- */

static bool header_good(const struct snapshot_header *h, size_t body)
{
	uint64_t want = h->recs, part;

	return memcmp(h->magic, SNAPSHOT_MAGIC, sizeof h->magic) == 0 &&
	       h->header_size == sizeof *h &&
	       h->rec_size == sizeof(struct store_rec) &&
	       h->crc ==
		   pf_crc32c(0, h, offsetof(struct snapshot_header, crc)) &&
	       h->heap <= UINT32_MAX && h->heap > 0 && h->keywords < 1 << 20 &&
	       !__builtin_mul_overflow(want, sizeof(struct store_rec), &want) &&
	       !__builtin_mul_overflow(h->gone, sizeof(struct store_gone),
				       &part) &&
	       !__builtin_add_overflow(want, part, &want) &&
	       !__builtin_add_overflow(want, h->keywords + h->heap, &want) &&
	       want == body;
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

bool store_snapshot_parse(struct store_box *box, struct pf_str bytes)
{
	struct snapshot_header h;

	if (bytes.n < sizeof h)
		return false;
	memcpy(&h, bytes.p, sizeof h);
	const char *at = bytes.p + sizeof h;
	size_t body = bytes.n - sizeof h;
	if (!header_good(&h, body) || pf_crc32c(0, at, body) != h.body_crc)
		return false;
	if (h.recs) {
		pf_vec_room(&box->recs, h.recs);
		memcpy(box->recs.v, at, h.recs * sizeof *box->recs.v);
	}
	box->recs.n = h.recs;
	at += h.recs * sizeof *box->recs.v;
	if (h.gone) {
		pf_vec_room(&box->gone, h.gone);
		memcpy(box->gone.v, at, h.gone * sizeof *box->gone.v);
	}
	box->gone.n = h.gone;
	at += h.gone * sizeof *box->gone.v;
	struct pf_str names = {at, h.keywords};
	at += h.keywords;
	free(box->heap);
	box->heap = malloc(h.heap);
	if (!box->heap)
		abort();
	memcpy(box->heap, at, h.heap);
	box->heap_len = box->heap_cap = h.heap;
	box->uidvalidity = h.uidvalidity;
	box->uidnext = h.uidnext;
	box->modseq = h.modseq;
	box->gone_floor = h.gone_floor;
	box->seq = h.seq;
	memcpy(box->guid, h.guid, 32);
	box->guid[32] = '\0';
	memcpy(box->seen, h.seen, sizeof box->seen);
	box->noted = h.noted;
	box->rescan = h.rescan & RESCAN_BOTH;
	box->rescan_at = h.rescan_at;
	box->unclean = box->rescan || box->rescan_at;
	box->snapshot_size = bytes.n;
	if (box->heap[0] != '\0' || box->heap[h.heap - 1] != '\0' ||
	    !load_keywords(box, names) || !records_good(box))
		return false;
	for (size_t i = 0; i < box->recs.n; i++)
		box->recs.v[i].state &= REC_KEPT;
	store_box_count(box);
	return true;
}

pf_status store_snapshot_load(struct store_box *box)
{
	struct pf_buf bytes = PF_BUF_INIT(STORE_FILE_MAX);
	pf_status status = pf_fs_read(box->dir, SNAPSHOT_NAME, &bytes, NULL);

	if (status == PF_OK && !store_snapshot_parse(box, pf_buf_str(&bytes)))
		status = PF_NOTFOUND;
	if (status != PF_OK)
		store_box_forget(box);
	pf_buf_release(&bytes);
	return status;
}

/* ---- writing ----------------------------------------------------------- */

/* Adds the text at `from` of the heap to the new heap. */
static uint32_t move_text(struct pf_buf *heap, const struct store_box *box,
			  uint32_t from, bool with_suffix)
{
	uint32_t at = (uint32_t)heap->len;
	size_t n = strlen(box->heap + from) + 1;

	if (with_suffix)
		n += strlen(box->heap + from + n) + 1;
	pf_buf_add(heap, box->heap + from, n);
	return at;
}

/* Records with the garbage in the heap left behind. */
static void add_records(const struct store_box *box, struct pf_buf *out,
			struct pf_buf *heap)
{
	pf_buf_add_byte(heap, '\0');
	for (size_t i = 0; i < box->recs.n; i++) {
		struct store_rec rec = box->recs.v[i];
		rec.state &= REC_KEPT;
		rec.name = move_text(heap, box, rec.name, rec.state & REC_ODD);
		if (rec.guid)
			rec.guid = move_text(heap, box, rec.guid, false);
		pf_buf_add(out, &rec, sizeof rec);
	}
}

pf_status store_snapshot_write(struct store_box *box, struct pf_error *err)
{
	struct pf_buf out = PF_BUF_INIT(STORE_FILE_MAX);
	struct pf_buf heap = PF_BUF_INIT(STORE_FILE_MAX);
	struct snapshot_header h = {
	    .magic = SNAPSHOT_MAGIC,
	    .header_size = sizeof h,
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
	};

	memcpy(h.guid, box->guid, sizeof h.guid);
	pf_buf_reserve(&out, sizeof h + box->recs.n * sizeof *box->recs.v +
				 box->heap_len);
	pf_buf_add(&out, &h, sizeof h);
	add_records(box, &out, &heap);
	pf_buf_add(&out, box->gone.v, box->gone.n * sizeof *box->gone.v);
	size_t keywords = out.len;
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		pf_buf_add_c(&out, box->keywords[i] ? box->keywords[i] : "");
		pf_buf_add_byte(&out, '\n');
	}
	h.keywords = out.len - keywords;
	while (heap.len % 8)
		pf_buf_add_byte(&heap, '\0');
	h.heap = heap.len;
	pf_buf_add_str(&out, pf_buf_str(&heap));
	pf_status status = pf_buf_status(&out, err);
	if (status == PF_OK)
		status = pf_buf_status(&heap, err);
	if (status == PF_OK) {
		h.body_crc =
		    pf_crc32c(0, out.data + sizeof h, out.len - sizeof h);
		h.crc = pf_crc32c(0, &h, offsetof(struct snapshot_header, crc));
		memcpy(out.data, &h, sizeof h);
		status =
		    pf_fs_replace(box->dir, SNAPSHOT_NAME, pf_buf_str(&out),
				  STORE_FILE_MODE, true, err);
	}
	if (status == PF_OK) {
		box->snapshot_size = out.len;
		box->unclean = h.rescan || h.rescan_at;
	}
	pf_buf_release(&out);
	pf_buf_release(&heap);
	return status;
}

pf_status store_checkpoint(struct store_box *box, struct pf_error *err)
{
	pf_status status = pf_fs_sync_dir(box->dir, "cur", err);

	store_past_write(box, true); /* the log will not tell it again */
	if (status == PF_OK)
		status = pf_fs_sync_dir(box->dir, "new", err);
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

	/* a large mailbox is not rewritten for a few changes */
	if (limit < box->snapshot_size / 16)
		limit = box->snapshot_size / 16;
	if (box->log_fd >= 0 && box->log_end > (off_t)limit &&
	    box->dirty.n == 0 && box->intents.n == 0)
		(void)!store_checkpoint(box, NULL);
}
