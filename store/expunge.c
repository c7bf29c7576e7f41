/*
 * Removing messages: the files first (into the past, past.c), then the log.
 *
 * The other way round than flags (change.c), because here the Maildir heals
 * by itself: if we are killed in between, the files are gone, and the next
 * scan proves that and writes the same record.  And a file that cannot be
 * removed needs nothing taken back.  After a power cut, files of expunged
 * messages may return; the log knows their names (box->doomed).
 *
 * A file that another program renames all the time is caught while reading
 * the directory, where its name is only microseconds old.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/past.h"

/* More expunged UIDs than this are not listed one by one. */
#define EXPUNGED_MAX (1u << 22)

/* Tries each UID once.  Those whose file was not where we thought stay in
 * `uids`, for after a scan. */
static pf_status take_files(struct store_box *box, struct store_uids *uids,
			    bool keep, struct store_ranges *gone,
			    struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	pf_status status = PF_OK;
	size_t left = 0;

	store_scan_own_begin(box);
	for (size_t i = 0; i < uids->n; i++) {
		struct store_rec *rec = store_box_rec(box, uids->v[i]);
		if (!rec || status != PF_OK)
			continue;
		pf_buf_clear(&path);
		store_rec_path(box, rec, &path);
		status = store_past_take(box, path.data, keep, err);
		if (status == PF_NOTFOUND) {
			uids->v[left++] = uids->v[i];
			status = PF_OK;
		} else if (status == PF_OK) {
			unsigned in_new = rec->state & REC_NEW ? 1 : 0;
			store_own_did(box, in_new, 1 - in_new);
			store_ranges_add(gone, uids->v[i], false);
		}
	}
	store_scan_own_end(box);
	uids->n = left;
	pf_buf_release(&path);
	return status;
}

/* Removes each file of the directory whose base is wanted; its UID goes from
 * `wanted` to `caught`. */
static pf_status catch_in(struct store_box *box, const char *part, bool keep,
			  struct pf_map *wanted, struct store_uids *caught,
			  struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	int fd = -1;
	pf_status status =
	    pf_fs_open(box->dir, part, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pf_error_sys(err, errno, "read %s", part);
	}
	for (struct dirent *e; status == PF_OK && (e = readdir(d));) {
		struct pf_str base = store_base_of(pf_str_c(e->d_name));
		if (!pf_map_get(wanted, base))
			continue;
		pf_buf_clear(&path);
		pf_buf_addf(&path, "%s/%s", part, e->d_name);
		status = store_past_take(box, path.data, keep, err);
		if (status == PF_OK)
			pf_vec_push(caught, (uint32_t)(uintptr_t)pf_map_remove(
						wanted, base));
		else if (status == PF_NOTFOUND)
			status = PF_OK; /* renamed again */
	}
	closedir(d);
	pf_buf_release(&path);
	return status;
}

/* Those that no pass sees are left to the scan, which proves absence. */
static pf_status catch_files(struct store_box *box,
			     const struct store_uids *uids, bool keep,
			     struct store_ranges *gone, struct pf_error *err)
{
	struct pf_map wanted = {0};
	struct store_uids caught = {0};
	pf_status status = PF_OK;

	for (size_t i = 0; i < uids->n; i++) {
		struct store_rec *rec = store_box_rec(box, uids->v[i]);
		if (rec)
			pf_map_set(&wanted, pf_str_c(store_rec_base(box, rec)),
				   (void *)(uintptr_t)uids->v[i]);
	}
	store_scan_own_begin(box);
	for (int i = 0; i < 50 && wanted.count && status == PF_OK; i++) {
		status = catch_in(box, "new", keep, &wanted, &caught, err);
		if (status == PF_OK)
			status =
			    catch_in(box, "cur", keep, &wanted, &caught, err);
	}
	store_scan_own_end(box);
	store_uids_sort(&caught);
	for (size_t i = 0; i < caught.n; i++)
		store_ranges_add(gone, caught.v[i], false);
	pf_vec_release(&caught);
	pf_map_release(&wanted);
	return status;
}

