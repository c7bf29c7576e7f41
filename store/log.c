/*
 * penfold.log: what happened to a mailbox since its snapshot.
 *
 *	header | record | record | ...
 *
 * A record carries its length, a sequence number that goes on from log to
 * log, and a CRC-32C; a reader stops without an error at the first one that
 * does not fit (after a power cut the end of the file may be zeros, or
 * missing).  Writers hold the mailbox' lock, append a whole transaction,
 * fdatasync once, and only then anybody is told.
 *
 * The snapshot says up to which record it goes.  So a crash between "new
 * snapshot" and "new log" is harmless: the old log's records are skipped.
 */
#include <errno.h>
#include <unistd.h>

#include "base/crc.h"
#include "store/past.h"

#define LOG_NAME  "penfold.log"
#define LOG_MAGIC "pfLOG01"
#define LOG_MAX	  ((size_t)1 << 30)
#define TXN_MAX	  ((size_t)1 << 30)

static const char padding[8];

/* The kernel's name for the time since it was started. */
void store_boot_id(char id[16])
{
	struct pf_buf text = PF_BUF_INIT(64);

	memset(id, 0, 16);
	if (pf_fs_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &text,
		       NULL) == PF_OK) {
		uint64_t h[2] = {pf_crc32c(0, text.data, text.len),
				 pf_crc32c(1, text.data, text.len)};
		memcpy(id, h, 16);
	}
	pf_buf_release(&text);
}

/* ---- writing ---------------------------------------------------------- */

static size_t record_begin(struct store_box *box, uint32_t type)
{
	struct store_record_header h = {.type = type};
	size_t at = box->txn.len;

	if (box->txn.max == 0)
		pf_buf_init(&box->txn, TXN_MAX);
	pf_buf_add(&box->txn, &h, sizeof h);
	return at;
}

static void record_end(struct store_box *box, size_t at)
{
	struct store_record_header h;
	size_t length = box->txn.len - at - sizeof h;

	if (box->txn.failed)
		return;
	memcpy(&h, box->txn.data + at, sizeof h);
	h.length = (uint32_t)length;
	memcpy(box->txn.data + at, &h, sizeof h);
	pf_buf_add(&box->txn, padding, (8 - length % 8) % 8);
}

static void add_simple(struct store_box *box, uint32_t type, const void *p,
		       size_t n)
{
	size_t at = record_begin(box, type);

	pf_buf_add(&box->txn, p, n);
	record_end(box, at);
}

void store_txn_add(struct store_box *box, const struct store_msg *m,
		   uint32_t letters, uint32_t state, struct pf_str base,
		   struct pf_str guid, struct pf_str suffix)
{
	size_t at = record_begin(box, RECORD_ADD);
	struct store_add_record add = {
	    .m = *m,
	    .letters = letters,
	    .state = state & REC_KEPT,
	    .name_len = (uint16_t)base.n,
	    .guid_len = (uint16_t)guid.n,
	    .suffix_len = (uint16_t)suffix.n,
	};

	pf_buf_add(&box->txn, &add, sizeof add);
	pf_buf_add_str(&box->txn, base);
	pf_buf_add_str(&box->txn, guid);
	pf_buf_add_str(&box->txn, suffix);
	record_end(box, at);
}

void store_txn_flags(struct store_box *box,
		     const struct store_flags_record *change,
		     const struct store_range *ranges, size_t count)
{
	size_t at = record_begin(box, RECORD_FLAGS);

	pf_buf_add(&box->txn, change, sizeof *change);
	pf_buf_add(&box->txn, ranges, count * sizeof *ranges);
	record_end(box, at);
}

void store_txn_expunge(struct store_box *box, uint64_t modseq,
		       const struct store_range *ranges, size_t count)
{
	size_t at = record_begin(box, RECORD_EXPUNGE);

	pf_buf_add(&box->txn, &modseq, sizeof modseq);
	pf_buf_add(&box->txn, ranges, count * sizeof *ranges);
	record_end(box, at);
}

void store_txn_taken(struct store_box *box, const struct store_range *ranges,
		     size_t count)
{
	add_simple(box, RECORD_TAKEN, ranges, count * sizeof *ranges);
}

void store_txn_keyword(struct store_box *box, unsigned number,
		       struct pf_str name)
{
	uint32_t n = number;
	size_t at = record_begin(box, RECORD_KEYWORD);

	pf_buf_add(&box->txn, &n, sizeof n);
	pf_buf_add_str(&box->txn, name);
	record_end(box, at);
}

void store_txn_uidnext(struct store_box *box, uint32_t uidnext)
{
	add_simple(box, RECORD_UIDNEXT, &uidnext, sizeof uidnext);
}

