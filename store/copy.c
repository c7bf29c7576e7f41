/*
 * COPY and MOVE: hard links under the locks of both mailboxes.
 *
 * The order: the names to be linked go into the destination's log (intent),
 * the links are made and cur/ synced, the messages committed to the log, and
 * for MOVE the source then expunged.  Before the commit everything can be
 * undone, by us or after a kill by the next one who locks (store_redo).  What
 * ties the two logs of a MOVE together is in move.c.  Both locks are held
 * throughout, so of two sessions that move one message the second no longer
 * finds it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/quota.h"

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

pf_status store_box_lock_both(struct store_box *a, struct store_box *b,
			      struct pf_error *err)
{
	struct store_box *first = a->ino <= b->ino ? a : b;
	struct store_box *second = first == a ? b : a;
	bool two_stores = a->store != b->store;

	/* a move out of one of them is not resolved now: that would take a
	 * third lock (a store counts only its own) */
	a->store->held += two_stores;
	b->store->held += two_stores;
	pf_status status = store_box_lock(first, err);
	if (status == PF_OK) {
		status = store_box_lock(second, err);
		if (status != PF_OK)
			store_box_unlock(first);
	}
	a->store->held -= two_stores;
	b->store->held -= two_stores;
	return status;
}

/* What another process left half moved out of the source comes first. */
static pf_status lock_resolved(struct store_box *from, struct store_box *to,
			       struct pf_error *err)
{
	pf_status status = store_box_lock(from, err); /* resolves */

	if (status != PF_OK)
		return status;
	store_box_unlock(from);
	return store_box_lock_both(from, to, err);
}

static bool is_moving(const struct store_box *box, uint32_t uid)
{
	for (size_t i = 0; i < box->moves.n; i++)
		if (box->moves.v[i].uid == uid)
			return true;
	return false;
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
			const struct store_copy *how, struct copieds *list,
			struct pf_error *err)
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
		if (is_moving(from, uids[i])) {
			status = pf_error_set(
			    err, PF_BUSY, "A move is still under way",
			    "%s: where uid %u was moved cannot be asked",
			    from->folder, uids[i]);
			break;
		}
		struct copied c = {.from = uids[i], .m = rec->m};
		c.m.save_date = pf_clock_now();
		c.m.flags &= ~how->drop_flags;
		status = map_keywords(from, to,
				      how->drop_keywords ? 0 : rec->m.keywords,
				      &c.m.keywords, table, err);
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
	if (status == PF_OK) {
		c->linked = true;
		store_own_did(to, 0, 1);
	}
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
	/* as in a later store_redo: these UIDs are used up */
	store_txn_uidnext(to, to->uidnext + (uint32_t)list->n);
	store_txn_applied(to);
	(void)!store_txn_commit(to, false, NULL);
}

/* ---- the whole
 * ---------------------------------------------------------------------- */

/* Writes down in the source what is going to be moved. */
static pf_status commit_moves(struct store_box *from, struct store_box *to,
			      const struct copieds *list, struct pf_error *err)
{
	struct pf_str root =
	    from->store == to->store ? PF_STR("") : pf_str_c(to->store->root);

	for (size_t i = 0; i < list->n; i++) {
		const struct copied *c = &list->v[i];
		struct store_move move = {
		    .uid = c->from,
		    .to_uid = c->m.uid,
		    .to_modseq = to->modseq,
		    .to_ino = to->ino,
		};
		memcpy(move.to_guid, to->guid, sizeof move.to_guid);
		if (!c->missing)
			store_txn_move(from, &move, pf_str_c(c->base),
				       pf_str_c(to->folder), root);
	}
	return store_txn_commit(from, true, err);
}

static pf_status commit_copies(struct store_box *to, struct copieds *list,
			       struct store_uid_pairs *pairs,
			       struct pf_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct copied *c = &list->v[i];
		if (c->missing)
			continue;
		struct store_uid_pair pair = {c->from, c->m.uid};
		store_txn_add(to, &c->m, c->letters, REC_INFO | REC_FRESH,
			      pf_str_c(c->base), pf_str_c(c->guid), PF_STR(""));
		pf_vec_push(pairs, pair);
	}
	store_txn_applied(to);
	return store_txn_commit(to, true, err);
}

/* Is there a file?  Its record may outlive it, when the log failed. */
static bool has_file(struct store_box *box, uint32_t uid)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	const struct store_rec *rec = store_box_rec(box, uid);
	struct stat st;

	if (rec)
		store_rec_path(box, rec, &path);
	bool has =
	    rec && fstatat(box->dir, path.data, &st, AT_SYMLINK_NOFOLLOW) == 0;
	pf_buf_release(&path);
	return has;
}

/* The source could not be expunged: what is still there is not moved. */
static void undo_move(struct store_box *from, struct store_box *to,
		      struct store_uid_pairs *pairs)
{
	struct store_uids stay = {0}, back = {0};
	size_t kept = 0;

	(void)!store_scan(from, true, NULL);
	for (size_t i = 0; i < pairs->n; i++) {
		if (has_file(from, pairs->v[i].from)) {
			pf_vec_push(&stay, pairs->v[i].from);
			pf_vec_push(&back, pairs->v[i].to);
		} else {
			pairs->v[kept++] = pairs->v[i];
		}
	}
	pairs->n = kept;
	/* without the record the move will be finished by a later opener;
	 * and without UIDs, expunge would mean all there are */
	if (back.n &&
	    store_moves_mark(from, RECORD_MOVE_BACK, &stay, NULL) == PF_OK &&
	    store_box_remove(to, back.v, back.n, false, NULL) == PF_OK)
		(void)!store_moves_mark(from, RECORD_MOVE_END, &stay, NULL);
	pf_vec_release(&stay);
	pf_vec_release(&back);
}

