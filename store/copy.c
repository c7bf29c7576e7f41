/*
 * COPY and MOVE: hard links under the locks of both mailboxes.
 *
 * The order: the names to be linked go into the destination's log (intent),
 * the links are made and cur/ synced, the messages committed to the log, and
 * for MOVE the source then expunged.  Before the commit everything can be
 * undone, by us or after a kill by the next one who locks (store_redo).  Both
 * locks are held throughout, so of two sessions that move one message the
 * second no longer finds it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/box.h"

struct copied {
	uint32_t from;
	struct store_msg m; /* as it will be there */
	uint32_t letters;
	char *base, *path, *guid;
	bool linked, missing;
};
struct copieds pf_vec(struct copied);

/* ---- two locks
 * ------------------------------------------------------------------- */

static pf_status lock_both(struct store_box *a, struct store_box *b,
			   struct pf_error *err)
{
	struct store_box *first = a->ino <= b->ino ? a : b;
	struct store_box *second = first == a ? b : a;
	pf_status status = store_box_lock(first, err);

	if (status != PF_OK)
		return status;
	status = store_box_lock(second, err);
	if (status != PF_OK)
		store_box_unlock(first);
	return status;
}

/* ---- what to copy
 * ----------------------------------------------------------------- */

/* The source's keyword bits as the destination numbers them. */
static pf_status map_keywords(struct store_box *from, struct store_box *to,
			      uint64_t bits, uint64_t *mapped,
			      unsigned char table[STORE_KEYWORDS_MAX],
			      struct pf_error *err)
{
	*mapped = 0;
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		const char *name = from->keywords[i];
		unsigned number;
		if (!(bits & UINT64_C(1) << i) || !name)
			continue;
		if (!table[i]) {
			pf_status status = store_box_keyword_number(
			    to, pf_str_c(name), true, &number, err);
			if (status == PF_LIMIT || status == PF_INVALID)
				continue; /* better without it than not */
			if (status != PF_OK)
				return status;
			table[i] = (unsigned char)(number + 1);
		}
		*mapped |= UINT64_C(1) << (table[i] - 1);
	}
	return PF_OK;
}

static pf_status choose(struct store_box *from, struct store_box *to,
			const uint32_t *uids, size_t count,
			struct copieds *list, struct pf_error *err)
{
	unsigned char table[STORE_KEYWORDS_MAX] = {0};
	struct pf_buf path = PF_BUF_INIT(1024);
	char base[256];
	pf_status status = PF_OK;

	for (size_t i = 0; i < count && status == PF_OK; i++) {
		const struct store_rec *rec = store_box_rec(from, uids[i]);
		struct stat st;
		if (!rec)
			continue;
		struct copied c = {.from = uids[i], .m = rec->m};
		c.m.save_date = pf_clock_now();
		status = map_keywords(from, to, rec->m.keywords, &c.m.keywords,
				      table, err);
		if (status != PF_OK)
			break;
		pf_buf_clear(&path);
		store_rec_path(from, rec, &path);
		uint64_t size = 0;
		if (!store_base_number(pf_str_c(store_rec_base(from, rec)), 'S',
				       &size) &&
		    fstatat(from->dir, path.data, &st, AT_SYMLINK_NOFOLLOW) ==
			0)
			size = (uint64_t)st.st_size;
		store_base_make(base, sizeof base, size, rec->m.size);
		c.letters = store_letters_of(&c.m);
		pf_buf_clear(&path);
		pf_buf_add_c(&path, "cur/");
		pf_buf_add_c(&path, base);
		store_suffix_add(&path, c.letters, PF_STR(""));
		c.base = pf_str_dup(pf_str_c(base));
		c.path = pf_str_dup(pf_buf_str(&path));
		c.guid = pf_str_dup(store_msg_guid(from, uids[i]));
		pf_vec_push(list, c);
	}
	pf_buf_release(&path);
	return status;
}

static void list_release(struct copieds *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].base);
		free(list->v[i].path);
		free(list->v[i].guid);
	}
	pf_vec_release(list);
}

/* ---- the files
 * ----------------------------------------------------------------------- */

/* Where no hard link can be made (another file system, too many links). */
static pf_status copy_bytes(struct store_box *from, const char *source,
			    struct store_box *to, const char *target,
			    struct pf_error *err)
{
	char block[65536];
	int in = -1, out = -1;
	struct stat st;
	off_t at = 0;
	size_t got = sizeof block;
	pf_status status =
	    pf_fs_open(from->dir, source, O_RDONLY | O_NOFOLLOW, 0, &in, err);

	if (status == PF_OK)
		status =
		    pf_fs_open(to->dir, target, O_WRONLY | O_CREAT | O_EXCL,
			       STORE_FILE_MODE, &out, err);
	while (status == PF_OK && got == sizeof block) {
		status = pf_fs_pread(in, block, sizeof block, at, &got, err);
		if (status == PF_OK)
			status = pf_fs_write(out, block, got, err);
		at += (off_t)got;
	}
	if (status == PF_OK && fstat(in, &st) == 0) {
		struct timespec times[2] = {st.st_atim, st.st_mtim};
		if (futimens(out, times) != 0)
			status = pf_error_sys(err, errno, "set the date");
	}
	if (status == PF_OK)
		status = pf_fs_sync(out, err);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return status;
}