void store_txn_applied(struct store_box *box)
{
	struct store_applied_record applied = {
	    .seen = {box->seen[0], box->seen[1]},
	    .rescan = box->missing ? RESCAN_BOTH : box->rescan,
	    .rescan_at = box->rescan_at,
	};

	add_simple(box, RECORD_APPLIED, &applied, sizeof applied);
}

void store_txn_noted(struct store_box *box)
{
	add_simple(box, RECORD_NOTED, &box->noted, sizeof box->noted);
}

void store_txn_intent(struct store_box *box, struct pf_str path)
{
	add_simple(box, RECORD_INTENT, path.p, path.n);
}

void store_txn_deleted(struct store_box *box)
{
	add_simple(box, RECORD_DELETED, NULL, 0);
}

void store_txn_move(struct store_box *box, const struct store_move *move,
		    struct pf_str base, struct pf_str folder,
		    struct pf_str root)
{
	size_t at = record_begin(box, RECORD_MOVE);
	struct store_move_record r = {
	    .to_modseq = move->to_modseq,
	    .to_ino = move->to_ino,
	    .uid = move->uid,
	    .to_uid = move->to_uid,
	    .base_len = (uint16_t)base.n,
	    .folder_len = (uint16_t)folder.n,
	    .root_len = (uint16_t)root.n,
	};

	memcpy(r.to_guid, move->to_guid, sizeof r.to_guid);
	pf_buf_add(&box->txn, &r, sizeof r);
	pf_buf_add_str(&box->txn, base);
	pf_buf_add_str(&box->txn, folder);
	pf_buf_add_str(&box->txn, root);
	record_end(box, at);
}

void store_txn_moved(struct store_box *box, uint32_t type,
		     const struct store_range *ranges, size_t count)
{
	add_simple(box, type, ranges, count * sizeof *ranges);
}

void store_txn_drop(struct store_box *box)
{
	pf_buf_release(&box->txn);
}

static uint32_t record_crc(const struct store_record_header *h,
			   const char *payload)
{
	uint32_t crc =
	    pf_crc32c(0, h, offsetof(struct store_record_header, crc));

	return pf_crc32c(crc, payload, h->length);
}

/* Gives the records of the transaction their numbers and sums; the last
 * number. */
static uint64_t seal(struct store_box *box)
{
	struct store_record_header h;
	uint64_t seq = box->seq;

	for (size_t at = 0; at < box->txn.len;
	     at += sizeof h + (h.length + 7) / 8 * 8) {
		char *p = box->txn.data + at;
		memcpy(&h, p, sizeof h);
		h.seq = ++seq;
		h.crc = record_crc(&h, p + sizeof h);
		memcpy(p, &h, sizeof h);
	}
	return seq;
}

static bool apply_one(void *arg, const struct store_record_header *h,
		      const char *payload)
{
	struct store_box *box = arg;

	if (h->seq <= box->seq)
		return true; /* the snapshot has it already */
	if (!store_apply(box, h->type, pf_str_mem(payload, h->length)))
		return false;
	box->seq = h->seq;
	return true;
}

static pf_status apply_txn(struct store_box *box, struct pf_error *err)
{
	uint64_t seq = box->seq;
	size_t done =
	    store_log_walk(pf_buf_str(&box->txn), &seq, apply_one, box);
	bool whole = done == box->txn.len;

	store_txn_drop(box);
	if (whole)
		return PF_OK;
	box->loaded = false; /* read it all again */
	return pf_error_set(err, PF_INTERNAL, NULL,
			    "a log record of ours cannot be applied");
}

pf_status store_txn_apply(struct store_box *box, struct pf_error *err)
{
	(void)seal(box);
	return apply_txn(box, err);
}

/* A reader's own picture, until somebody who may write gives UIDs. */
static pf_status apply_provisional(struct store_box *box, struct pf_error *err)
{
	uint64_t seq = box->seq;

	pf_status status = store_txn_apply(box, err);
	box->seq = seq;
	box->provisional = true;
	return status;
}

pf_status store_txn_commit(struct store_box *box, bool durable,
			   struct pf_error *err)
{
	pf_status status = pf_buf_status(&box->txn, err);

	if (status == PF_OK && box->txn.len == 0)
		return PF_OK;
	if (status == PF_OK && box->store->read_only)
		return apply_provisional(box, err);
	/* Without a log the memory is the only place that knows who has which
	 * UID: it must go to disk with these records, not before them. */
	if (status == PF_OK && box->log_fd < 0)
		return store_txn_commit_bulk(box, err);
	if (status == PF_OK) {
		store_past_note(box);
		(void)seal(box);
		status = pf_fs_pwrite(box->log_fd, box->txn.data, box->txn.len,
				      box->log_end, err);
		if (status == PF_OK && durable)
			status = pf_fs_datasync(box->log_fd, err);
		if (status != PF_OK && ftruncate(box->log_fd, box->log_end))
			store_log_close(box); /* start a new one next time */
	}
	if (status != PF_OK) {
		pf_error_context(err, "%s: " LOG_NAME, box->folder);
		store_txn_drop(box);
		return status;
	}
	box->log_end += (off_t)box->txn.len;
	return apply_txn(box, err);
}

