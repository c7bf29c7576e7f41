/*
 * MOVE between two logs, so that a message is in one mailbox or the other
 * whatever dies in between.
 *
 * What decides is the log of the destination: once it has the message, the
 * move happened.  But whoever opens the source next has to hear of it.  So
 * the source's log gets, before that commit, a record of each message under
 * way: its UID, and which mailbox, UID and file it is going to be.  The
 * EXPUNGE behind the commit ends it.  Both locks are held throughout, so who
 * reads of a move without an end knows that its process is dead, and asks
 * the destination: has it the file, or had it the UID and lost it, then the
 * source is expunged; otherwise nothing was moved.  For that the UID of a
 * copy that was undone must never name another message (change.c).
 *
 * A source that cannot be expunged is undone in the destination.  That this
 * is so stands in the source's log first (MOVE_BACK), or the next one would
 * take the destination's expunge for a client's.
 *
 * The destination may be in another user's store: then the record says which
 * Maildir, and that store is opened for the question.
 *
 * Looking needs both locks, taken in the usual order, and thus not the one of
 * the source alone: store_box_lock lets it go and comes here, unless it holds
 * the lock of yet another mailbox.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/names.h"

/* ---- in memory --------------------------------------------------------- */

bool store_ranges_have(const struct store_ranges *ranges, uint32_t uid)
{
	size_t lo = 0, hi = ranges->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ranges->v[mid].hi < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < ranges->n && ranges->v[lo].lo <= uid;
}

bool store_move_apply(struct store_box *box, struct pf_str payload)
{
	struct store_move_record r;

	if (payload.n < sizeof r)
		return false;
	memcpy(&r, payload.p, sizeof r);
	struct pf_str rest = pf_str_from(payload, sizeof r);
	size_t names = (size_t)r.base_len + r.folder_len;
	if (rest.n != names + r.root_len || r.base_len == 0 ||
	    r.folder_len == 0 || r.uid == 0 || memchr(rest.p, '\0', rest.n) ||
	    memchr(rest.p, '/', names))
		return false;
	struct store_move m = {
	    .uid = r.uid,
	    .to_uid = r.to_uid,
	    .to_modseq = r.to_modseq,
	    .to_ino = r.to_ino,
	    .base = store_heap_add(box, pf_str_head(rest, r.base_len)),
	    .folder = store_heap_add(
		box, pf_str_from(pf_str_head(rest, names), r.base_len)),
	    .root = store_heap_add(box, pf_str_from(rest, names)),
	};
	memcpy(m.to_guid, r.to_guid, sizeof r.to_guid);
	box->heap_waste += rest.n + 3;
	pf_vec_push(&box->moves, m);
	return true;
}

void store_moves_end(struct store_box *box, const struct store_ranges *ranges)
{
	size_t kept = 0;

	for (size_t i = 0; i < box->moves.n; i++)
		if (!store_ranges_have(ranges, box->moves.v[i].uid))
			box->moves.v[kept++] = box->moves.v[i];
	box->moves.n = kept;
}

void store_moves_carry(struct store_box *box)
{
	for (size_t i = 0; i < box->moves.n; i++) {
		const struct store_move *m = &box->moves.v[i];
		struct store_range one = {m->uid, m->uid};
		store_txn_move(box, m, pf_str_c(box->heap + m->base),
			       pf_str_c(box->heap + m->folder),
			       pf_str_c(box->heap + m->root));
		if (m->back)
			store_txn_moved(box, RECORD_MOVE_BACK, &one, 1);
	}
}

pf_status store_moves_mark(struct store_box *box, uint32_t type,
			   struct store_uids *uids, struct pf_error *err)
{
	struct store_ranges ranges = {0};

	store_uids_sort(uids);
	for (size_t i = 0; i < uids->n; i++)
		if (i == 0 || uids->v[i] != uids->v[i - 1])
			store_ranges_add(&ranges, uids->v[i], false);
	if (ranges.n)
		store_txn_moved(box, type, ranges.v, ranges.n);
	pf_vec_release(&ranges);
	return store_txn_commit(box, true, err);
}

/* ---- after a kill ------------------------------------------------------ */

struct target {
	struct store *store;
	uint64_t ino;
	struct pf_buf name; /* UTF-8 */
};

static void find_ino(void *arg, const char *folder, struct pf_str name)
{
	struct target *t = arg;
	struct stat st;

	if (t->name.len == 0 &&
	    fstatat(t->store->dir, folder, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)st.st_ino == t->ino)
		pf_buf_add_str(&t->name, name);
}

/* Opens it if it is the mailbox that the move was going to. */
static pf_status open_if(struct store *store, struct pf_str name,
			 const char *guid, struct store_box **to,
			 struct pf_error *err)
{
	pf_status status = store_box_open(store, name, to, err);

	if (status == PF_OK && strcmp((*to)->guid, guid) != 0)
		store_box_close(to);
	return status == PF_NOTFOUND || status == PF_INVALID ? PF_OK : status;
}

