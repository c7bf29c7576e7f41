/*
 * One mailbox in memory: opening it, its lock, and agreeing with the disk.
 *
 * Whoever changes a mailbox, or gives a UID, holds the lock on penfold.lock
 * and has first read what others appended to the log (store_box_lock).  The
 * lock is an OFD lock: it dies with its holder, and what the holder left
 * undone is finished by whoever locks next (store_redo).
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/past.h"
#include "store/quota.h"

/* ---- stamps ------------------------------------------------------------ */

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct store_stamp store_stamp_of(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
		return (struct store_stamp){0};
	return (struct store_stamp){
	    .mtime = ns_of(st.st_mtim),
	    .ctime = ns_of(st.st_ctim),
	    .ino = (uint64_t)st.st_ino,
	    .size = S_ISDIR(st.st_mode) ? 0 : (uint64_t)st.st_size,
	};
}

bool store_stamp_eq(const struct store_stamp *a, const struct store_stamp *b)
{
	return a->mtime == b->mtime && a->ctime == b->ctime &&
	       a->ino == b->ino && a->size == b->size;
}

/* ---- arrays --------------------------------------------- */

uint32_t store_heap_add2(struct store_box *box, struct pf_str text,
			 struct pf_str behind)
{
	size_t need = text.n + 1 + behind.n + 1;
	size_t at = box->heap_len ? box->heap_len : 1;

	if (at + need > UINT32_MAX)
		abort(); /* 4 GiB of file names: 40 million messages */
	box->heap = store_area_grow(&box->heap_area, box->heap, box->heap_len,
				    &box->heap_cap, at + need, 1);
	box->heap[0] = '\0';
	if (text.n)
		memcpy(box->heap + at, text.p, text.n);
	box->heap[at + text.n] = '\0';
	if (behind.n)
		memcpy(box->heap + at + text.n + 1, behind.p, behind.n);
	box->heap[at + need - 1] = '\0';
	/* without a suffix one NUL is enough */
	box->heap_len = behind.n ? at + need : at + need - 1;
	return (uint32_t)at;
}

uint32_t store_heap_add(struct store_box *box, struct pf_str text)
{
	return store_heap_add2(box, text, PF_STR(""));
}

const char *store_heap_text(const struct store_box *box, uint32_t at)
{
	return box->heap + (at < box->heap_len ? at : 0);
}

void store_recs_room(struct store_box *box, size_t extra)
{
	struct store_recs *recs = &box->recs;

	recs->v = store_area_grow(&box->recs_area, recs->v, recs->n, &recs->cap,
				  recs->n + extra, sizeof *recs->v);
}

/* ---- messages ------------------------------------------------------------ */

/* Messages are mostly asked for in their order, up or down, so the search
 * begins where the last one ended and takes steps of 1, 2, 4, ... before it
 * halves. */
uint32_t store_box_lower_bound(const struct store_box *box, uint32_t uid)
{
	const struct store_rec *v = box->recs.v;
	size_t lo = 0, hi = box->recs.n, near = *box->near, step = 1;

	if (hi == 0 || v[hi - 1].m.uid < uid)
		return (uint32_t)hi;
	if (near < hi && v[near].m.uid < uid) {
		for (lo = near; lo + step < hi && v[lo + step].m.uid < uid;
		     step *= 2)
			lo += step;
		if (lo + step < hi)
			hi = lo + step;
	} else if (near < hi) {
		for (hi = near; hi > step && v[hi - step].m.uid >= uid;
		     step *= 2)
			hi -= step;
		if (hi > step)
			lo = hi - step;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid].m.uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	*box->near = (uint32_t)lo;
	return (uint32_t)lo;
}

struct store_rec *store_box_rec(struct store_box *box, uint32_t uid)
{
	uint32_t at = store_box_lower_bound(box, uid);

	if (at < box->recs.n && box->recs.v[at].m.uid == uid)
		return &box->recs.v[at];
	return NULL;
}

const struct store_msg *store_box_find(const struct store_box *box,
				       uint32_t uid)
{
	uint32_t at = store_box_lower_bound(box, uid);

	if (at < box->recs.n && box->recs.v[at].m.uid == uid)
		return &box->recs.v[at].m;
	return NULL;
}

