/*
 * Changing flags: the log first, then the file names.
 *
 * Once the record is in the log the change will happen, here or, if we are
 * killed, by whoever locks the mailbox next (store_redo).  If a file cannot
 * be renamed although it is there, the change to it is taken back in the log
 * and the client hears NO.
 */
#include <stdlib.h>

#include "store/box.h"

void store_ranges_add(struct store_ranges *ranges, uint32_t uid, bool joined)
{
	struct store_range *last = ranges->n ? &ranges->v[ranges->n - 1] : NULL;

	if (last && (joined || last->hi + 1 == uid)) {
		last->hi = uid;
		return;
	}
	struct store_range range = {uid, uid};
	pf_vec_push(ranges, range);
}

static int compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void store_uids_sort(struct store_uids *uids)
{
	if (uids->n)
		qsort(uids->v, uids->n, sizeof *uids->v, compare_uids);
}

/* ---- file names follow
 * ------------------------------------------------------- */

/* The change to this message is taken back to what its file says. */
static void take_back(struct store_box *box, struct store_rec *rec)
{
	uint64_t low = (UINT64_C(1) << STORE_KEYWORD_LETTERS) - 1;
	struct store_flags_record change = {
	    .modseq = box->modseq + 1,
	    .add = rec->letters & STORE_FLAGS_ALL,
	    .remove = STORE_FLAGS_ALL,
	    .add_keywords = rec->letters >> STORE_LETTERS_KEYWORD,
	    .remove_keywords = low,
	};
	struct store_range range = {rec->m.uid, rec->m.uid};

	store_txn_flags(box, &change, &range, 1);
}

pf_status store_rename_dirty(struct store_box *box, bool *again,
			     struct pf_error *err)
{
	struct pf_buf from = PF_BUF_INIT(1024), to = PF_BUF_INIT(1024);
	pf_status status = PF_OK, first = PF_OK;

	*again = false;
	store_scan_own_begin(box);
	for (size_t i = 0; i < box->dirty.n; i++) {
		struct store_rec *rec = store_box_rec(box, box->dirty.v[i]);
		if (!rec || !(rec->state & REC_DIRTY))
			continue;
		uint32_t wanted = store_letters_of(&rec->m);
		unsigned was_new = rec->state & REC_NEW ? 1 : 0;
		if (wanted == rec->letters) {
			rec->state &= ~(uint32_t)REC_DIRTY;
			continue;
		}
		pf_buf_clear(&from);
		pf_buf_clear(&to);
		store_rec_path(box, rec, &from);
		store_rec_path_with(box, rec, wanted, &to);
		status = pf_fs_rename(box->dir, from.data, box->dir, to.data,
				      first == PF_OK ? err : NULL);
		if (status == PF_OK) {
			store_own_did(box, was_new, 2 - was_new);
			store_rec_renamed(box, rec);
			continue;
		}
		rec->state &= ~(uint32_t)REC_DIRTY;
		if (status == PF_NOTFOUND) {
			*again = true; /* renamed by another: merge */
			continue;
		}
		if (first == PF_OK)
			first = status;
		take_back(box, rec);
	}
	store_scan_own_end(box);
	box->dirty.n = 0;
	bool wrong = box->txn.len > 0;
	/* while a file has to be found, others must not believe that its name
	 * says what the log says: the scan writes APPLIED */
	box->unapplied = *again;
	if (!*again)
		store_txn_applied(box);
	status = store_txn_commit(box, wrong, first == PF_OK ? err : NULL);
	pf_buf_release(&from);
	pf_buf_release(&to);
	return first != PF_OK ? first : status;
}

pf_status store_apply_renames(struct store_box *box, struct pf_error *err)
{
	bool again = false;
	pf_status status = store_rename_dirty(box, &again, err);

	if (status == PF_OK && again)
		status = store_scan(box, true, err);
	return status;
}

/* Is this the file of a copy that was not committed?  One that dovecot-uidlist
 * names has a UID that somebody may know: it was committed, and our log has
 * lost that.  Then it stays. */
static bool to_undo(struct store_box *box, struct pf_str path)
{
	if (!pf_str_starts(path, PF_STR("cur/")) || pf_str_rchr(path, '/') != 3)
		return false;
	return !store_uidlist_names(box, store_base_of(pf_str_from(path, 4)));
}