/* *to is NULL when the mailbox is no more. */
static pf_status open_target(struct store_box *box, struct store *store,
			     const struct store_move *m, struct store_box **to,
			     struct pf_error *err)
{
	struct target t = {.store = store, .ino = m->to_ino};
	pf_status status = PF_OK;

	*to = NULL;
	pf_buf_init(&t.name, 2048);
	if (store_folder_name(store, box->heap + m->folder, &t.name))
		status =
		    open_if(store, pf_buf_str(&t.name), m->to_guid, to, err);
	if (status == PF_OK && !*to) {
		pf_buf_clear(&t.name);
		status = store_folders(store, find_ino, &t, err);
		if (status == PF_OK && t.name.len)
			status = open_if(store, pf_buf_str(&t.name), m->to_guid,
					 to, err);
	}
	pf_buf_release(&t.name);
	return status;
}

static bool had_uid(const struct store_box *to, const struct store_move *m)
{
	if (to->gone_floor > m->to_modseq)
		return false; /* nobody knows any more */
	for (size_t i = to->gone.n; i > 0; i--) {
		const struct store_gone *gone = &to->gone.v[i - 1];
		if (gone->lo <= m->to_uid && m->to_uid <= gone->hi)
			return true;
	}
	return false;
}

/* Both locked.  All moves that go to the mailbox `guid`, which is `to` or,
 * when that is NULL, no more. */
static pf_status settle(struct store_box *box, struct store_box *to,
			const char *guid, struct pf_error *err)
{
	struct store_uids moved = {0}, undone = {0}, ended = {0};
	/* without a snapshot the messages are yet to be found */
	pf_status status = store_box_sync(box, false, err);

	for (size_t i = 0; status == PF_OK && i < box->moves.n; i++) {
		const struct store_move *m = &box->moves.v[i];
		if (strcmp(m->to_guid, guid) != 0)
			continue;
		const struct store_rec *there =
		    to ? store_index_find(to, pf_str_c(box->heap + m->base))
		       : NULL;
		if (m->back && there)
			pf_vec_push(&undone, there->m.uid);
		if (!m->back && store_box_find(box, m->uid) &&
		    (there || (to && had_uid(to, m))))
			pf_vec_push(&moved, m->uid);
		else
			pf_vec_push(&ended, m->uid);
	}
	store_uids_sort(&moved);
	store_uids_sort(&undone);
	if (undone.n)
		status = store_box_remove(to, undone.v, undone.n, false, err);
	if (status == PF_OK && ended.n)
		status = store_moves_mark(box, RECORD_MOVE_END, &ended, err);
	if (status == PF_OK && moved.n)
		status = store_box_remove(box, moved.v, moved.n,
					  to && to->store != box->store, err);
	pf_vec_release(&moved);
	pf_vec_release(&undone);
	pf_vec_release(&ended);
	return status;
}

/* The other user's store that a move was going to; NULL: it is no more.  Only
 * what we wrote ourselves is believed: the log names a path. */
static pf_status open_other(const struct store_box *box,
			    const struct store_move *m, struct store **store,
			    struct pf_error *err)
{
	struct store_conf conf = {
	    .root = box->heap + m->root,
	    .separator = box->store->separator,
	    .special_use = "",
	};
	struct stat st;

	*store = NULL;
	if (box->log_fd < 0 || fstat(box->log_fd, &st) != 0 ||
	    st.st_uid != geteuid())
		return pf_error_set(err, PF_NOPERM, NULL,
				    "%s: a move that another user began",
				    box->folder);
	if (stat(conf.root, &st) != 0)
		return errno == ENOENT
			   ? PF_OK
			   : pf_error_sys(err, errno, "%s", conf.root);
	return store_open(&conf, store, err);
}

static pf_status resolve_first(struct store_box *box, struct pf_error *err)
{
	struct store_move m = box->moves.v[0];
	bool same = strcmp(m.to_guid, box->guid) == 0;
	bool elsewhere = box->heap[m.root] != '\0';
	struct store *store = box->store;
	struct store_box *to = NULL;
	pf_status status = elsewhere ? open_other(box, &m, &store, err) : PF_OK;

	if (status == PF_OK && !same && store)
		status = open_target(box, store, &m, &to, err);
	if (status != PF_OK) {
		if (elsewhere)
			store_close(&store);
		return status;
	}
	struct store_box *there = same ? box : to;
	status = store_box_lock_both(box, there ? there : box, err);
	if (status == PF_OK) {
		status = settle(box, there, m.to_guid, err);
		store_box_unlock(there ? there : box);
		store_box_unlock(box);
	}
	store_box_close(&to);
	if (elsewhere)
		store_close(&store);
	return status;
}

void store_moves_resolve(struct store_box *box)
{
	pf_status status = PF_OK;
	size_t before = SIZE_MAX;

	box->store->held++; /* no third one meanwhile */
	while (status == PF_OK && box->moves.n && box->moves.n < before) {
		before = box->moves.n;
		status = resolve_first(box, NULL);
	}
	box->store->held--;
}