static pf_status expunge_uids(struct store_box *box, struct store_uids *uids,
			      bool keep, struct pf_error *err)
{
	pf_status status = PF_OK;

	for (int round = 0; round < 3 && uids->n && status == PF_OK; round++) {
		struct store_ranges gone = {0};
		if (round > 0) /* most are found by looking once */
			status = store_scan(box, true, err);
		if (status == PF_OK && round < 2)
			status = take_files(box, uids, keep, &gone, err);
		else if (status == PF_OK)
			status = catch_files(box, uids, keep, &gone, err);
		if (gone.n) {
			store_txn_expunge(box, box->modseq + 1, gone.v, gone.n);
			store_txn_applied(box);
			pf_status logged = store_txn_commit(
			    box, true, status == PF_OK ? err : NULL);
			if (status == PF_OK)
				status = logged;
			store_box_docs_changed(box);
		}
		pf_vec_release(&gone);
	}
	for (size_t i = 0; i < uids->n && status == PF_OK; i++)
		if (store_box_rec(box, uids->v[i]))
			status = pf_error_set(
			    err, PF_BUSY, "Another program is at the mailbox",
			    "%s: uid %u could not be removed", box->folder,
			    uids->v[i]);
	return status;
}

/* Those with \Deleted, or all; what is deleted is mostly new. */
static void choose_all(const struct store_box *box, bool any,
		       struct store_uids *chosen)
{
	size_t left = any ? box->recs.n : box->deleted_count;

	for (size_t i = box->recs.n; left > 0 && i-- > 0;) {
		const struct store_msg *m = &box->recs.v[i].m;
		if (!any && !(m->flags & STORE_DELETED))
			continue;
		pf_vec_push(chosen, m->uid);
		left--;
	}
	store_uids_sort(chosen);
}

static pf_status remove_chosen(struct store_box *box, const uint32_t *uids,
			       size_t count, bool any, bool keep,
			       struct pf_error *err)
{
	struct store_uids chosen = {0};
	pf_status status = store_writable(box->store, err);

	if (status == PF_OK)
		status = store_box_lock(box, err);
	if (status != PF_OK)
		return status;
	for (size_t i = 0; uids && i < count; i++) {
		const struct store_msg *m = store_box_find(box, uids[i]);
		if (m && (any || m->flags & STORE_DELETED))
			pf_vec_push(&chosen, m->uid);
	}
	if (!uids)
		choose_all(box, any, &chosen);
	status = expunge_uids(box, &chosen, keep, err);
	store_box_unlock(box);
	pf_vec_release(&chosen);
	return status;
}

pf_status store_box_expunge(struct store_box *box, const uint32_t *uids,
			    size_t count, bool any, struct pf_error *err)
{
	return remove_chosen(box, uids, count, any, true, err);
}

pf_status store_box_remove(struct store_box *box, const uint32_t *uids,
			   size_t count, bool keep, struct pf_error *err)
{
	return remove_chosen(box, uids, count, true, keep, err);
}

pf_status store_box_expunged_since(struct store_box *box, uint64_t modseq,
				   struct store_uids *uids, bool *complete,
				   struct pf_error *err)
{
	size_t from = box->gone.n;
	uint64_t total = 0;

	(void)err;
	*complete = modseq >= box->gone_floor;
	uids->n = 0;
	while (from > 0 && box->gone.v[from - 1].modseq > modseq)
		from--;
	for (size_t i = from; i < box->gone.n; i++)
		total += (uint64_t)box->gone.v[i].hi - box->gone.v[i].lo + 1;
	if (total > EXPUNGED_MAX)
		*complete = false;
	for (size_t i = from; *complete && i < box->gone.n; i++)
		for (uint64_t uid = box->gone.v[i].lo; uid <= box->gone.v[i].hi;
		     uid++)
			if (!store_box_find(box, (uint32_t)uid)) /* is back */
				pf_vec_push(uids, (uint32_t)uid);
	store_uids_sort(uids);
	return PF_OK;
}