static pf_status link_one(struct store_box *from, struct store_box *to,
			  struct copied *c, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	const struct store_rec *rec = store_box_rec(from, c->from);
	pf_status status = PF_NOTFOUND;

	if (rec) {
		store_rec_path(from, rec, &path);
		status =
		    pf_fs_link(from->dir, path.data, to->dir, c->path, err);
		if (err &&
		    (err->sys_errno == EXDEV || err->sys_errno == EMLINK) &&
		    status != PF_OK) {
			c->linked = true; /* perhaps half: to be undone */
			status = copy_bytes(from, path.data, to, c->path, err);
		}
	}
	pf_buf_release(&path);
	if (status == PF_OK)
		c->linked = true;
	return status;
}

static pf_status link_files(struct store_box *from, struct store_box *to,
			    struct copieds *list, struct pf_error *err)
{
	pf_status status = PF_OK;
	struct pf_error here = {0};
	bool scanned = false;

	store_scan_own_begin(to);
	for (size_t i = 0; i < list->n && status == PF_OK; i++) {
		struct copied *c = &list->v[i];
		status = link_one(from, to, c, &here);
		if (status == PF_NOTFOUND && !scanned && from != to) {
			/* renamed by another program */
			scanned = true;
			status = store_scan(from, true, &here);
			if (status == PF_OK)
				status = link_one(from, to, c, &here);
		}
		if (status == PF_NOTFOUND) {
			c->missing = true; /* gone: as if it was not asked */
			status = PF_OK;
		}
	}
	if (status == PF_OK && list->n)
		status = pf_fs_sync_dir(to->dir, "cur", &here);
	store_scan_own_end(to);
	if (status != PF_OK && err)
		*err = here;
	return status;
}

static void undo_links(struct store_box *to, struct copieds *list)
{
	store_scan_own_begin(to);
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].linked)
			(void)!pf_fs_unlink(to->dir, list->v[i].path, NULL);
	store_scan_own_end(to);
	store_txn_drop(to);
	store_txn_applied(to);
	(void)!store_txn_commit(to, false, NULL);
}

/* ---- the whole
 * ---------------------------------------------------------------------- */

static pf_status commit_copies(struct store_box *to, struct copieds *list,
			       struct store_uid_pairs *pairs,
			       struct pf_error *err)
{
	uint64_t modseq = to->modseq + 1;
	uint32_t next = to->uidnext;
	pf_status status =
	    store_uidlist_reserve(to, next + (uint32_t)list->n, err);

	if (status != PF_OK)
		return status;
	for (size_t i = 0; i < list->n; i++) {
		struct copied *c = &list->v[i];
		if (c->missing)
			continue;
		struct store_uid_pair pair = {c->from, next};
		c->m.uid = next++;
		c->m.modseq = modseq;
		store_txn_add(to, &c->m, c->letters, REC_INFO,
			      pf_str_c(c->base), pf_str_c(c->guid), PF_STR(""));
		pf_vec_push(pairs, pair);
	}
	store_txn_applied(to);
	return store_txn_commit(to, true, err);
}

/* The source could not be expunged: what is still there is not moved. */
static void undo_move(struct store_box *from, struct store_box *to,
		      struct store_uid_pairs *pairs)
{
	struct store_uids back = {0};
	size_t kept = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		if (store_box_find(from, pairs->v[i].from))
			pf_vec_push(&back, pairs->v[i].to);
		else
			pairs->v[kept++] = pairs->v[i];
	}
	pairs->n = kept;
	(void)!store_box_expunge(to, back.v, back.n, true, NULL);
	pf_vec_release(&back);
}

static pf_status copy_locked(struct store_box *from, struct store_box *to,
			     const uint32_t *uids, size_t count, bool move,
			     struct store_uid_pairs *pairs,
			     struct pf_error *err)
{
	struct copieds list = {0};
	pf_status status = PF_OK;

	if (store_scan_due(to)) /* what is there already comes first */
		status = store_scan(to, false, err);
	if (status == PF_OK)
		status = choose(from, to, uids, count, &list, err);
	for (size_t i = 0; i < list.n && status == PF_OK; i++)
		store_txn_intent(to, pf_str_c(list.v[i].path));
	if (status == PF_OK)
		status = store_txn_commit(to, true, err);
	if (status == PF_OK && list.n) {
		status = link_files(from, to, &list, err);
		if (status == PF_OK)
			status = commit_copies(to, &list, pairs, err);
		if (status != PF_OK) {
			pairs->n = 0;
			undo_links(to, &list);
		}
	}
	if (status == PF_OK && move && pairs->n) {
		struct store_uids gone = {0};
		for (size_t i = 0; i < pairs->n; i++)
			pf_vec_push(&gone, pairs->v[i].from);
		status = store_box_expunge(from, gone.v, gone.n, true, err);
		if (status != PF_OK)
			undo_move(from, to, pairs);
		pf_vec_release(&gone);
	}
	list_release(&list);
	return status;
}

pf_status store_box_copy(struct store_box *from, const uint32_t *uids,
			 size_t count, struct pf_str to_name, bool move,
			 uint32_t *to_uidvalidity,
			 struct store_uid_pairs *pairs, struct pf_error *err)
{
	struct store_box *to = NULL;
	pf_status status = store_writable(from->store, err);

	pairs->n = 0;
	if (status == PF_OK)
		status = store_box_open(from->store, to_name, &to, err);
	if (status != PF_OK)
		return status;
	status = lock_both(from, to, err);
	if (status == PF_OK) {
		status = copy_locked(from, to, uids, count, move, pairs, err);
		*to_uidvalidity = to->uidvalidity;
		for (size_t i = 0; i < pairs->n; i++)
			pf_vec_push(&to->recent, pairs->v[i].to);
		store_box_docs_changed(to);
		store_box_unlock(to);
		store_box_unlock(from);
	}
	store_box_close(&to);
	return status;
}