/* Removes what a copy left that was not committed. */
static pf_status undo_intents(struct store_box *box, struct pf_error *err)
{
	uint32_t next = box->uidnext + (uint32_t)box->intents.n;

	store_scan_own_begin(box);
	for (size_t i = 0; i < box->intents.n; i++) {
		struct pf_str path = pf_str_c(box->heap + box->intents.v[i]);
		pf_status status = PF_OK;
		if (to_undo(box, path))
			status = pf_fs_unlink(box->dir, path.p, err);
		if (status != PF_OK && status != PF_NOTFOUND)
			return status;
	}
	store_scan_own_end(box);
	/* The UIDs they would have had never name others: see move.c.  If the
	 * reserve does not tell of them, then dovecot-uidlist was changed and
	 * will be read before a UID is given. */
	if (next < box->noted.reserved)
		store_txn_uidnext(box, next);
	store_txn_applied(box);
	return store_txn_commit(box, false, err);
}

pf_status store_redo(struct store_box *box, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (box->store->read_only)
		return PF_OK;
	if (box->intents.n)
		status = undo_intents(box, err);
	if (status == PF_OK && box->rebooted)
		status = store_scan(box, true, err);
	else if (status == PF_OK && box->dirty.n)
		status = store_apply_renames(box, err);
	return status;
}

/* ---- STORE
 * --------------------------------------------------------------------- */

static void record_of(const struct store_box *box,
		      const struct store_flag_change *change,
		      struct store_flags_record *record)
{
	*record = (struct store_flags_record){.modseq = box->modseq + 1};
	if (change->mode != STORE_FLAGS_REMOVE) {
		record->add = change->flags;
		record->add_keywords = change->keywords;
	}
	if (change->mode == STORE_FLAGS_SET) {
		record->remove = STORE_FLAGS_ALL & ~change->keep_flags;
		record->remove_keywords =
		    change->keep_keywords ? 0 : UINT64_MAX;
	}
	if (change->mode == STORE_FLAGS_REMOVE) {
		record->remove = change->flags;
		record->remove_keywords = change->keywords;
	}
}

static bool changes(const struct store_msg *m,
		    const struct store_flags_record *r)
{
	return ((m->flags & ~r->remove) | r->add) != m->flags ||
	       ((m->keywords & ~r->remove_keywords) | r->add_keywords) !=
		   m->keywords;
}

/* Which of the UIDs the change is for, and which it must leave. */
static void select_uids(struct store_box *box, const uint32_t *uids,
			size_t count, const struct store_flags_record *record,
			uint64_t unchanged_since, struct store_ranges *ranges,
			struct store_uids *modified)
{
	size_t at = count ? store_box_lower_bound(box, uids[0]) : 0;
	bool joined = false;

	for (size_t i = 0; i < count && at < box->recs.n; at++) {
		const struct store_msg *m = &box->recs.v[at].m;
		while (i < count && uids[i] < m->uid)
			i++;
		if (i == count)
			break;
		if (uids[i] != m->uid) { /* skip ahead to the next one asked */
			at = store_box_lower_bound(box, uids[i]);
			joined = false;
			if (at == 0 || at >= box->recs.n)
				break;
			at--;
			continue;
		}
		if (m->modseq > unchanged_since) {
			if (modified)
				pf_vec_push(modified, m->uid);
			joined = false;
			continue;
		}
		if (!changes(m, record)) {
			joined = false;
			continue;
		}
		store_ranges_add(ranges, m->uid, joined);
		joined = true;
	}
}

/* Who else changed them since `modseq`?  Asked twice: before our change, since
 * the view was told, and after it, since another program may have renamed the
 * file when we wanted to. */
static void find_behind(const struct store_box *box, const uint32_t *uids,
			size_t count, uint64_t modseq,
			struct store_uids *behind)
{
	for (size_t i = 0; i < count; i++) {
		const struct store_msg *m = store_box_find(box, uids[i]);

		if (m && m->modseq > modseq)
			pf_vec_push(behind, m->uid);
	}
	store_uids_sort(behind);
}

pf_status store_box_change_flags(struct store_box *box, const uint32_t *uids,
				 size_t count,
				 const struct store_flag_change *change,
				 struct store_uids *modified,
				 struct pf_error *err)
{
	struct store_flags_record record;
	struct store_ranges ranges = {0};
	pf_status status = store_writable(box->store, err);

	if (status == PF_OK)
		status = store_box_lock(box, err);
	if (status != PF_OK)
		return status;
	record_of(box, change, &record);
	if (change->view)
		find_behind(box, uids, count, store_view_modseq(change->view),
			    change->behind);
	select_uids(box, uids, count, &record, change->unchanged_since, &ranges,
		    modified);
	if (ranges.n) {
		store_txn_flags(box, &record, ranges.v, ranges.n);
		status = store_txn_commit(box, true, err);
		if (status == PF_OK && box->dirty.n)
			status = store_apply_renames(box, err);
		if (change->view)
			find_behind(box, uids, count, record.modseq,
				    change->behind);
	}
	store_box_unlock(box);
	pf_vec_release(&ranges);
	return status;
}