pf_status store_txn_commit_bulk(struct store_box *box, struct pf_error *err)
{
	pf_status status = pf_buf_status(&box->txn, err);

	if (status != PF_OK) {
		store_txn_drop(box);
		return status;
	}
	store_past_note(box);
	status = store_txn_apply(box, err);
	if (status == PF_OK)
		status = store_checkpoint(box, err);
	if (status != PF_OK)
		box->loaded = false; /* the memory is ahead of the disk */
	return status;
}

/* ---- reading ---------------------------------------------------------- */

size_t store_log_walk(struct pf_str bytes, uint64_t *seq, store_record_fn *fn,
		      void *arg)
{
	struct store_record_header h;
	size_t at = 0;

	while (bytes.n - at >= sizeof h) {
		const char *payload = bytes.p + at + sizeof h;
		memcpy(&h, bytes.p + at, sizeof h);
		size_t room = bytes.n - at - sizeof h;
		if (h.length > room || (h.length + 7u) / 8 * 8 > room ||
		    h.seq != *seq + 1 || h.type == 0 ||
		    record_crc(&h, payload) != h.crc || !fn(arg, &h, payload))
			break;
		*seq = h.seq;
		at += sizeof h + (h.length + 7u) / 8 * 8;
	}
	return at;
}

void store_log_close(struct store_box *box)
{
	if (box->log_fd >= 0)
		close(box->log_fd);
	box->log_fd = -1;
	box->log_end = 0;
	box->log_ino = 0;
}

static bool read_header(struct store_box *box, int fd,
			struct store_log_header *h)
{
	size_t got = 0;

	(void)box;
	return pf_fs_pread(fd, h, sizeof *h, 0, &got, NULL) == PF_OK &&
	       got == sizeof *h &&
	       memcmp(h->magic, LOG_MAGIC, sizeof h->magic) == 0 &&
	       h->crc ==
		   pf_crc32c(0, h, offsetof(struct store_log_header, crc));
}

/* Opens the log that is there now, if it is not the one we have. */
static bool open_current(struct store_box *box)
{
	struct store_stamp now = store_stamp_of(box->dir, LOG_NAME);
	int flags = box->store->read_only ? O_RDONLY : O_RDWR;

	if (box->log_fd >= 0 && now.ino == box->log_ino && now.mtime)
		return true;
	store_log_close(box);
	if (!now.mtime || pf_fs_open(box->dir, LOG_NAME, flags | O_NOFOLLOW, 0,
				     &box->log_fd, NULL) != PF_OK)
		return false;
	struct stat st;
	if (fstat(box->log_fd, &st) == 0)
		box->log_ino = (uint64_t)st.st_ino;
	return true;
}

bool store_log_current(struct store_box *box)
{
	struct store_stamp now = store_stamp_of(box->dir, LOG_NAME);

	if (box->log_fd < 0)
		return now.mtime == 0;
	return now.ino == box->log_ino && (off_t)now.size == box->log_end;
}

static pf_status read_tail(struct store_box *box, struct pf_buf *bytes,
			   struct pf_error *err)
{
	struct stat st;
	size_t got = 0;

	if (fstat(box->log_fd, &st) != 0)
		return pf_error_sys(err, errno, "stat " LOG_NAME);
	if (st.st_size <= box->log_end)
		return PF_OK;
	size_t n = (size_t)(st.st_size - box->log_end);
	char *to = pf_buf_reserve(bytes, n);
	if (!to)
		return pf_buf_status(bytes, err);
	pf_status status =
	    pf_fs_pread(box->log_fd, to, n, box->log_end, &got, err);
	if (status == PF_OK)
		pf_buf_commit(bytes, got);
	return status;
}

pf_status store_log_read(struct store_box *box, bool *reload,
			 struct pf_error *err)
{
	struct pf_buf bytes = PF_BUF_INIT(LOG_MAX);
	struct store_log_header h;
	uint64_t seq = box->seq;
	char boot[16];