/* The destination did not take them. */
static void undo_copies(struct store_box *from, struct store_box *to,
			struct copieds *list, bool move)
{
	struct store_uids none = {0};

	undo_links(to, list);
	for (size_t i = 0; i < list->n && move; i++)
		pf_vec_push(&none, list->v[i].from);
	store_txn_drop(from);
	if (move && from->moves.n)
		(void)!store_moves_mark(from, RECORD_MOVE_END, &none, NULL);
	pf_vec_release(&none);
}

/* Their UIDs, which must be known before they are committed. */
static pf_status choose_uids(struct store_box *to, struct copieds *list,
			     struct pf_error *err)
{
	uint32_t next = to->uidnext;
	pf_status status =
	    store_uidlist_reserve(to, next + (uint32_t)list->n, err);

	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].missing)
			continue;
		list->v[i].m.uid = next++;
		list->v[i].m.modseq = to->modseq + 1;
	}
	return status;
}

static pf_status link_and_commit(struct store_box *from, struct store_box *to,
				 struct copieds *list, bool move,
				 struct store_uid_pairs *pairs,
				 struct pf_error *err)
{
	pf_status status = link_files(from, to, list, err);

	if (status == PF_OK)
		status = choose_uids(to, list, err);
	if (status == PF_OK && move)
		status = commit_moves(from, to, list, err);
	if (status == PF_OK)
		status = commit_copies(to, list, pairs, err);
	if (status != PF_OK) {
		pairs->n = 0;
		undo_copies(from, to, list, move);
	}
	return status;
}

static pf_status copy_locked(struct store_box *from, struct store_box *to,
			     const uint32_t *uids, size_t count,
			     const struct store_copy *how,
			     struct store_uid_pairs *pairs,
			     struct pf_error *err)
{
	struct copieds list = {0};
	bool move = how->move;
	pf_status status = PF_OK;

	if (store_scan_due(to)) /* what is there already comes first */
		status = store_scan(to, false, err);
	if (status == PF_OK)
		status = choose(from, to, uids, count, how, &list, err);
	for (size_t i = 0; i < list.n && status == PF_OK; i++)
		store_txn_intent(to, pf_str_c(list.v[i].path));
	if (status == PF_OK)
		status = store_txn_commit(to, true, err);
	if (status == PF_OK && list.n)
		status = link_and_commit(from, to, &list, move, pairs, err);
	if (status == PF_OK && move && pairs->n) {
		struct store_uids gone = {0};
		for (size_t i = 0; i < pairs->n; i++)
			pf_vec_push(&gone, pairs->v[i].from);
		/* who moves mail to others' stores takes it from us */
		status = store_box_remove(from, gone.v, gone.n,
					  from->store != to->store, err);
		if (status != PF_OK)
			undo_move(from, to, pairs);
		pf_vec_release(&gone);
	}
	list_release(&list);
	return status;
}

/* What is moved within the account takes no more of it. */
static pf_status take_room(struct store_box *from, struct store_box *to,
			   const uint32_t *uids, size_t count, bool move,
			   struct pf_error *err)
{
	struct store *store = to->store;
	struct quota_want want = {.mailbox = pf_str_c(to->name)};

	if (!store->quota)
		return PF_OK;
	for (size_t i = 0; i < count; i++) {
		const struct store_rec *rec = store_box_rec(from, uids[i]);
		if (!rec)
			continue;
		want.storage += store_rec_disk(from, rec);
		want.messages++;
	}
	want.within = move && from->store == store &&
		      !store_quota_rules_ignore(&store->quota->rules,
						pf_str_c(from->name));
	return store_quota_take(store, &want, err);
}

pf_status store_box_copy_to(struct store_box *from, const uint32_t *uids,
			    size_t count, const struct store_copy *how,
			    uint32_t *to_uidvalidity,
			    struct store_uid_pairs *pairs, struct pf_error *err)
{
	struct store *store = how->store ? how->store : from->store;
	struct store_box *to = NULL;
	pf_status status = PF_OK;

	if (how->move || store == from->store)
		status = store_writable(from->store, err);

	pairs->n = 0;
	if (status == PF_OK)
		status = store_box_open(store, how->name, &to, err);
	if (status != PF_OK)
		return status;
	status = take_room(from, to, uids, count, how->move, err);
	if (status == PF_OK) {
		status = lock_resolved(from, to, err);
		if (status != PF_OK)
			to->published = false; /* gives the room back */
	}
	if (status == PF_OK) {
		status = copy_locked(from, to, uids, count, how, pairs, err);
		if (pairs->n < count)
			to->published = false;
		*to_uidvalidity = to->uidvalidity;
		store_box_docs_changed(to);
		store_box_unlock(to);
		store_box_unlock(from);
	}
	store_box_close(&to);
	return status;
}

pf_status store_box_copy(struct store_box *from, const uint32_t *uids,
			 size_t count, struct pf_str to, bool move,
			 uint32_t *to_uidvalidity,
			 struct store_uid_pairs *pairs, struct pf_error *err)
{
	struct store_copy how = {.name = to, .move = move};

	return store_box_copy_to(from, uids, count, &how, to_uidvalidity, pairs,
				 err);
}