const struct store_msg *store_box_at(const struct store_box *box, uint32_t at)
{
	return at < box->recs.n ? &box->recs.v[at].m : NULL;
}

uint32_t store_box_first_unseen(struct store_box *box)
{
	size_t at = store_box_lower_bound(box, box->seen_end);

	if (box->unseen == 0)
		return 0;
	while (at < box->recs.n && box->recs.v[at].m.flags & STORE_SEEN)
		at++;
	/* all that are new come behind it */
	box->seen_end = at < box->recs.n ? box->recs.v[at].m.uid : 0;
	return box->seen_end;
}

struct pf_str store_box_name(const struct store_box *box)
{
	return pf_str_c(box->name);
}

struct store *store_box_store(struct store_box *box)
{
	return box->store;
}

bool store_box_exists(const struct store_box *box)
{
	struct stat st;

	return !box->deleted && !box->reset &&
	       fstatat(box->store->dir, box->folder, &st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_ino == box->ino;
}

void store_box_info(const struct store_box *box, struct store_box_info *info)
{
	*info = (struct store_box_info){
	    .uidvalidity = box->uidvalidity,
	    .uidnext = box->uidnext,
	    .highest_modseq = box->modseq,
	    .messages = (uint32_t)box->recs.n,
	    .unseen = box->unseen,
	    .deleted = box->deleted_count,
	    .size = box->size,
	    .deleted_size = box->deleted_size,
	};
	memcpy(info->guid, box->guid, sizeof info->guid);
}

bool store_box_is_reset(const struct store_box *box)
{
	return box->reset;
}

/* ---- loading ---------------------------------------------------------------
 */

void store_box_forget(struct store_box *box)
{
	store_area_free(&box->recs_area, box->recs.v);
	box->recs = (struct store_recs){0};
	pf_vec_release(&box->gone);
	pf_vec_release(&box->past);
	pf_vec_release(&box->dirty);
	pf_vec_release(&box->doomed);
	pf_vec_release(&box->intents);
	pf_vec_release(&box->moves);
	pf_vec_release(&box->claims);
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		free(box->keywords[i]);
		box->keywords[i] = NULL;
	}
	store_area_free(&box->heap_area, box->heap);
	box->heap = NULL;
	box->heap_len = box->heap_cap = box->heap_waste = 0;
	store_heap_add(box, PF_STR("")); /* offset 0 and 1 */
	store_index_drop(box);
	store_txn_drop(box);
	store_log_close(box);
	box->uidvalidity = 0;
	box->uidnext = 1;
	box->modseq = box->gone_floor = box->seq = 0;
	memset(box->guid, 0, sizeof box->guid);
	memset(box->seen, 0, sizeof box->seen);
	box->noted = (struct store_noted){0};
	box->rescan = RESCAN_BOTH;
	box->rescan_at = 0;
	store_own_stop(box);
	box->unclean = true;
	box->rebooted = box->missing = false;
	box->provisional = box->lists_read = box->unapplied = false;
	box->snapshot_size = 0;
	store_box_count(box);
}

/* Puts the mailbox together without a snapshot: from the log if there is
 * one, from dovecot-uidlist, and from what the scan will find.  Every claim
 * is a UID that the scan gives back to its file. */
static pf_status rebuild(struct store_box *box, struct pf_error *err)
{
	struct store_uidlist list = {0};
	bool adopt = false;

	store_box_forget(box);
	store_log_harvest(box);
	box->noted = (struct store_noted){0};
	pf_status status = store_uidlist_read(box, &adopt, &list, err);
	if (status != PF_OK)
		return status;
	if (adopt) { /* another UIDVALIDITY than the log's */
		store_box_forget(box);
		status = store_uidlist_read(box, &adopt, &list, err);
		if (status != PF_OK)
			return status;
	}
	if (box->uidvalidity == 0) {
		box->uidvalidity = (uint32_t)pf_clock_now();
		if (!box->store->read_only)
			status = store_uidvalidity_next(box->store, 0,
							&box->uidvalidity, err);
	}
	if (box->guid[0] == '\0')
		store_guid_make(box->guid);
	/* never below what an earlier cache may have told a client */
	uint64_t now = (uint64_t)pf_clock_us();
	if (box->modseq < now)
		box->modseq = now;
	box->gone_floor = box->modseq;
	return status;
}