	*reload = false;
	if (!open_current(box))
		return PF_OK; /* the next commit makes one */
	if (box->log_end == 0) {
		if (!read_header(box, box->log_fd, &h)) {
			store_log_close(box);
			return PF_OK;
		}
		if (h.first_seq > box->seq + 1 ||
		    h.uidvalidity != box->uidvalidity ||
		    memcmp(h.guid, box->guid, 32) != 0) {
			*reload = true;
			store_log_close(box);
			return PF_OK;
		}
		store_boot_id(boot);
		if (memcmp(boot, h.boot, 16) != 0)
			box->rebooted = true;
		box->log_end = sizeof h;
		seq = h.first_seq - 1;
	}
	pf_status status = read_tail(box, &bytes, err);
	if (status == PF_OK) {
		size_t good =
		    store_log_walk(pf_buf_str(&bytes), &seq, apply_one, box);
		box->log_end += (off_t)good;
		/* what is behind the last good record will never be one */
		if (good < bytes.len && !box->store->read_only && box->locked &&
		    ftruncate(box->log_fd, box->log_end) != 0)
			status = pf_error_sys(err, errno, "cut " LOG_NAME);
		if (seq < box->seq) /* shorter than the snapshot: start anew */
			store_log_close(box);
	}
	pf_buf_release(&bytes);
	return status;
}

pf_status store_log_restart(struct store_box *box, struct pf_error *err)
{
	struct store_log_header h = {
	    .magic = LOG_MAGIC,
	    .first_seq = box->seq + 1,
	    .modseq = box->modseq,
	    .uidvalidity = box->uidvalidity,
	    .uidnext = box->uidnext,
	};

	store_boot_id(h.boot);
	memcpy(h.guid, box->guid, sizeof h.guid);
	h.crc = pf_crc32c(0, &h, offsetof(struct store_log_header, crc));
	store_log_close(box);
	/* the snapshot has no place for moves under way */
	store_txn_drop(box);
	store_moves_carry(box);
	uint64_t last = seal(box);
	struct pf_buf bytes = PF_BUF_INIT(LOG_MAX);
	pf_buf_add(&bytes, &h, sizeof h);
	pf_buf_add_str(&bytes, pf_buf_str(&box->txn));
	pf_status status = pf_buf_status(&box->txn, err);
	store_txn_drop(box);
	if (status == PF_OK)
		status = pf_buf_status(&bytes, err);
	if (status == PF_OK)
		status = pf_fs_replace(box->dir, LOG_NAME, pf_buf_str(&bytes),
				       STORE_FILE_MODE, true, err);
	if (status == PF_OK && !open_current(box))
		status = pf_error_set(err, PF_IO, NULL,
				      "%s: " LOG_NAME " vanished", box->folder);
	if (status == PF_OK) {
		box->log_end = (off_t)bytes.len;
		box->seq = last;
	}
	pf_buf_release(&bytes);
	return status;
}

/* ---- a log without its snapshot ---------------------------------------- */

static bool harvest_one(void *arg, const struct store_record_header *h,
			const char *payload)
{
	struct store_box *box = arg;
	struct pf_str bytes = pf_str_mem(payload, h->length), base, guid, rest;
	struct store_add_record add;
	uint32_t n;

	if (h->type == RECORD_ADD &&
	    store_add_parse(bytes, &add, &base, &guid, &rest)) {
		struct store_claim claim = {
		    .uid = add.m.uid,
		    .name = store_heap_add(box, base),
		    .guid = guid.n ? store_heap_add(box, guid) : 0,
		};
		pf_vec_push(&box->claims, claim);
		if (add.m.uid >= box->uidnext)
			box->uidnext = add.m.uid + 1;
	} else if (h->type == RECORD_UIDNEXT && bytes.n == sizeof n) {
		memcpy(&n, payload, sizeof n);
		if (n > box->uidnext)
			box->uidnext = n;
	} else if (h->type == RECORD_KEYWORD || h->type == RECORD_MOVE ||
		   h->type == RECORD_MOVE_BACK || h->type == RECORD_MOVE_END) {
		/* (of what was expunged no claim will find a file) */
		store_apply(box, h->type, bytes);
	}
	return true;
}

void store_log_harvest(struct store_box *box)
{
	struct pf_buf bytes = PF_BUF_INIT(LOG_MAX);
	struct store_log_header h;

	if (open_current(box) && read_header(box, box->log_fd, &h)) {
		uint64_t seq = h.first_seq - 1;
		box->uidvalidity = h.uidvalidity;
		box->uidnext = h.uidnext;
		if (h.modseq > box->modseq)
			box->modseq = h.modseq;
		memcpy(box->guid, h.guid, 32);
		box->log_end = sizeof h;
		if (read_tail(box, &bytes, NULL) == PF_OK)
			store_log_walk(pf_buf_str(&bytes), &seq, harvest_one,
				       box);
		box->seq = seq;
	}
	store_log_close(box);
	pf_buf_release(&bytes);
}