/* The snapshot may be older than what clients know: what happened since is
 * in dovecot-uidlist and in the file names. */
static pf_status without_log(struct store_box *box, bool *reload,
			     struct pf_error *err)
{
	struct store_uidlist list = {0};
	uint64_t now = (uint64_t)pf_clock_us();

	box->noted = (struct store_noted){0};
	box->rescan = RESCAN_BOTH;
	if (box->modseq < now)
		box->modseq = now;
	box->gone_floor = box->modseq;
	return store_uidlist_read(box, reload, &list, err);
}

/* The records before a reload */
struct old_recs {
	struct store_recs recs;
	struct store_area area;
};

static struct old_recs take_recs(struct store_box *box)
{
	struct old_recs old = {box->recs, box->recs_area};

	box->recs = (struct store_recs){0};
	box->recs_area = (struct store_area){0};
	return old;
}

/* After a reload the sessions' views must hear what is gone. */
static void tell_views(struct store_box *box, const struct store_recs *old)
{
	struct store_uids gone = {0};

	for (size_t i = 0; i < old->n; i++)
		if (!store_box_find(box, old->v[i].m.uid))
			pf_vec_push(&gone, old->v[i].m.uid);
	if (gone.n)
		store_views_expunged(box, gone.v, gone.n);
	pf_vec_release(&gone);
}

static pf_status load(struct store_box *box, struct pf_error *err)
{
	struct old_recs old = take_recs(box);
	uint32_t old_validity = box->uidvalidity;
	bool reload = false, rebuilt = false;

	box->loaded = false;
	store_box_forget(box);
	pf_status status = store_snapshot_load(box);
	if (status == PF_OK)
		status = store_log_read(box, &reload, err);
	else
		reload = true;
	if (status == PF_OK && !reload && box->log_fd < 0)
		status = without_log(box, &reload, err);
	if (reload) {
		status = rebuild(box, err);
		rebuilt = true;
	}
	if (status == PF_OK) {
		if (old_validity && old_validity != box->uidvalidity)
			box->reset = true;
		box->loaded = true;
		tell_views(box, &old.recs);
	}
	store_area_free(&old.area, old.recs.v);
	if (status == PF_OK && rebuilt)
		status = store_keywords_read(box, err);
	if (status != PF_OK)
		box->loaded = false;
	return status;
}

/* ---- the lock
 * ---------------------------------------------------------------- */

static pf_status lock_file(struct store_box *box, struct pf_error *err)
{
	bool write = !box->store->read_only;

	if (box->lock_fd < 0) {
		pf_status status =
		    pf_fs_open(box->dir, "penfold.lock",
			       write ? O_RDWR | O_CREAT : O_RDONLY,
			       STORE_FILE_MODE, &box->lock_fd, err);
		if (status != PF_OK && !write)
			return PF_OK; /* nobody has ever written here */
		if (status == PF_NOTFOUND)
			return pf_error_set(err, PF_NOTFOUND,
					    "The mailbox was deleted",
					    "%s: deleted", box->folder);
		if (status != PF_OK)
			return status;
	}
	return pf_fs_lock(box->lock_fd, write, STORE_LOCK_MS, err);
}

static pf_status refresh(struct store_box *box, struct pf_error *err)
{
	bool reload = false;
	pf_status status = PF_OK;

	if (!box->loaded)
		return load(box, err);
	if (store_log_current(box))
		return PF_OK;
	if (box->provisional)
		return load(box, err);
	status = store_log_read(box, &reload, err);
	if (status == PF_OK && (reload || !box->loaded))
		status = load(box, err);
	return status;
}

static void unlock(struct store_box *box)
{
	if (--box->locked)
		return;
	box->store->held--;
	store_quota_publish(box);
	if (box->loaded && !box->store->read_only && !box->deleted)
		store_checkpoint_maybe(box, false);
	store_txn_drop(box);
	if (box->past_dir >= 0)
		close(box->past_dir);
	box->past_dir = -1;
	if (box->lock_fd >= 0)
		pf_fs_unlock(box->lock_fd);
}

static pf_status lock_and_read(struct store_box *box, struct pf_error *err)
{
	struct stat st;

	box->locked++;
	box->store->held++;
	pf_status status = lock_file(box, err);
	if (status != PF_OK) { /* others have it: nothing here is ours */
		box->locked--;
		box->store->held--;
		return status;
	}
	status = refresh(box, err);
	if (status == PF_OK &&
	    (box->deleted || fstat(box->dir, &st) != 0 || st.st_nlink == 0))
		status =
		    pf_error_set(err, PF_NOTFOUND, "The mailbox was deleted",
				 "%s: deleted", box->folder);
	if (status == PF_OK)
		status = store_redo(box, err);
	if (status != PF_OK)
		unlock(box);
	return status;
}

pf_status store_box_lock(struct store_box *box, struct pf_error *err)
{
	if (box->locked) {
		box->locked++;
		return PF_OK;
	}
	pf_status status = lock_and_read(box, err);
	/* the other mailbox has to be locked too, in its order */
	if (status == PF_OK && box->moves.n && box->store->held == 1 &&
	    !box->store->read_only) {
		store_box_unlock(box);
		store_moves_resolve(box);
		status = lock_and_read(box, err);
	}
	return status;
}

void store_box_unlock(struct store_box *box)
{
	if (box->locked == 1 && box->loaded && !box->deleted)
		store_verify(box);
	unlock(box);
}

void store_box_docs_changed(struct store_box *box)
{
	if (!box->changed_docs)
		box->docs_since = pf_clock_mono_ms();
	box->changed_docs = true;
}

/* ---- opening
 * ------------------------------------------------------------------ */

size_t store_box_bytes(const struct store_box *box)
{
	size_t recs = sizeof *box->recs.v, slot = sizeof *box->index;

	return sizeof *box +
	       store_area_bytes(&box->recs_area, box->recs.n * recs,
				box->recs.cap * recs) +
	       store_area_bytes(&box->heap_area, box->heap_len, box->heap_cap) +
	       store_area_bytes(&box->index_area, box->index_cap * slot,
				box->index_cap * slot) +
	       box->gone.cap * sizeof *box->gone.v + store_summary_bytes(box);
}

void store_box_free(struct store_box *box)
{
	store_box_forget(box);
	store_summary_free(box);
	store_area_free(&box->heap_area, box->heap);
	pf_vec_release(&box->recent);
	pf_buf_release(&box->past_text);
	pf_list_remove(&box->link);
	if (box->lock_fd >= 0)
		close(box->lock_fd);
	if (box->dir >= 0)
		close(box->dir);
	free(box->name);
	free(box->folder);
	free(box->near);
	free(box);
}

static struct store_box *find_open(struct store *store, struct pf_str folder)
{
	for (struct pf_link *l = store->boxes.next; l != &store->boxes;
	     l = l->next) {
		struct store_box *box =
		    pf_container_of(l, struct store_box, link);
		if (pf_str_eq(pf_str_c(box->folder), folder) &&
		    store_box_exists(box))
			return box;
	}
	return NULL;
}

static pf_status open_folder(struct store *store, const char *folder, int *dir,
			     struct pf_error *err)
{
	if (!store_folder_exists(store, folder))
		return pf_error_set(err, PF_NOTFOUND, "No such mailbox",
				    "no folder %s", folder);
	pf_status status =
	    pf_fs_open(store->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		       0, dir, err);
	if (status == PF_OK && !store->read_only)
		status = store_folder_make(*dir, false, err);
	return status;
}

static struct store_box *box_new(struct store *store, struct pf_str name,
				 const char *folder, int dir)
{
	struct store_box *box = calloc(1, sizeof *box);
	struct stat st;

	if (!box || !(box->near = calloc(1, sizeof *box->near)))
		abort();
	box->store = store;
	box->refs = 1;
	box->name = store_is_inbox(name) ? pf_str_dup(PF_STR("INBOX"))
					 : pf_str_dup(name);
	box->folder = pf_str_dup(pf_str_c(folder));
	box->dir = dir;
	box->lock_fd = box->log_fd = box->past_dir = -1;
	if (fstat(dir, &st) == 0)
		box->ino = (uint64_t)st.st_ino;
	pf_list_init(&box->views);
	pf_list_append(&store->boxes, &box->link);
	store_box_forget(box);
	return box;
}

static pf_status open_once(struct store *store, struct pf_str name,
			   struct store_box **box, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	int dir = -1;
	pf_status status = store_folder_of(store, name, &folder, err);
	struct store_box *found =
	    status == PF_OK ? find_open(store, pf_buf_str(&folder)) : NULL;

	if (found) {
		store_rest_end(found);
		found->refs++;
	} else if (status == PF_OK) {
		status = open_folder(store, folder.data, &dir, err);
		if (status == PF_OK)
			found = box_new(store, name, folder.data, dir);
		else if (dir >= 0)
			close(dir);
	}
	pf_buf_release(&folder);
	if (status != PF_OK)
		return status;
	status = store_box_sync(found, false, err);
	if (status != PF_OK) {
		store_box_close(&found);
		return status;
	}
	*box = found;
	return PF_OK;
}

pf_status store_box_open(struct store *store, struct pf_str name,
			 struct store_box **box, struct pf_error *err)
{
	struct store_box *found = NULL;
	pf_status status = open_once(store, name, &found, err);

	/* only now it was seen that the one in memory is of no use to anybody
	 * but its sessions, which will be told so */
	if (status == PF_OK && found->reset) {
		store_box_close(&found);
		status = open_once(store, name, &found, err);
	}
	if (status == PF_OK)
		*box = found;
	return status;
}

void store_box_close(struct store_box **box)
{
	struct store_box *b = *box;

	*box = NULL;
	if (!b || --b->refs)
		return;
	b->store->held++; /* from here on nobody may open it again */
	if (b->loaded && !b->store->read_only && !b->deleted &&
	    store_box_exists(b) && store_box_lock(b, NULL) == PF_OK) {
		store_scan_settle(b);
		(void)!store_uidlist_write(b, true, NULL);
		store_checkpoint_maybe(b, true);
		store_box_unlock(b);
	}
	b->store->held--;
	if (!store_rest_begin(b))
		store_box_free(b);
}

/* ---- keeping up
 * ------------------------------------------------------------------ */

/* Position of the first message that no session has taken, about. */
static size_t first_new(const struct store_box *box)
{
	size_t at = box->recs.n, left = (size_t)box->in_new + box->fresh;

	while (at > 0 && left > 0) {
		uint32_t state = box->recs.v[--at].state;
		left -=
		    (state & REC_NEW ? 1u : 0) + (state & REC_FRESH ? 1 : 0);
	}
	return at;
}

/* Moves what lies in new/ to cur/, and notes that what was made here has
 * found its session. */
static pf_status take_new(struct store_box *box, struct pf_error *err)
{
	struct pf_buf from = PF_BUF_INIT(1024), to = PF_BUF_INIT(1024);
	struct store_ranges taken = {0};
	pf_status status = PF_OK;

	store_scan_own_begin(box);
	for (size_t i = first_new(box); i < box->recs.n && status == PF_OK;
	     i++) {
		struct store_rec *rec = &box->recs.v[i];
		if (!(rec->state & (REC_NEW | REC_FRESH)))
			continue;
		if (!(rec->state & REC_NEW)) {
			store_ranges_add(&taken, rec->m.uid, false);
			pf_vec_push(&box->recent, rec->m.uid);
			continue;
		}
		pf_buf_clear(&from);
		pf_buf_clear(&to);
		store_rec_path(box, rec, &from);
		store_rec_path_with(box, rec, rec->letters, &to);
		status =
		    pf_fs_rename(box->dir, from.data, box->dir, to.data, err);
		if (status == PF_NOTFOUND) {
			box->rescan = RESCAN_BOTH; /* others were faster */
			status = PF_OK;
			continue;
		}
		if (status == PF_OK) {
			store_own_did(box, 1, 1);
			store_ranges_add(&taken, rec->m.uid, false);
			pf_vec_push(&box->recent, rec->m.uid);
		}
	}
	store_scan_own_end(box);
	if (taken.n) {
		store_txn_taken(box, taken.v, taken.n);
		store_txn_applied(box);
		pf_status logged = store_txn_commit(box, false, err);
		if (status == PF_OK)
			status = logged;
	}
	pf_vec_release(&taken);
	pf_buf_release(&from);
	pf_buf_release(&to);
	return status;
}

static bool lists_changed(const struct store_box *box)
{
	struct store_stamp now = store_stamp_of(box->dir, "dovecot-uidlist");

	if (!store_stamp_eq(&now, &box->noted.uidlist))
		return true;
	now = store_stamp_of(box->dir, "dovecot-keywords");
	return !store_stamp_eq(&now, &box->noted.keywords) ||
	       (now.mtime == 0 && box->keywords[0]); /* it was removed */
}

/* Dovecot was here, or somebody put a backup back. */
static pf_status read_lists(struct store_box *box, struct pf_error *err)
{
	struct store_uidlist list = {0};
	bool adopt = false;
	pf_status status = store_uidlist_read(box, &adopt, &list, err);

	if (status == PF_OK && adopt) {
		/* a later UIDVALIDITY: start over with theirs */
		struct old_recs old = take_recs(box);
		uint64_t modseq = box->modseq, seq = box->seq;
		store_box_forget(box);
		box->reset = true;
		box->modseq = box->gone_floor = modseq + 1;
		box->seq = seq;
		tell_views(box, &old.recs);
		store_area_free(&old.area, old.recs.v);
		status = store_uidlist_read(box, &adopt, &list, err);
		if (box->guid[0] == '\0')
			store_guid_make(box->guid);
	}
	if (status == PF_OK)
		status = store_keywords_read(box, err);
	return status;
}

static pf_status sync_locked(struct store_box *box, bool new_too,
			     struct pf_error *err)
{
	bool write = !box->store->read_only;
	pf_status status = PF_OK;

	if (write && box->log_fd >= 0 && lists_changed(box))
		status = read_lists(box, err);
	if (status == PF_OK && (store_scan_due(box) || box->lists_read))
		status = store_scan(box, box->lists_read, err);
	if (status == PF_OK && write && box->log_fd < 0)
		status = store_checkpoint(box, err);
	if (status == PF_OK && write && lists_changed(box)) {
		status = store_keywords_write(box, err);
		if (status == PF_OK)
			status = store_uidlist_write(box, false, err);
	}
	if (status == PF_OK && new_too && (box->in_new || box->fresh))
		status = take_new(box, err);
	return status;
}

pf_status store_box_sync(struct store_box *box, bool new_too,
			 struct pf_error *err)
{
	bool write = !box->store->read_only;

	new_too = new_too && write;
	if (box->loaded && !box->deleted && store_log_current(box) &&
	    !(write && box->moves.n) && !store_scan_due(box) &&
	    !(new_too && (box->in_new || box->fresh)) &&
	    (!write || !lists_changed(box)))
		return PF_OK;
	pf_status status = store_box_lock(box, err);
	if (status != PF_OK)
		return status;
	status = sync_locked(box, new_too, err);
	store_box_unlock(box);
	return status;
}

pf_status store_box_catch_up(struct store_box *box, struct pf_error *err)
{
	if (box->loaded && (box->deleted || store_log_current(box)))
		return PF_OK;
	pf_status status = store_box_lock(box, err);
	if (status == PF_OK)
		store_box_unlock(box);
	return status;
}

pf_status store_box_flush(struct store_box *box, struct pf_error *err)
{
	if (!box->loaded || box->store->read_only || box->deleted)
		return PF_OK;
	pf_status status = store_box_lock(box, err);
	if (status != PF_OK)
		return status;
	status = store_uidlist_write(box, false, err);
	if (status == PF_OK)
		box->changed_docs = false;
	store_box_unlock(box);
	return status;
}

pf_status store_status(struct store *store, struct pf_str name,
		       struct store_box_info *info, uint32_t *recent,
		       struct pf_error *err)
{
	struct store_box *box = NULL;
	pf_status status = store_box_open(store, name, &box, err);

	if (status != PF_OK)
		return status;
	store_box_info(box, info);
	*recent = box->in_new + box->fresh + (uint32_t)box->recent.n;
	store_box_close(&box);
	return PF_OK;
}
